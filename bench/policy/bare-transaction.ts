/** What the kernel takes for the smallest change: one element of a set in a table of its own, over an open socket. */
import { addressBytes, parseAddress } from "#base/ip-address.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";

export interface BareTransaction extends Disposable {
  /** Milliseconds of adding it. */
  measure(): number;
}

const TABLE = { family: "inet", table: "bench" } as const;
const SET = { ...TABLE, set: "addresses" } as const;
const ELEMENT = { key: addressBytes(parseAddress("192.0.2.1")) };

export function openBareTransaction(netns: Netns): BareTransaction {
  const nft = createNftSocket(netns);
  nft.commit(
    [
      { do: "add table", table: TABLE },
      { do: "add set", set: { ...SET, key: ["ipv4_addr"] } },
    ],
    "make a set",
  );
  return {
    measure() {
      const startedMs = performance.now();
      nft.commit([{ do: "add elements", set: SET, elements: [ELEMENT] }], "add an element");
      const spentMs = performance.now() - startedMs;
      nft.commit([{ do: "delete elements", set: SET, elements: [ELEMENT] }], "delete an element");
      return spentMs;
    },
    [Symbol.dispose]: () => nft[Symbol.dispose](),
  };
}
