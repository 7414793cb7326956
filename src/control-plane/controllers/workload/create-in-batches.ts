/**
 * Asks for many creations, one at first and twice as many with each success: where none can succeed, as with a
 * quota, one failure tells. 1, 2, 4, … at a time.
 */
export interface BatchOutcome {
  readonly succeeded: number;
  /** Asked for and refused. */
  readonly failed: number;
  /** The first one. */
  readonly error: unknown;
}

export async function createInBatches(count: number, create: (index: number) => Promise<void>): Promise<BatchOutcome> {
  let succeeded = 0;
  for (let size = 1; succeeded < count; size *= 2) {
    const first = succeeded;
    const batch = Array.from({ length: Math.min(size, count - first) }, (_, index) => create(first + index));
    const failures = (await Promise.allSettled(batch)).filter((result) => result.status === "rejected");
    succeeded += batch.length - failures.length;
    if (failures.length > 0) return { succeeded, failed: failures.length, error: failures[0]?.reason };
  }
  return { succeeded, failed: 0, error: undefined };
}
