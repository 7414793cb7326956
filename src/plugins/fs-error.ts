/** Errors of node:fs, by errno name: "ENOENT", "EEXIST", …; without names, any of them. */
export function isFsError(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error && "code" in error && typeof error.code === "string")) return false;
  return codes.length === 0 || codes.includes(error.code);
}
