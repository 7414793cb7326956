/**
 * Messages of the generic netlink family "IPVS": virtual services and their destinations (real servers).
 * Source: include/uapi/linux/ip_vs.h, net/netfilter/ipvs/ip_vs_ctl.c (ip_vs_genl_*), Linux 6.1.
 */
import { DecodeError, decode, encode, type ValueOf } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { cString, mapped, rawBytes, u16be, u16host, u32be, u32host } from "#base/codec/values.ts";
import { addressBytes, type Family, formatAddress, type IpAddress } from "#base/ip-address.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { addressFamily, familyOfNumber } from "../rtnetlink/family.ts";
import { genericHeader } from "./generic-netlink.ts";

export const IPVS_FAMILY = "IPVS";
const IPVS_GENL_VERSION = 1;

/** IPVS_CMD_ */
export const IPVS_COMMANDS = {
  "new service": 1,
  "set service": 2,
  "delete service": 3,
  "get service": 4,
  "new destination": 5,
  "set destination": 6,
  "delete destination": 7,
  "get destination": 8,
} as const;
export type IpvsCommand = keyof typeof IPVS_COMMANDS;

/** IP_VS_SVC_F_PERSISTENT */
const PERSISTENT = 0x1;
/** IP_VS_CONN_F_MASQ: addresses are translated both ways. */
const MASQUERADING = 0;
const FORWARD_MASK = 0x7;
const ALL_BITS = 0xffffffff;
/** IPPROTO_ */
const PROTOCOLS = { TCP: 6, UDP: 17, SCTP: 132 } as const;
export type IpvsProtocol = keyof typeof PROTOCOLS;

/** What tells one virtual service from the others; those by firewall mark are not ours. */
export interface IpvsServiceKey {
  readonly family: Family;
  readonly protocol: IpvsProtocol;
  readonly address: IpAddress;
  readonly port: number;
}

export interface IpvsService extends IpvsServiceKey {
  /** `rr`, … */
  readonly scheduler: string;
  /** A client keeps its destination for so long; absent without persistence. */
  readonly persistenceSeconds?: number | undefined;
}

export interface IpvsDestination {
  readonly address: IpAddress;
  readonly port: number;
  /** 0: gets no new connections, and keeps those it has. */
  readonly weight: number;
  /** Given by the kernel: connections that it has, active or not. */
  readonly connections?: number | undefined;
}

/** union nf_inet_addr: 16 bytes, of which IPv4 has the first four. */
const inetAddress = mapped<Uint8Array, Uint8Array>(
  rawBytes,
  (bytes) => bytes,
  (bytes) => {
    const whole = new Uint8Array(16);
    whole.set(bytes);
    return whole;
  },
);

const serviceAttributes = attributes(
  {
    af: attribute(1, u16host), // IPVS_SVC_ATTR_AF
    protocol: attribute(2, u16host), // IPVS_SVC_ATTR_PROTOCOL
    address: attribute(3, inetAddress), // IPVS_SVC_ATTR_ADDR
    port: attribute(4, u16be), // IPVS_SVC_ATTR_PORT
    firewallMark: attribute(5, u32host), // IPVS_SVC_ATTR_FWMARK
    scheduler: attribute(6, cString), // IPVS_SVC_ATTR_SCHED_NAME
    flags: attribute(7, struct("ip_vs_flags", { flags: u32host, mask: u32host })), // IPVS_SVC_ATTR_FLAGS
    timeoutSeconds: attribute(8, u32host), // IPVS_SVC_ATTR_TIMEOUT
    netmask4: attribute(9, u32be), // IPVS_SVC_ATTR_NETMASK: IPv4 a mask in network order
  },
  { unknown: "drop" },
);
/** IPv6: a prefix length in the host's order, under the same number. */
const netmask6 = attribute(9, u32host);

const destinationAttributes = attributes(
  {
    address: attribute(1, inetAddress), // IPVS_DEST_ATTR_ADDR
    port: attribute(2, u16be), // IPVS_DEST_ATTR_PORT
    forwarding: attribute(3, u32host), // IPVS_DEST_ATTR_FWD_METHOD
    weight: attribute(4, u32host), // IPVS_DEST_ATTR_WEIGHT
    upperThreshold: attribute(5, u32host), // IPVS_DEST_ATTR_U_THRESH
    lowerThreshold: attribute(6, u32host), // IPVS_DEST_ATTR_L_THRESH
    activeConnections: attribute(7, u32host), // IPVS_DEST_ATTR_ACTIVE_CONNS
    inactiveConnections: attribute(8, u32host), // IPVS_DEST_ATTR_INACT_CONNS
    af: attribute(11, u16host), // IPVS_DEST_ATTR_ADDR_FAMILY, since Linux 3.18
  },
  { unknown: "drop" },
);

const ipvsMessage = headerAndAttributes(
  genericHeader,
  attributes({ service: attribute(1, serviceAttributes), destination: attribute(2, destinationAttributes) }),
);

export interface IpvsMessage {
  readonly command: IpvsCommand;
  readonly service?: IpvsService | IpvsServiceKey | undefined;
  readonly destination?: Omit<IpvsDestination, "connections"> | undefined;
}

export function encodeIpvs({ command, service, destination }: IpvsMessage): Buffer {
  return encode(ipvsMessage, {
    command: IPVS_COMMANDS[command],
    version: IPVS_GENL_VERSION,
    service: service && writeService(service),
    destination: destination && {
      address: addressBytes(destination.address),
      port: destination.port,
      forwarding: MASQUERADING,
      weight: destination.weight,
      upperThreshold: 0,
      lowerThreshold: 0,
      af: service && addressFamily(service.family),
    },
  });
}

function writeService(service: IpvsService | IpvsServiceKey): ValueOf<typeof serviceAttributes> {
  const { family, protocol, address, port } = service;
  const key = { af: addressFamily(family), protocol: PROTOCOLS[protocol], address: addressBytes(address), port };
  if (!("scheduler" in service)) return key;
  const { scheduler, persistenceSeconds } = service;
  return {
    ...key,
    scheduler,
    flags: { flags: persistenceSeconds === undefined ? 0 : PERSISTENT, mask: ALL_BITS },
    timeoutSeconds: persistenceSeconds ?? 0,
    ...(family === 4
      ? { netmask4: ALL_BITS }
      : { unknown: [{ type: netmask6.type, payload: encode(netmask6.codec, 128) }] }),
  };
}

/** The service of an answer; undefined for one by firewall mark, or of a protocol that Services do not have. */
export function decodeIpvsService(payload: Buffer): IpvsService | undefined {
  const { service } = decode(ipvsMessage, payload);
  const family = familyOfNumber(service?.af ?? 0);
  if (service === undefined || family === undefined) throw new DecodeError("IPVS service", 0, "no address family");
  const protocol = protocolOf(service.protocol);
  if (service.address === undefined || service.port === undefined || protocol === undefined) return undefined;
  const isPersistent = ((service.flags?.flags ?? 0) & PERSISTENT) !== 0;
  return {
    family,
    protocol,
    address: readAddress(family, service.address),
    port: service.port,
    scheduler: service.scheduler ?? "",
    ...(isPersistent && { persistenceSeconds: service.timeoutSeconds ?? 0 }),
  };
}

/** The destination of an answer about a service of this family; undefined when it is not reached by masquerading. */
export function decodeIpvsDestination(payload: Buffer, serviceFamily: Family): IpvsDestination | undefined {
  const { destination } = decode(ipvsMessage, payload);
  if (destination?.address === undefined || destination.port === undefined)
    throw new DecodeError("IPVS destination", 0, "no address or port");
  if (((destination.forwarding ?? 0) & FORWARD_MASK) !== MASQUERADING) return undefined;
  const family = familyOfNumber(destination.af ?? 0) ?? serviceFamily;
  return {
    address: readAddress(family, destination.address),
    port: destination.port,
    weight: destination.weight ?? 0,
    connections: (destination.activeConnections ?? 0) + (destination.inactiveConnections ?? 0),
  };
}

function readAddress(family: Family, bytes: Uint8Array): IpAddress {
  return formatAddress(family === 4 ? bytes.subarray(0, 4) : bytes);
}

function protocolOf(number: number | undefined): IpvsProtocol | undefined {
  const names = Object.keys(PROTOCOLS) as IpvsProtocol[]; // keys of PROTOCOLS
  return names.find((name) => PROTOCOLS[name] === number);
}
