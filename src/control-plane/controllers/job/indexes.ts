/**
 * Which numbers of an indexed job are done: "1,3-5". Source: Kubernetes documentation, "Jobs" (completion mode);
 * API reference, JobStatus completedIndexes.
 */

/** What cannot be read is passed over: the server has checked it. */
export function parseIndexes(text: string | undefined): ReadonlySet<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? "").split(",")) {
    const [first, last = first] = part.split("-");
    if (first === undefined || !/^[0-9]+$/.test(first)) continue;
    for (let index = Number(first); index <= Number(last); index++) indexes.add(index);
  }
  return indexes;
}

export function formatIndexes(indexes: Iterable<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let at = 0; at < sorted.length; ) {
    const first = sorted[at] ?? 0;
    let last = first;
    while (sorted[at + 1] === last + 1) {
      at++;
      last++;
    }
    at++;
    // Two in a row are listed, more are a range.
    parts.push(last === first ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`);
  }
  return parts.join(",");
}
