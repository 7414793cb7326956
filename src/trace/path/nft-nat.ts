/** Where a `dnat` expression sends a packet, from the registers that a map or the rule has filled. */
import { formatAddress, type IpAddress } from "#base/ip-address.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";

export interface NatTarget {
  readonly address: IpAddress;
  /** Undefined: it stays as it is. */
  readonly port?: number | undefined;
}

const ADDRESS_BYTES: Readonly<Record<string, number>> = { ip: 4, ip6: 16 };

export function natTarget(
  { family, addrMin, protoMin }: Expression & { kind: "nat" },
  read: (register: number, length: number) => Buffer,
): NatTarget | undefined {
  const length = ADDRESS_BYTES[String(family)];
  if (length === undefined || addrMin === undefined) return undefined;
  const address = formatAddress(read(addrMin, length));
  return protoMin === undefined ? { address } : { address, port: read(protoMin, 2).readUInt16BE() };
}
