/** Which addresses the ports of pods were held to by whoever wrote the table last: what is known before the first sync. */
import { formatAddress, type IpAddress } from "#base/ip-address.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { listElements } from "#kernel/nfnetlink/nft-query.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { PORT_ADDRESSES, PORT_TABLE } from "./port-guard.ts";

const IFNAME_BYTES = 16;
const ADDRESS_BYTES = { 4: 4, 6: 16 } as const;

/** By link; empty where there is no table. */
export function listHeldAddresses(netns: Netns): ReadonlyMap<string, readonly IpAddress[]> {
  using nft = createNftSocket(netns);
  const held = new Map<string, IpAddress[]>();
  for (const family of [4, 6] as const) {
    for (const { key = new Uint8Array() } of listElements(nft, { ...PORT_TABLE, set: PORT_ADDRESSES[family].set })) {
      const link = Buffer.from(key.subarray(0, IFNAME_BYTES)).toString().replace(/\0.*$/, "");
      const address = formatAddress(key.subarray(IFNAME_BYTES, IFNAME_BYTES + ADDRESS_BYTES[family]));
      held.set(link, [...(held.get(link) ?? []), address]);
    }
  }
  return held;
}
