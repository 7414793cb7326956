/** Which node has the pod: the longest prefix that contains an address, by one hash look-up per length in use. Pure. */
import { addressBytes, formatPrefix, type IpAddress, networkOf, parsePrefix } from "#base/ip-address.ts";

export interface TableEntry {
  /** `10.244.2.0/24` */
  readonly prefix: string;
  readonly node: IpAddress;
}

export interface PeerTable {
  /** The node's address; undefined when no peer has the destination. */
  find(destination: Uint8Array): IpAddress | undefined;
}

export function peerTable(entries: readonly TableEntry[]): PeerTable {
  const nodes = new Map<string, IpAddress>();
  const lengths = new Map<number, Set<number>>([
    [4, new Set()],
    [16, new Set()],
  ]);
  for (const { prefix, node } of entries) {
    const { address, length } = networkOf(parsePrefix(prefix));
    const bytes = addressBytes(address);
    lengths.get(bytes.length)?.add(length);
    nodes.set(key(bytes, length), node);
  }
  const longestFirst = new Map([...lengths].map(([size, set]) => [size, [...set].sort((a, b) => b - a)]));
  return {
    find(destination) {
      for (const length of longestFirst.get(destination.length) ?? []) {
        const node = nodes.get(key(destination, length));
        if (node !== undefined) return node;
      }
      return undefined;
    },
  };
}

/** For comparing two tables. */
export function describeTable(entries: readonly TableEntry[]): string {
  return entries
    .map(({ prefix, node }) => `${formatPrefix(networkOf(parsePrefix(prefix)))} ${node}`)
    .sort()
    .join("\n");
}

/** Length, and the address with its host bits zero. */
function key(bytes: Uint8Array, length: number): string {
  const whole = length >> 3;
  const masked = Buffer.alloc(bytes.length);
  masked.set(bytes.subarray(0, whole));
  if (length & 7) masked[whole] = (bytes[whole] ?? 0) & (0xff00 >> (length & 7));
  return `${length}/${masked.toString("latin1")}`;
}
