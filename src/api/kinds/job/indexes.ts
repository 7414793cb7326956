/** Indexes of pods as text: "1,3-5,7". Source: Kubernetes documentation, "Jobs", completion mode Indexed. */

export type Indexes = { readonly count: number } | { readonly problem: string };

/** Counts them; they must rise and stay below `completions`. */
export function countIndexes(text: string, completions: number): Indexes {
  if (text === "") return { count: 0 };
  let count = 0;
  let last = -1;
  for (const part of text.split(",")) {
    const limits = part.split("-");
    if (limits.length > 2) {
      const fragment = JSON.stringify(part);
      return {
        problem: `the fragment ${fragment} violates the requirement that an index interval can have at most two parts separated by '-'`,
      };
    }
    for (const limit of limits) {
      if (!/^[0-9]+$/.test(limit)) {
        return { problem: `cannot convert string to integer for index: ${JSON.stringify(limit)}` };
      }
      if (Number(limit) >= completions) return { problem: `too large index: ${JSON.stringify(limit)}` };
    }
    const [first = 0, end = first] = limits.map(Number);
    if (limits.length === 2 && first >= end) return { problem: notIncreasing(first, end) };
    if (last >= first) return { problem: notIncreasing(last, first) };
    count += end - first + 1;
    last = end;
  }
  return { count };
}

function notIncreasing(previous: number, current: number): string {
  return `non-increasing order, previous: ${previous}, current: ${current}`;
}
