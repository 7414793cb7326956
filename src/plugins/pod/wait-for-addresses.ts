/** Waits for the kernel's word that addresses may be used, or that somebody else has them. Never polls. */
import type { IpAddress } from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import { type Address, listAddresses } from "#kernel/rtnetlink/address.ts";
import { watchRtnetlink } from "#kernel/rtnetlink/events.ts";
import type { PodNetns } from "./pod-netns.ts";

/** Detection takes about a second per address; the reference's plugins wait as long. */
const DEADLINE_MS = 5_000;

/**
 * Resolves when none of the addresses is tentative any more. Throws CniError when one is a duplicate, or the time is over.
 * The link-local address that the kernel makes by itself is nobody's promise and not waited for.
 */
export async function waitForAddresses(pod: PodNetns, ifindex: number, addresses: readonly IpAddress[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const read = (): readonly Address[] =>
    listAddresses(pod.rtnetlink, { ifindex, family: 6 }).filter(({ prefix }) => addresses.includes(prefix.address));
  const look = (): void => {
    try {
      const present = read();
      requireUnique(present);
      if (!present.some(({ tentative }) => tentative)) resolve();
    } catch (error) {
      reject(error);
    }
  };
  using _watch = watchRtnetlink({ netns: pod.netns, groups: ["address"] }, { event: look, lost: look });
  const deadline = setTimeout(() => {
    const waiting = read().filter(({ tentative }) => tentative);
    const names = waiting.map(({ prefix }) => prefix.address).join(", ");
    reject(new CniError("tryAgainLater", `Duplicate address detection is not done after ${DEADLINE_MS} ms: ${names}`));
  }, DEADLINE_MS);
  look();
  try {
    await promise;
  } finally {
    clearTimeout(deadline);
  }
}

function requireUnique(addresses: readonly Address[]): void {
  const duplicate = addresses.find(({ dadFailed }) => dadFailed);
  if (duplicate === undefined) return;
  const { address } = duplicate.prefix;
  throw new CniError(
    "alreadyInUse",
    `IPv6 address ${address} is used by another host on the link`,
    `address=${address}`,
  );
}
