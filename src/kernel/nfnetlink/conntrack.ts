/**
 * Reads and deletes entries of the connection tracking table. Equal to `conntrack -L` and `conntrack -D`.
 * The kernel can apply a filter itself: to lists since Linux 5.8, to deletions since 6.11 (net/netfilter/
 * nf_conntrack_netlink.c, ctnetlink_flush_conntrack). Where it cannot, entries are listed and deleted one by one.
 * Not everything is left to it: its filter takes IPv6 addresses the wrong way round (ctnetlink_filter_match_tuple up to
 * at least 6.18), and it looks at ports of TCP and UDP only. What it cannot say exactly is compared here.
 */
import { decode, encode } from "#base/codec/codec.ts";
import { type Family, familyOf } from "#base/ip-address.ts";
import { isErrno } from "../kernel-error.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/message.ts";
import { createNetlinkSocket, NETLINK_NETFILTER, type NetlinkSocket } from "../netlink/socket.ts";
import type { Netns } from "../netns/netns.ts";
import {
  type ConntrackEntry,
  type ConntrackTuple,
  conntrackEntry,
  conntrackHeader,
  conntrackWire,
  IPCTNL_MSG_CT_DELETE,
  IPCTNL_MSG_CT_GET,
  IPCTNL_MSG_CT_NEW,
  writeTuple,
} from "./conntrack-message.ts";

/** All that is given has to be equal. Nothing given: every entry. */
export interface ConntrackFilter {
  readonly family?: Family;
  readonly original?: Partial<ConntrackTuple>;
  readonly reply?: Partial<ConntrackTuple>;
  /** `(entry.mark & mask) === value` */
  readonly mark?: { readonly value: number; readonly mask: number };
}

export function createConntrackSocket(netns?: Netns): NetlinkSocket {
  return createNetlinkSocket({ protocol: NETLINK_NETFILTER, ...(netns && { netns }) });
}

export function listConntrack(socket: NetlinkSocket, filter: ConntrackFilter = {}): readonly ConntrackEntry[] {
  const request = { type: IPCTNL_MSG_CT_GET, payload: encodeFilter(filter) };
  const messages = socket.dump(request, "list connections");
  return messages.map(({ payload }) => decode(conntrackEntry, payload)).filter((entry) => matchesFilter(filter, entry));
}

/** The entry whose first packet had these addresses and ports. */
export function findConntrack(socket: NetlinkSocket, original: ConntrackTuple): ConntrackEntry | undefined {
  const payload = encode(conntrackWire, {
    ...conntrackHeader(familyOf(original.source)),
    original: writeTuple(original),
  });
  try {
    const [message] = socket.request({ type: IPCTNL_MSG_CT_GET, payload }, "find connection");
    return message && decode(conntrackEntry, message.payload);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Puts an entry into the table; `timeoutSeconds` is needed. Throws EEXIST. */
export function createConntrack(socket: NetlinkSocket, entry: ConntrackEntry): void {
  const payload = encode(conntrackEntry, { ...entry, status: [...entry.status, "confirmed"] }); // EBUSY without it
  const request = { type: IPCTNL_MSG_CT_NEW, flags: NLM_F_CREATE | NLM_F_EXCL, payload };
  socket.request(request, "create connection");
}

/** Answers whether it was still there. An entry with an id is not mistaken for a later one. */
export function deleteConntrack(
  socket: NetlinkSocket,
  entry: Pick<ConntrackEntry, "original" | "id" | "zone">,
): boolean {
  const { original, id, zone } = entry;
  const payload = encode(conntrackWire, {
    ...conntrackHeader(familyOf(original.source)),
    original: writeTuple(original),
    id,
    zone,
  });
  try {
    socket.request({ type: IPCTNL_MSG_CT_DELETE, payload }, "delete connection");
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/**
 * Deletes the entries that pass. In the kernel where it can say the filter exactly (one walk of the table of all namespaces: some
 * 20 ms per 100,000 entries), else by listing.
 */
export function flushConntrack(socket: NetlinkSocket, filter: ConntrackFilter): void {
  if (fieldCount(filter.original) + fieldCount(filter.reply) === 0 && filter.mark === undefined) {
    throw new RangeError("Cannot delete connections: the filter names no address, port, protocol or mark");
  }
  if (isExactInKernel(filter) && flushInKernel(socket, filter)) return;
  for (const entry of listConntrack(socket, filter)) deleteConntrack(socket, entry);
}

/** False when this kernel has no filter for deletions. */
function flushInKernel(socket: NetlinkSocket, filter: ConntrackFilter): boolean {
  try {
    const request = { type: IPCTNL_MSG_CT_DELETE, payload: encodeFilter(filter) };
    socket.request(request, "delete connections");
    return true;
  } catch (error) {
    if (isErrno(error, "EOPNOTSUPP", "EINVAL")) return false;
    if (isErrno(error, "ENOENT")) return true; // an older kernel took a complete tuple for one entry
    throw error;
  }
}

/**
 * CTA_FILTER_F_…: bits of the fields that the kernel compares. Not in a UAPI header; libnetfilter_conntrack uses the same.
 */
const FILTER_SOURCE = 1 << 0;
const FILTER_DESTINATION = 1 << 1;
const FILTER_PROTOCOL = 1 << 3;
const FILTER_SOURCE_PORT = 1 << 4;
const FILTER_DESTINATION_PORT = 1 << 5;

/** Fields of the tuple that the kernel compares rightly. */
function kernelTuple(tuple: Partial<ConntrackTuple> | undefined, family: Family | undefined): Partial<ConntrackTuple> {
  if (tuple === undefined || family === undefined) return {};
  const { source, destination, protocol, sourcePort, destinationPort } = tuple;
  const hasPorts = protocol === "tcp" || protocol === "udp";
  return {
    ...(family === 4 && source !== undefined && { source }),
    ...(family === 4 && destination !== undefined && { destination }),
    ...(protocol !== undefined && { protocol }),
    ...(hasPorts && sourcePort !== undefined && { sourcePort }),
    ...(hasPorts && destinationPort !== undefined && { destinationPort }),
  };
}

function filterFlags(tuple: Partial<ConntrackTuple>): number {
  return (
    (tuple.source === undefined ? 0 : FILTER_SOURCE) |
    (tuple.destination === undefined ? 0 : FILTER_DESTINATION) |
    (tuple.protocol === undefined ? 0 : FILTER_PROTOCOL) |
    (tuple.sourcePort === undefined ? 0 : FILTER_SOURCE_PORT) |
    (tuple.destinationPort === undefined ? 0 : FILTER_DESTINATION_PORT)
  );
}

/** A request with as much of the filter as the kernel compares rightly. */
export function encodeFilter(filter: ConntrackFilter): Buffer {
  const family = filterFamily(filter);
  const original = kernelTuple(filter.original, family);
  const reply = kernelTuple(filter.reply, family);
  const originalFlags = filterFlags(original);
  const replyFlags = filterFlags(reply);
  return encode(conntrackWire, {
    ...conntrackHeader(family),
    ...(originalFlags !== 0 && { original: writeTuple(original) }),
    ...(replyFlags !== 0 && { reply: writeTuple(reply) }),
    ...(filter.mark && { mark: filter.mark.value, markMask: filter.mark.mask }),
    ...((originalFlags | replyFlags) !== 0 && { filter: { originalFlags, replyFlags } }),
  });
}

function filterFamily({ family, original, reply }: ConntrackFilter): Family | undefined {
  const address = original?.source ?? original?.destination ?? reply?.source ?? reply?.destination;
  return family ?? (address === undefined ? undefined : familyOf(address));
}

/** The kernel would delete exactly what passes: it compares every field. Without fields it would ignore a family. */
export function isExactInKernel(filter: ConntrackFilter): boolean {
  const family = filterFamily(filter);
  const given = fieldCount(filter.original) + fieldCount(filter.reply);
  const compared = fieldCount(kernelTuple(filter.original, family)) + fieldCount(kernelTuple(filter.reply, family));
  return given === compared && (given > 0 || family === undefined);
}

function fieldCount(tuple: Partial<ConntrackTuple> | undefined): number {
  return Object.values(tuple ?? {}).filter((value) => value !== undefined).length;
}

export function matchesFilter(filter: ConntrackFilter, entry: ConntrackEntry): boolean {
  const { family, original, reply, mark } = filter;
  if (family !== undefined && familyOf(entry.original.source) !== family) return false;
  if (mark !== undefined && ((entry.mark ?? 0) & mark.mask) >>> 0 !== mark.value) return false;
  return matchesTuple(original, entry.original) && matchesTuple(reply, entry.reply);
}

function matchesTuple(wanted: Partial<ConntrackTuple> | undefined, tuple: ConntrackTuple): boolean {
  if (wanted === undefined) return true;
  const keys = Object.keys(wanted) as (keyof ConntrackTuple)[]; // keys of a literal of that type
  return keys.every((key) => wanted[key] === undefined || wanted[key] === tuple[key]);
}
