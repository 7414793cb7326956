/**
 * Generic netlink: many kinds of messages in one protocol, whose numbers the kernel gives when a module is loaded.
 * Asking for a family by its name loads the module that has it, where the kernel can find one.
 * Equal to `genl ctrl get name IPVS`. Source: include/uapi/linux/genetlink.h, net/netlink/genetlink.c, Linux 6.1.
 */
import { constants } from "node:os";
import { decode, encode } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { cString, padding, u8, u16host } from "#base/codec/values.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";

/** Type of messages about families; those of a family have its id. */
export const GENL_ID_CTRL = 0x10;
export const CTRL_CMD_NEWFAMILY = 1;
export const CTRL_CMD_GETFAMILY = 3;
/** Of the controller's messages. */
const CTRL_VERSION = 2;

/** genlmsghdr */
export const genericHeader = struct("genlmsghdr", { command: u8, version: u8, _reserved: padding(2) });

export const controlMessage = headerAndAttributes(
  genericHeader,
  attributes(
    {
      id: attribute(1, u16host), // CTRL_ATTR_FAMILY_ID
      name: attribute(2, cString), // CTRL_ATTR_FAMILY_NAME
    },
    { unknown: "drop" },
  ),
);

/** The family's message type; undefined when this kernel has no such family. `socket` is one of NETLINK_GENERIC. */
export function findGenericFamily(socket: NetlinkSocket, name: string): number | undefined {
  const payload = encode(controlMessage, { command: CTRL_CMD_GETFAMILY, version: CTRL_VERSION, name });
  const operation = `find generic netlink family "${name}"`;
  const answer = socket.find({ type: GENL_ID_CTRL, payload }, operation, [constants.errno.ENOENT]);
  return answer && decode(controlMessage, answer.payload).id;
}
