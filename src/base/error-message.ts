/** What was wrong, in words. Of an error on the way out of another one, that other one says it: it came first. */
export function errorMessage(error: unknown): string {
  if (error instanceof SuppressedError) {
    return `${errorMessage(error.suppressed)}; cleaning up failed as well: ${errorMessage(error.error)}`;
  }
  return error instanceof Error ? error.message : String(error);
}
