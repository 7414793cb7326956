/**
 * Network links. Equal to `ip link add | set | show | delete`.
 * The kernel takes most of a new link in one message: name, MTU, MAC, group, master, up; for the far end of a veth pair
 * also its namespace. It ignores an alias there and refuses to create the far end up: those need a second message.
 * Source: rtnetlink(7); net/core/rtnetlink.c (rtnl_newlink, rtnl_dellink), Linux 6.1.
 */
import { constants } from "node:os";
import { decode, encode } from "#base/codec/codec.ts";
import type { MacAddress } from "#base/mac-address.ts";
import { KernelError } from "../kernel-error.ts";
import { type NetlinkMessage, type NetlinkRequest, NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { nameOf } from "./attribute-values.ts";
import { type BridgePort, type BridgePortFlags, decodeBridgePort, encodeBridgePort } from "./bridge-port.ts";
import { decodeKind, encodeKind, type LinkKind, type NewLinkKind, type VethPeer } from "./link-kinds.ts";
import {
  emptyLinkMessage,
  IFF_ALLMULTI,
  IFF_LOWER_UP,
  IFF_PROMISC,
  IFF_UP,
  type LinkAttributes,
  type LinkMessage,
  linkMessage,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "./link-messages.ts";

/** RFC 2863 ifOperStatus as the kernel numbers it (IF_OPER_*, include/uapi/linux/if.h). */
const operstates = { unknown: 0, notpresent: 1, down: 2, lowerlayerdown: 3, testing: 4, dormant: 5, up: 6 } as const;
export type Operstate = keyof typeof operstates;

export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** Undefined for loopback and hardware. */
  readonly kind: LinkKind | undefined;
  /** Set up by an administrator (IFF_UP). */
  readonly up: boolean;
  /** The carrier is there (IFF_LOWER_UP). */
  readonly lowerUp: boolean;
  readonly operstate: Operstate;
  readonly mtu: number;
  readonly mac: MacAddress | undefined;
  /** Ifindex of the bridge or other link that this one is a port of. */
  readonly master: number | undefined;
  /** Ifindex of a veth's peer or of the lower link, in the namespace `linkNetnsId` (undefined: the same one). */
  readonly link: number | undefined;
  readonly linkNetnsId: number | undefined;
  /** "" when there is none. */
  readonly alias: string;
  readonly group: number;
  readonly promiscuity: number;
  readonly txQueueLength: number;
  readonly bridgePort: BridgePort | undefined;
}

export interface LinkSettings {
  readonly name?: string | undefined;
  readonly mtu?: number | undefined;
  readonly mac?: MacAddress | undefined;
  readonly group?: number | undefined;
  readonly up?: boolean | undefined;
  /** Ifindex of the new master; 0 takes the link out of its bridge. */
  readonly master?: number | undefined;
  readonly alias?: string | undefined;
  readonly promisc?: boolean | undefined;
  readonly allmulti?: boolean | undefined;
  readonly txQueueLength?: number | undefined;
}

export interface NewLink extends LinkSettings {
  readonly name: string;
  /** Default: the kernel chooses. */
  readonly ifindex?: number | undefined;
  /** Queues in each direction, where the kind has a choice. Default: the kernel's. */
  readonly queues?: number | undefined;
  readonly kind: NewLinkKind;
}

export interface LinkChange extends LinkSettings {
  /** Moves the link to another namespace. Its addresses and routes are gone then, and it is down. */
  readonly netnsFd?: number | undefined;
  /** Kind data to change, of the same kind as the link's own. */
  readonly kind?: NewLinkKind | undefined;
  /** With `master`, takes a message of its own after the other: the link must be a port first. */
  readonly bridgePort?: BridgePortFlags | undefined;
}

export interface NewVeth extends Omit<NewLink, "kind"> {
  readonly peer: VethPeer;
}

/** The end in the socket's namespace. */
export interface Veth extends Link {
  /** In the peer's namespace. */
  readonly peerIfindex: number;
}

/** Creates a link in the socket's namespace: one message, two with `alias`. Throws EEXIST if the name is taken. */
export function createLink(socket: NetlinkSocket, link: NewLink): Link {
  const operation = `link add "${link.name}" type ${kindName(link.kind)}`;
  const answers = socket.request(newLinkRequest(link), operation);
  // The kernel echoes the new link since Linux 6.2, before it has set the master.
  const created = readLinks(answers)[0] ?? requireLink(socket, { name: link.name }, operation);
  if (link.alias !== undefined) setLink(socket, created.ifindex, { alias: link.alias });
  return { ...created, master: link.master ?? created.master, alias: link.alias ?? created.alias };
}

/** As createLink, in another namespace; ifindexes in `kind` and `master` still belong to the socket's namespace. */
export function createLinkInNetns(socket: NetlinkSocket, netnsFd: number, link: Omit<NewLink, "alias">): void {
  socket.request(newLinkRequest(link, netnsFd), `link add "${link.name}" type ${kindName(link.kind)} netns`);
}

/** Both ends of a veth pair, each in its namespace, in one message (two with `alias`). */
export function createVeth(socket: NetlinkSocket, { peer, ...link }: NewVeth): Veth {
  const created = createLink(socket, { ...link, kind: { type: "veth", peer } });
  const operation = `link add "${link.name}" type veth`;
  const peerIfindex = created.link ?? requireLink(socket, created, operation).link;
  if (peerIfindex === undefined) throw new KernelError(operation, 19, "the peer is gone"); // 19 ENODEV
  return { ...created, peerIfindex };
}

/** Undefined when there is no such link. `netnsId`: in the namespace that the socket's has this number for. */
export function findLink(
  socket: NetlinkSocket,
  by: { readonly name: string } | { readonly ifindex: number; readonly netnsId?: number | undefined },
): Link | undefined {
  const which = "ifindex" in by ? { index: by.ifindex, targetNetnsId: by.netnsId } : { name: by.name };
  const payload = encode(linkMessage, { ...emptyLinkMessage, ...which, extMask: RTEXT_FILTER_SKIP_STATS });
  const answer = socket.find({ type: RTM_GETLINK, payload }, `link show ${describe(by)}`, [constants.errno.ENODEV]);
  return answer && decodeLink(answer.payload);
}

export interface LinkFilter {
  /** Ifindex of the bridge whose ports are asked for. */
  readonly master?: number;
  /** Kind as `ip` spells it. */
  readonly kind?: string;
  /** Link group; filtered here, the kernel has no such filter. */
  readonly group?: number;
}

export function listLinks(socket: NetlinkSocket, { master, kind, group }: LinkFilter = {}): readonly Link[] {
  const payload = encode(linkMessage, {
    ...emptyLinkMessage,
    extMask: RTEXT_FILTER_SKIP_STATS,
    master,
    info: kind === undefined ? undefined : { kind },
  });
  const links = readLinks(socket.dump({ type: RTM_GETLINK, payload }, "link show"));
  return group === undefined ? links : links.filter((link) => link.group === group);
}

export function setLink(socket: NetlinkSocket, ifindex: number, change: LinkChange): void {
  const { bridgePort, kind, netnsFd, ...settings } = change;
  const operation = `link set ${ifindex}`;
  const portInfo = bridgePort && encodeBridgePort(bridgePort);
  const isPortLater = portInfo !== undefined && settings.master !== undefined;
  const info = { ...(kind && encodeKind(kind)), ...(!isPortLater && portInfo) };
  const payload = encode(linkMessage, {
    ...settingsMessage(settings),
    alias: change.alias,
    index: ifindex,
    netnsFd,
    ...(Object.keys(info).length > 0 && { info }),
  });
  socket.request({ type: RTM_NEWLINK, payload }, operation);
  if (isPortLater) {
    const portPayload = encode(linkMessage, { ...emptyLinkMessage, index: ifindex, info: portInfo });
    socket.request({ type: RTM_NEWLINK, payload: portPayload }, `${operation} type bridge_slave`);
  }
}

/**
 * Deletes a link, and with one end of a veth pair the other. It is out of the list, and its name free, when RTM_DELLINK
 * is multicast (1 ms); the acknowledgement waits for an RCU barrier (10-25 ms). To go on sooner send on a thread and
 * wait for the event.
 */
export function deleteLink(socket: NetlinkSocket, ifindex: number): void {
  socket.request(deleteRequest({ index: ifindex }), `link delete ${ifindex}`);
}

/** As deleteLink, without blocking the event loop. */
export async function deleteLinkOnThread(socket: NetlinkSocket, ifindex: number): Promise<void> {
  await socket.requestOnThread(deleteRequest({ index: ifindex }), `link delete ${ifindex}`);
}

/** Deletes all links of a group for the price of one. Throws ENODEV when the group has none. Group 0 is every link. */
export function deleteLinkGroup(socket: NetlinkSocket, group: number): void {
  socket.request(deleteRequest({ group: requireGroup(group) }), `link delete group ${group}`);
}

export async function deleteLinkGroupOnThread(socket: NetlinkSocket, group: number): Promise<void> {
  await socket.requestOnThread(deleteRequest({ group: requireGroup(group) }), `link delete group ${group}`);
}

/** The link in an RTM_NEWLINK or RTM_DELLINK. */
export function decodeLink(payload: Buffer): Link {
  return linkOf(decode(linkMessage, payload));
}

function linkOf(message: LinkMessage): Link {
  const info = message.info ?? {};
  return {
    ifindex: message.index,
    name: message.name ?? "",
    kind: decodeKind(info, message.link),
    up: (message.flags & IFF_UP) !== 0,
    lowerUp: (message.flags & IFF_LOWER_UP) !== 0,
    operstate: nameOf(operstates, message.operstate ?? 0) ?? "unknown",
    mtu: message.mtu ?? 0,
    mac: message.address,
    master: message.master,
    link: message.link === 0 ? undefined : message.link,
    linkNetnsId: message.linkNetnsId,
    alias: message.alias ?? "",
    group: message.group ?? 0,
    promiscuity: message.promiscuity ?? 0,
    txQueueLength: message.txQueueLength ?? 0,
    bridgePort: decodeBridgePort(info),
  };
}

function readLinks(messages: readonly NetlinkMessage[]): Link[] {
  return messages.filter(({ type }) => type === RTM_NEWLINK).map(({ payload }) => decodeLink(payload));
}

function newLinkRequest(link: Omit<NewLink, "alias">, netnsFd?: number): NetlinkRequest {
  const lower = link.kind.type === "macvlan" ? link.kind.link : undefined;
  const payload = encode(linkMessage, {
    ...settingsMessage(link),
    index: link.ifindex ?? 0,
    txQueues: link.queues,
    rxQueues: link.queues,
    info: encodeKind(link.kind),
    link: lower,
    netnsFd,
  });
  return { type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, payload };
}

function settingsMessage(settings: Omit<LinkSettings, "alias">): LinkMessage & LinkAttributes {
  const { name, mtu, mac: address, group, master, txQueueLength, up, promisc, allmulti } = settings;
  let flags = 0;
  let change = 0;
  for (const [bit, value] of [
    [IFF_UP, up],
    [IFF_PROMISC, promisc],
    [IFF_ALLMULTI, allmulti],
  ] as const) {
    if (value !== undefined) change |= bit;
    if (value === true) flags |= bit;
  }
  return { ...emptyLinkMessage, flags, change, name, mtu, address, group, master, txQueueLength };
}

function deleteRequest(which: { readonly index: number } | { readonly group: number }): NetlinkRequest {
  return { type: RTM_DELLINK, payload: encode(linkMessage, { ...emptyLinkMessage, ...which }) };
}

function requireGroup(group: number): number {
  if (group === 0) throw new RangeError("Cannot delete link group 0: it holds every link without a group");
  return group;
}

function requireLink(
  socket: NetlinkSocket,
  by: { readonly name: string } | { readonly ifindex: number },
  operation: string,
): Link {
  const link = findLink(socket, by);
  if (link === undefined) throw new KernelError(operation, 19, "the link is gone again"); // 19 ENODEV
  return link;
}

function describe(by: { readonly name: string } | { readonly ifindex: number }): string {
  return "ifindex" in by ? `${by.ifindex}` : `"${by.name}"`;
}

function kindName(kind: NewLinkKind): string {
  return kind.type === "other" ? kind.kind : kind.type;
}
