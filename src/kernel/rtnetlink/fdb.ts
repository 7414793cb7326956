/**
 * Forwarding database of bridges and VXLAN links: behind which port or remote VTEP a hardware address is.
 * Equal to `bridge fdb add | replace | append | delete | show`.
 * Source: include/uapi/linux/neighbour.h, Linux 6.1; bridge(8).
 */
import { DecodeError, decode, encode } from "#base/codec/codec.ts";
import type { IpAddress } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { AF_BRIDGE } from "../syscalls/syscalls.ts";
import {
  emptyNeighbour,
  type NeighbourMessage,
  type NeighbourState,
  NTF_EXT_LEARNED,
  NTF_MASTER,
  NTF_SELF,
  neighbourMessage,
  neighbourStates,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  stateOf,
} from "./neighbour-messages.ts";

export interface NewFdbEntry {
  /** The port, or the VXLAN link itself. */
  readonly ifindex: number;
  readonly mac: MacAddress;
  /** Whose database: the link's own (`self`, a VXLAN link's) or its bridge's (`master`). Default: self. */
  readonly owner?: "self" | "master" | undefined;
  /** Remote VTEP. */
  readonly destination?: IpAddress | undefined;
  /** UDP port of the remote VTEP, when it is not the link's. */
  readonly port?: number | undefined;
  readonly vni?: number | undefined;
  /** Ifindex of the link to the remote VTEP. */
  readonly via?: number | undefined;
  readonly vlan?: number | undefined;
  /** Default: permanent. `reachable` ages; `noarp` does not (`static` in `bridge`). */
  readonly state?: NeighbourState | undefined;
  readonly externLearned?: boolean | undefined;
}

export interface FdbEntry extends NewFdbEntry {
  readonly owner: "self" | "master";
  /** Ifindex of the bridge. */
  readonly master: number | undefined;
  readonly state: NeighbourState;
  readonly externLearned: boolean;
}

/** Throws EEXIST when the address is there. */
export function addFdbEntry(socket: NetlinkSocket, entry: NewFdbEntry): void {
  write(socket, "add", NLM_F_CREATE | NLM_F_EXCL, entry);
}

export function replaceFdbEntry(socket: NetlinkSocket, entry: NewFdbEntry): void {
  write(socket, "replace", NLM_F_CREATE | NLM_F_REPLACE, entry);
}

/** One more destination of the same address: 00:00:00:00:00:00 with all VTEPs floods to them. */
export function appendFdbEntry(socket: NetlinkSocket, entry: NewFdbEntry): void {
  write(socket, "append", NLM_F_CREATE | NLM_F_APPEND, entry);
}

/** Throws ENOENT when there is no such entry. */
export function deleteFdbEntry(socket: NetlinkSocket, entry: NewFdbEntry): void {
  const payload = encode(neighbourMessage, messageOf(entry));
  socket.request({ type: RTM_DELNEIGH, payload }, `fdb delete ${entry.mac} dev ${entry.ifindex}`);
}

export interface FdbFilter {
  /** A port or VXLAN link. */
  readonly ifindex?: number;
  /** A bridge: the entries of all its ports and its own. */
  readonly master?: number;
}

export function listFdb(socket: NetlinkSocket, { ifindex, master }: FdbFilter = {}): readonly FdbEntry[] {
  const payload = encode(neighbourMessage, { ...emptyNeighbour, family: AF_BRIDGE, ifindex: ifindex ?? 0, master });
  return socket
    .dump({ type: RTM_GETNEIGH, payload }, "fdb show")
    .filter((message) => message.type === RTM_NEWNEIGH && message.payload[0] === AF_BRIDGE)
    .map((message) => decodeFdbEntry(message.payload));
}

/** The entry in an RTM_NEWNEIGH or RTM_DELNEIGH of family AF_BRIDGE. */
export function decodeFdbEntry(payload: Buffer): FdbEntry {
  const { family, ifindex, mac, flags, state, destination, port, vni, via, vlan, master } = decode(
    neighbourMessage,
    payload,
  );
  if (family !== AF_BRIDGE || mac === undefined) throw new DecodeError("fdb entry", 0, `family ${family}`);
  return {
    ifindex,
    mac,
    owner: flags & NTF_SELF ? "self" : "master",
    destination,
    port,
    vni,
    via,
    vlan,
    master,
    state: stateOf(state),
    externLearned: (flags & NTF_EXT_LEARNED) !== 0,
  };
}

function write(socket: NetlinkSocket, verb: string, flags: number, entry: NewFdbEntry): void {
  const payload = encode(neighbourMessage, messageOf(entry));
  socket.request({ type: RTM_NEWNEIGH, flags, payload }, `fdb ${verb} ${entry.mac} dev ${entry.ifindex}`);
}

function messageOf({ owner = "self", state = "permanent", externLearned, ...fields }: NewFdbEntry): NeighbourMessage {
  return {
    ...emptyNeighbour,
    ...fields,
    family: AF_BRIDGE,
    state: neighbourStates[state],
    flags: (owner === "self" ? NTF_SELF : NTF_MASTER) | (externLearned ? NTF_EXT_LEARNED : 0),
  };
}
