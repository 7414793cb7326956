/**
 * Which sockets listen on a port of a namespace, so that a host port is not taken from a program that has it.
 * Equal to `ss -lntu 'sport = :80'`.
 * Source: sock_diag(7); include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c, Linux 6.1.
 */
import { decode, encode, type ValueOf } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { byteArray, padding, u8, u16be, u32host } from "#base/codec/values.ts";
import { familyOf, formatAddress, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { isErrno } from "../kernel-error.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { boolean8 } from "../rtnetlink/attribute-values.ts";
import { AF_INET, AF_INET6 } from "../syscalls/syscalls.ts";

const SOCK_DIAG_BY_FAMILY = 20;

/** IPPROTO_* */
const protocols = { tcp: 6, udp: 17, sctp: 132 } as const;
export type PortProtocol = keyof typeof protocols;

/** A UDP socket that is bound and not connected is in state CLOSE. include/net/tcp_states.h */
const TCPF_CLOSE = 1 << 7;
const TCPF_LISTEN = 1 << 10;

const socketId = struct("inet_diag_sockid", {
  sourcePort: u16be,
  destinationPort: u16be,
  source: byteArray(16),
  destination: byteArray(16),
  ifindex: u32host,
  _cookie: padding(8),
});

const diagRequest = struct("inet_diag_req_v2", {
  family: u8,
  protocol: u8,
  extensions: u8,
  _pad: padding(1),
  states: u32host,
  id: socketId,
});

const diagMessage = headerAndAttributes(
  struct("inet_diag_msg", {
    family: u8,
    state: u8,
    timer: u8,
    retransmits: u8,
    id: socketId,
    _queues: padding(12),
    uid: u32host,
    inode: u32host,
  }),
  attributes({ v6only: attribute(11, boolean8) }), // INET_DIAG_SKV6ONLY: only for sockets of family AF_INET6
);

export interface Listener {
  readonly protocol: PortProtocol;
  /** `0.0.0.0` and `::` are the wildcards. */
  readonly address: IpAddress;
  readonly port: number;
  /** IPv6 socket that takes no IPv4. */
  readonly v6only: boolean;
  readonly uid: number;
  /** Number in `socket:[…]` of the links below /proc/…/fd. */
  readonly inode: number;
}

export interface ListenerQuery {
  readonly protocol: PortProtocol;
  readonly port: number;
  /** Address that a new socket would bind; default: a wildcard of both families. */
  readonly address?: IpAddress | undefined;
}

/**
 * Sockets that listen on the port and whose address conflicts with the given one; none when it is free.
 * `undefined`: the kernel cannot tell (no module for this protocol). `socket` is one of NETLINK_SOCK_DIAG.
 */
export function findListeners(socket: NetlinkSocket, query: ListenerQuery): readonly Listener[] | undefined {
  try {
    return [AF_INET, AF_INET6]
      .flatMap((family) => listFamily(socket, family, query))
      .filter((listener) => conflicts(listener, query.address));
  } catch (error) {
    if (isErrno(error, "ENOENT", "EOPNOTSUPP")) return undefined;
    throw error;
  }
}

/** Whether two sockets cannot have the port at the same time. */
export function conflicts(listener: Pick<Listener, "address" | "v6only">, address: IpAddress | undefined): boolean {
  const bound = listener.address;
  if (address === undefined) return true;
  if (familyOf(bound) === familyOf(address)) return isWildcard(bound) || isWildcard(address) || bound === address;
  // An IPv6 wildcard takes IPv4 too, unless it is told not to; of a wildcard to be bound the same is assumed.
  if (familyOf(bound) === 6) return bound === "::" && !listener.v6only;
  return address === "::";
}

function listFamily(socket: NetlinkSocket, family: number, { protocol, port }: ListenerQuery): Listener[] {
  const payload = encode(diagRequest, {
    family,
    protocol: protocols[protocol],
    extensions: 0,
    states: protocol === "udp" ? TCPF_CLOSE : TCPF_LISTEN,
    id: { ...emptySocketId, sourcePort: port },
  });
  return socket
    .dump({ type: SOCK_DIAG_BY_FAMILY, payload }, `show ${protocol} sockets of port ${port}`)
    .filter(({ type }) => type === SOCK_DIAG_BY_FAMILY)
    .map((message) => decodeListener(message.payload, protocol))
    .filter((listener) => listener.port === port);
}

/** The socket in an answer. */
export function decodeListener(payload: Buffer, protocol: PortProtocol): Listener {
  const { family, id, uid, inode, v6only } = decode(diagMessage, payload);
  return {
    protocol,
    // parseAddress makes IPv4 of an IPv6 socket that is bound to ::ffff:a.b.c.d.
    address: parseAddress(formatAddress(family === AF_INET6 ? id.source : id.source.subarray(0, 4))),
    port: id.sourcePort,
    v6only: v6only ?? false,
    uid,
    inode,
  };
}

const emptySocketId: ValueOf<typeof socketId> = {
  sourcePort: 0,
  destinationPort: 0,
  source: new Uint8Array(16),
  destination: new Uint8Array(16),
  ifindex: 0,
};

function isWildcard(address: IpAddress): boolean {
  return address === "0.0.0.0" || address === "::";
}
