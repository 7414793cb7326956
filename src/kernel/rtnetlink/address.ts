/**
 * Addresses of links, both families. Equal to `ip address add | replace | delete | show`.
 * Source: include/uapi/linux/if_addr.h, Linux 6.1; rtnetlink(7).
 */
import { DecodeError, decode, encode, type ValueOf } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { cString, i32host, u8, u32host } from "#base/codec/values.ts";
import type { Family, IpAddress, Prefix } from "#base/ip-address.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { ipAddress } from "./attribute-values.ts";
import { addressFamily, familyOfNumber, scopes } from "./family.ts";

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

const IFA_F_SECONDARY = 0x01;
const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_PERMANENT = 0x80;
const IFA_F_NOPREFIXROUTE = 0x200;

const ifaddrmsg = struct("ifaddrmsg", { family: u8, prefixLength: u8, flags8: u8, scope: u8, ifindex: u32host });

const addressMessage = headerAndAttributes(
  ifaddrmsg,
  attributes({
    address: attribute(1, ipAddress), // IFA_ADDRESS: the peer's, or the own address
    local: attribute(2, ipAddress), // IFA_LOCAL: IPv6 leaves it out without a peer
    label: attribute(3, cString), // IFA_LABEL
    broadcast: attribute(4, ipAddress), // IFA_BROADCAST
    flags: attribute(8, u32host), // IFA_FLAGS
    targetNetnsId: attribute(10, i32host), // IFA_TARGET_NETNSID
  }),
);
type AddressMessage = ValueOf<typeof addressMessage>;

export interface Address {
  readonly ifindex: number;
  /** The own address and its prefix length, host bits kept. */
  readonly prefix: Prefix;
  /** Other end of a point-to-point link. */
  readonly peer: IpAddress | undefined;
  readonly broadcast: IpAddress | undefined;
  /** See `scopes`. */
  readonly scope: number;
  /** IPv4 only. */
  readonly label: string | undefined;
  readonly permanent: boolean;
  /** IPv4: not the first address of its subnet. IPv6: temporary. */
  readonly secondary: boolean;
  readonly deprecated: boolean;
  /** IPv6: duplicate address detection runs; the address cannot be used yet. */
  readonly tentative: boolean;
  readonly dadFailed: boolean;
  readonly noDad: boolean;
  readonly noPrefixRoute: boolean;
}

export interface NewAddress {
  readonly ifindex: number;
  readonly prefix: Prefix;
  readonly peer?: IpAddress | undefined;
  readonly broadcast?: IpAddress | undefined;
  /** Default: global. */
  readonly scope?: number | undefined;
  readonly label?: string | undefined;
  /** IPv6: usable at once, without duplicate address detection. */
  readonly noDad?: boolean | undefined;
  /** The kernel makes no route to the prefix. */
  readonly noPrefixRoute?: boolean | undefined;
}

/** Throws EEXIST when the link has the address. */
export function addAddress(socket: NetlinkSocket, address: NewAddress): void {
  write(socket, "add", NLM_F_CREATE | NLM_F_EXCL, address);
}

/** As addAddress; an address that is there gets the new settings. */
export function replaceAddress(socket: NetlinkSocket, address: NewAddress): void {
  write(socket, "replace", NLM_F_CREATE | NLM_F_REPLACE, address);
}

/** Throws EADDRNOTAVAIL when the link does not have the address. */
export function deleteAddress(socket: NetlinkSocket, address: Pick<NewAddress, "ifindex" | "prefix" | "peer">): void {
  const operation = `address delete ${address.prefix.address}/${address.prefix.length} dev ${address.ifindex}`;
  socket.request({ type: RTM_DELADDR, payload: encode(addressMessage, messageOf(address)) }, operation);
}

export interface AddressFilter {
  readonly ifindex?: number;
  readonly family?: Family;
  /** In the namespace that the socket's has this number for. */
  readonly netnsId?: number | undefined;
}

export function listAddresses(
  socket: NetlinkSocket,
  { ifindex, family, netnsId }: AddressFilter = {},
): readonly Address[] {
  const payload = encode(addressMessage, {
    family: family === undefined ? 0 : addressFamily(family),
    prefixLength: 0,
    flags8: 0,
    scope: 0,
    ifindex: ifindex ?? 0,
    targetNetnsId: netnsId,
  });
  return socket
    .dump({ type: RTM_GETADDR, payload }, "address show")
    .filter(({ type }) => type === RTM_NEWADDR)
    .map((message) => decodeAddress(message.payload));
}

/** The address in an RTM_NEWADDR or RTM_DELADDR. */
export function decodeAddress(payload: Buffer): Address {
  const message = decode(addressMessage, payload);
  const family = familyOfNumber(message.family);
  const own = message.local ?? message.address;
  if (family === undefined || own === undefined) throw new DecodeError("address", 0, `family ${message.family}`);
  const flags = message.flags ?? message.flags8;
  return {
    ifindex: message.ifindex,
    prefix: { family, address: own, length: message.prefixLength },
    peer: message.address === own ? undefined : message.address,
    broadcast: message.broadcast,
    scope: message.scope,
    label: message.label,
    permanent: (flags & IFA_F_PERMANENT) !== 0,
    secondary: (flags & IFA_F_SECONDARY) !== 0,
    deprecated: (flags & IFA_F_DEPRECATED) !== 0,
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
    dadFailed: (flags & IFA_F_DADFAILED) !== 0,
    noDad: (flags & IFA_F_NODAD) !== 0,
    noPrefixRoute: (flags & IFA_F_NOPREFIXROUTE) !== 0,
  };
}

function write(socket: NetlinkSocket, verb: string, flags: number, address: NewAddress): void {
  const operation = `address ${verb} ${address.prefix.address}/${address.prefix.length} dev ${address.ifindex}`;
  socket.request({ type: RTM_NEWADDR, flags, payload: encode(addressMessage, messageOf(address)) }, operation);
}

function messageOf({ ifindex, prefix, peer, broadcast, label, ...rest }: NewAddress): AddressMessage {
  const flags = (rest.noDad ? IFA_F_NODAD : 0) | (rest.noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0);
  return {
    family: addressFamily(prefix.family),
    prefixLength: prefix.length,
    flags8: 0,
    scope: rest.scope ?? scopes.global,
    ifindex,
    local: prefix.address,
    address: peer ?? prefix.address,
    broadcast,
    label,
    flags: flags === 0 ? undefined : flags,
  };
}
