/**
 * Virtual services of a namespace and their destinations. Equal to `ipvsadm -A | -E | -D | -a | -e | -d | -L`.
 * One message per change: the kernel has no transactions for them.
 */

import { createNetlinkSocket, NETLINK_GENERIC, type NetlinkSocket } from "../netlink/socket.ts";
import type { Netns } from "../netns/netns.ts";
import { findGenericFamily } from "./generic-netlink.ts";
import {
  decodeIpvsDestination,
  decodeIpvsService,
  encodeIpvs,
  IPVS_FAMILY,
  type IpvsDestination,
  type IpvsMessage,
  type IpvsService,
  type IpvsServiceKey,
} from "./ipvs-messages.ts";

export interface IpvsSocket extends Disposable {
  /** Throws KernelError: EEXIST for what is new and there already, ESRCH for a service and ENOENT for a destination that is not there. */
  apply(operation: IpvsOperation): void;
  listServices(): readonly IpvsService[];
  /** Of a service that is there. */
  listDestinations(service: IpvsServiceKey): readonly IpvsDestination[];
}

export type IpvsOperation =
  | { readonly do: "new service" | "set service"; readonly service: IpvsService }
  | { readonly do: "delete service"; readonly service: IpvsServiceKey }
  | {
      readonly do: "new destination" | "set destination" | "delete destination";
      readonly service: IpvsServiceKey;
      readonly destination: IpvsDestination;
    };

/** Undefined: this kernel has no IPVS, or its module is not loaded and cannot be found. */
export function openIpvs(netns: Netns): IpvsSocket | undefined {
  const netlink = createNetlinkSocket({ protocol: NETLINK_GENERIC, netns });
  try {
    const socket = ipvsSocket(netlink);
    if (socket === undefined) netlink[Symbol.dispose]();
    return socket;
  } catch (error) {
    netlink[Symbol.dispose]();
    throw error;
  }
}

/** On a socket of NETLINK_GENERIC, which ends with it. */
export function ipvsSocket(netlink: NetlinkSocket): IpvsSocket | undefined {
  const type = findGenericFamily(netlink, IPVS_FAMILY);
  if (type === undefined) return undefined;
  const request = (message: IpvsMessage) => ({ type, payload: encodeIpvs(message) });
  return {
    apply(operation) {
      netlink.request(request(ipvsRequest(operation)), describeIpvs(operation));
    },
    listServices() {
      const answers = netlink.dump(request({ command: "get service" }), "list virtual services");
      return answers.map(({ payload }) => decodeIpvsService(payload)).filter((service) => service !== undefined);
    },
    listDestinations({ family, protocol, address, port }) {
      const service = { family, protocol, address, port };
      const what = `list destinations of ${ipvsServiceText(service)}`;
      return netlink
        .dump(request({ command: "get destination", service }), what)
        .map(({ payload }) => decodeIpvsDestination(payload, family))
        .filter((destination) => destination !== undefined);
    },
    [Symbol.dispose]: () => netlink[Symbol.dispose](),
  };
}

/** What names a service is all that is sent of it, unless the service itself changes. */
function ipvsRequest(operation: IpvsOperation): IpvsMessage {
  if (operation.do === "new service" || operation.do === "set service")
    return { command: operation.do, service: operation.service };
  const { family, protocol, address, port } = operation.service;
  const service = { family, protocol, address, port };
  if (!("destination" in operation)) return { command: operation.do, service };
  return { command: operation.do, service, destination: operation.destination };
}

/** `new destination 10.1.0.5:80 of 10.96.0.1:80/TCP weight 1` */
export function describeIpvs(operation: IpvsOperation): string {
  const service = ipvsServiceText(operation.service);
  if (!("destination" in operation)) return `${operation.do} ${service}`;
  const { address, port, weight } = operation.destination;
  const target = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return `${operation.do} ${target} of ${service}${operation.do === "delete destination" ? "" : ` weight ${weight}`}`;
}

/** `10.96.0.1:80/TCP`, `[fd00::1]:80/TCP`: also its name among others. */
export function ipvsServiceText({ family, protocol, address, port }: IpvsServiceKey): string {
  return `${family === 6 ? `[${address}]` : address}:${port}/${protocol}`;
}
