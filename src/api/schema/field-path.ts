/** Where a check is: segments that are joined only when there is something to report. */

/** ".spec", "[0]", "[app]"; pushed on the way down, popped on the way up. */
export type FieldPath = string[];

export function formatPath(path: readonly string[]): string {
  const text = path.join("");
  return text.startsWith(".") ? text.slice(1) : text;
}
