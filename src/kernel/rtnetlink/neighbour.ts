/**
 * Neighbours: which hardware address an IP address has on a link (ARP, NDP).
 * Equal to `ip neighbour add | replace | delete | show`, with `proxy` too.
 * Source: include/uapi/linux/neighbour.h, Linux 6.1.
 */
import { DecodeError, decode, encode } from "#base/codec/codec.ts";
import { type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { addressFamily, familyOfNumber } from "./family.ts";
import {
  emptyNeighbour,
  type NeighbourMessage,
  type NeighbourState,
  NTF_EXT_LEARNED,
  NTF_PROXY,
  NTF_ROUTER,
  neighbourMessage,
  neighbourStates,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  stateOf,
} from "./neighbour-messages.ts";

export interface NewNeighbour {
  readonly ifindex: number;
  readonly address: IpAddress;
  /** Not for a proxy entry. */
  readonly mac?: MacAddress | undefined;
  /** Default: permanent. */
  readonly state?: NeighbourState | undefined;
  /** This machine answers for the address. */
  readonly proxy?: boolean | undefined;
  readonly router?: boolean | undefined;
  /** Made by a control plane: the kernel neither ages nor garbage-collects it. */
  readonly externLearned?: boolean | undefined;
}

export interface Neighbour extends NewNeighbour {
  readonly state: NeighbourState;
  readonly proxy: boolean;
  readonly router: boolean;
  readonly externLearned: boolean;
}

/** Throws EEXIST when the link has an entry for the address. */
export function addNeighbour(socket: NetlinkSocket, neighbour: NewNeighbour): void {
  write(socket, "add", NLM_F_CREATE | NLM_F_EXCL, neighbour);
}

export function replaceNeighbour(socket: NetlinkSocket, neighbour: NewNeighbour): void {
  write(socket, "replace", NLM_F_CREATE | NLM_F_REPLACE, neighbour);
}

/** Throws ENOENT when there is no such entry. */
export function deleteNeighbour(
  socket: NetlinkSocket,
  neighbour: Pick<NewNeighbour, "ifindex" | "address" | "proxy">,
): void {
  const payload = encode(neighbourMessage, { ...messageOf(neighbour), state: 0 });
  socket.request({ type: RTM_DELNEIGH, payload }, `neighbour delete ${neighbour.address} dev ${neighbour.ifindex}`);
}

export interface NeighbourFilter {
  readonly ifindex?: number;
  /** Ifindex of the bridge or VRF whose ports are asked for. */
  readonly master?: number;
  readonly family?: Family;
  /** The proxy entries instead of the others. */
  readonly proxy?: boolean;
}

export function listNeighbours(
  socket: NetlinkSocket,
  { ifindex, master, family, proxy }: NeighbourFilter = {},
): readonly Neighbour[] {
  const families: readonly Family[] = family === undefined ? [4, 6] : [family];
  return families.flatMap((one) => {
    const flags = proxy ? NTF_PROXY : 0;
    const payload = encode(neighbourMessage, {
      ...emptyNeighbour,
      family: addressFamily(one),
      flags,
      via: proxy ? undefined : ifindex,
      master,
    });
    return socket
      .dump({ type: RTM_GETNEIGH, payload }, "neighbour show")
      .filter((message) => message.type === RTM_NEWNEIGH && message.payload[0] === addressFamily(one))
      .map((message) => decodeNeighbour(message.payload))
      .filter((neighbour) => ifindex === undefined || neighbour.ifindex === ifindex);
  });
}

/** The neighbour in an RTM_NEWNEIGH or RTM_DELNEIGH of an IP family. */
export function decodeNeighbour(payload: Buffer): Neighbour {
  const message = decode(neighbourMessage, payload);
  if (familyOfNumber(message.family) === undefined || message.destination === undefined) {
    throw new DecodeError("neighbour", 0, `family ${message.family} without an address`);
  }
  return {
    ifindex: message.ifindex,
    address: message.destination,
    mac: message.mac,
    state: stateOf(message.state),
    proxy: (message.flags & NTF_PROXY) !== 0,
    router: (message.flags & NTF_ROUTER) !== 0,
    externLearned: (message.flags & NTF_EXT_LEARNED) !== 0,
  };
}

function write(socket: NetlinkSocket, verb: string, flags: number, neighbour: NewNeighbour): void {
  const payload = encode(neighbourMessage, messageOf(neighbour));
  const operation = `neighbour ${verb} ${neighbour.address} dev ${neighbour.ifindex}`;
  socket.request({ type: RTM_NEWNEIGH, flags, payload }, operation);
}

function messageOf({ ifindex, address, mac, state = "permanent", ...flags }: NewNeighbour): NeighbourMessage {
  return {
    ...emptyNeighbour,
    family: addressFamily(familyOf(address)),
    ifindex,
    state: neighbourStates[state],
    flags:
      (flags.proxy ? NTF_PROXY : 0) | (flags.router ? NTF_ROUTER : 0) | (flags.externLearned ? NTF_EXT_LEARNED : 0),
    destination: address,
    mac,
  };
}
