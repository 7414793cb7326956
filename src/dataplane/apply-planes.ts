/**
 * Several data planes on one node, each for the peers of its own back end. A peer changes from one to another without a
 * packet lost: the new one's route takes the old one's place in one step, and then the old one clears what led there.
 */
import type { Applied, Connectivity, DesiredNetwork } from "./contract.ts";

/** All planes on the same desired state. What one hands over to another is cleared at the end. */
export async function applyPlanes(
  planes: readonly Connectivity[],
  desired: DesiredNetwork,
  signal: AbortSignal,
): Promise<Applied> {
  const changes: string[] = [];
  let problems: Applied["problems"] = [];
  // Once to make, once to clear what was replaced; when the first made nothing there is nothing to clear.
  for (const pass of ["make", "clear"] as const) {
    const before = changes.length;
    problems = [];
    for (const plane of planes) {
      const applied = await plane.apply(desired, signal);
      changes.push(...applied.changes);
      problems = [...problems, ...applied.problems];
    }
    if (pass === "make" && changes.length === before) break;
  }
  return { changes, problems };
}
