/**
 * Ends the leases of a containerd that was killed. It makes one for each container and image that it puts together, and
 * gives it a day: killed in between, it would leave the container's snapshot on the disk for so long.
 */
import type { CriClient } from "#cri/cri-client.ts";

/** `startedAt`: of the containerd that runs now; leases of before are nobody's. Answers how many there were. */
export async function endStaleLeases(
  cri: Pick<CriClient, "listLeases" | "deleteLease">,
  startedAt: Date,
  signal: AbortSignal,
): Promise<number> {
  const { leases } = await cri.listLeases({}, signal);
  const stale = leases.filter(
    ({ createdAt }) => createdAt !== undefined && milliseconds(createdAt) < startedAt.getTime(),
  );
  for (const { id } of stale) await cri.deleteLease({ id, sync: true }, signal);
  return stale.length;
}

function milliseconds({ seconds, nanos }: { readonly seconds: bigint; readonly nanos: number }): number {
  return Number(seconds) * 1000 + nanos / 1e6;
}
