/**
 * Names and hardware addresses of a pod's links. All follow from the attachment or its address, so a DEL can find what a
 * killed ADD left, and a pod that gets an address again is known by the same hardware address in everybody's caches.
 */
import { hash, randomBytes } from "node:crypto";
import { addressBytes, type IpAddress } from "#base/ip-address.ts";
import { formatMacAddress, type MacAddress } from "#base/mac-address.ts";
import type { Attachment } from "#cni/plugin.ts";

export interface HostLinkIdentity {
  readonly name: string;
  /** Marks the link as this attachment's from the moment it exists; the alias is set a message later. */
  readonly mac: MacAddress;
}

/** IFALIASZ is 256 bytes with the NUL. */
const MAX_ALIAS_BYTES = 255;
/** Names to try when another link has the first one. */
const NAME_CANDIDATES = 4;
const NAME_HASH_BYTES = 4;

/** `veth` and 8 hex digits as the reference's, here from a hash; several, should a name be taken. */
export function hostLinkCandidates(attachment: Attachment): readonly HostLinkIdentity[] {
  const bytes = digest(attachment, "host link");
  const mac = macFrom(bytes.subarray(NAME_CANDIDATES * NAME_HASH_BYTES));
  return Array.from({ length: NAME_CANDIDATES }, (_, index) => {
    const start = index * NAME_HASH_BYTES;
    return { name: `veth${bytes.toString("hex", start, start + NAME_HASH_BYTES)}`, mac };
  });
}

/** What `ip link` shows as the alias: whose link it is. */
export function linkAlias({ network, containerId, ifname }: Attachment): string {
  return `${networkAlias(network)}${containerId}/${ifname}`.slice(0, MAX_ALIAS_BYTES);
}

/** What the aliases of all links of a network start with. */
export function networkAlias(network: string): string {
  return `podwire:${network}/`;
}

/** Locally administered, and what follows is an IPv4 address: a convention that other pod networks share. */
const IPV4_MAC_PREFIX = [0x0a, 0x58] as const;

/** The pod's own hardware address: from its first address, or from the attachment when it has none. */
export function podMac(attachment: Attachment, address: IpAddress | undefined): MacAddress {
  if (address === undefined) return macFrom(digest(attachment, "pod mac"));
  const bytes = addressBytes(address);
  return bytes.length === 4
    ? formatMacAddress(Uint8Array.of(...IPV4_MAC_PREFIX, ...bytes))
    : macFrom(hash("sha256", bytes, "buffer"));
}

function digest({ network, containerId, ifname }: Attachment, purpose: string): Buffer {
  return hash("sha256", [network, containerId, ifname, purpose].join("\0"), "buffer");
}

/** Unicast (bit 0 clear) and locally administered (bit 1 set): IEEE 802-2014 section 8.4. */
function macFrom(source: Buffer): MacAddress {
  const bytes = Uint8Array.from(source.subarray(0, 6));
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return formatMacAddress(bytes);
}

/** For links that belong to no attachment, such as a bridge. */
export function randomMac(): MacAddress {
  return macFrom(randomBytes(6));
}
