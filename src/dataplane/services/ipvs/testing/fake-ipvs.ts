/** IPVS at the level of its messages: refuses what net/netfilter/ipvs/ip_vs_ctl.c refuses, and keeps the rest. */
import { constants } from "node:os";
import { encode } from "#base/codec/codec.ts";
import { controlMessage } from "#kernel/genetlink/generic-netlink.ts";
import { ipvsServiceText, ipvsSocket } from "#kernel/genetlink/ipvs.ts";
import {
  decodeIpvsDestination,
  decodeIpvsService,
  encodeIpvs,
  IPVS_COMMANDS,
  type IpvsCommand,
  type IpvsDestination,
  type IpvsService,
} from "#kernel/genetlink/ipvs-messages.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import type { NetlinkMessage, NetlinkRequest } from "#kernel/netlink/message.ts";
import { recordingSocket } from "#kernel/testing/recording-socket.ts";

const FAMILY_ID = 0x25;

interface Kept {
  readonly service: IpvsService;
  /** By address and port. */
  readonly destinations: Map<string, IpvsDestination>;
}

export function createFakeIpvs() {
  const kept = new Map<string, Kept>();
  let requests = 0;

  function change({ payload }: NetlinkRequest, operation: string): readonly NetlinkMessage[] {
    requests++;
    const command = commandOf(payload);
    const service = decodeIpvsService(payload);
    if (service === undefined) throw new KernelError(operation, constants.errno.EINVAL);
    const text = ipvsServiceText(service);
    const present = kept.get(text);
    if (command === "new service") {
      if (present !== undefined) throw new KernelError(operation, constants.errno.EEXIST);
      kept.set(text, { service, destinations: new Map() });
      return [];
    }
    if (present === undefined) throw new KernelError(operation, constants.errno.ESRCH);
    if (command === "set service") kept.set(text, { ...present, service });
    else if (command === "delete service") kept.delete(text);
    else changeDestination(present, command, payload, operation);
    return [];
  }

  const list = ({ payload }: NetlinkRequest): readonly NetlinkMessage[] => {
    if (commandOf(payload) === "get service")
      return [...kept.values()].map(({ service }) => answer(encodeIpvs({ command: "new service", service })));
    const service = decodeIpvsService(payload);
    const of = service && kept.get(ipvsServiceText(service));
    return [...(of?.destinations.values() ?? [])].map((destination) =>
      answer(encodeIpvs({ command: "new destination", destination })),
    );
  };

  const family = encode(controlMessage, { command: 1, version: 2, id: FAMILY_ID });
  const socket = ipvsSocket({ ...recordingSocket(), find: () => answer(family), request: change, dump: list });
  if (socket === undefined) throw new Error("the fake has the family");
  return { socket, kept, requests: () => requests };
}

function changeDestination({ service, destinations }: Kept, command: IpvsCommand, payload: Buffer, operation: string) {
  const destination = decodeIpvsDestination(payload, service.family);
  if (destination === undefined) throw new KernelError(operation, constants.errno.EINVAL);
  const { address, port, weight } = destination;
  const text = `${address} ${port}`;
  const isThere = destinations.has(text);
  if (command === "new destination" && isThere) throw new KernelError(operation, constants.errno.EEXIST);
  if (command !== "new destination" && !isThere) throw new KernelError(operation, constants.errno.ENOENT);
  if (command === "delete destination") destinations.delete(text);
  else destinations.set(text, { address, port, weight });
}

function commandOf(payload: Buffer): IpvsCommand {
  const names = Object.keys(IPVS_COMMANDS) as IpvsCommand[]; // keys of the table
  const found = names.find((name) => IPVS_COMMANDS[name] === payload[0]);
  if (found === undefined) throw new Error(`no command ${payload[0]}`);
  return found;
}

function answer(payload: Buffer): NetlinkMessage {
  return { type: FAMILY_ID, flags: 0, sequence: 1, portId: 0, payload };
}
