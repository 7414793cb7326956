/**
 * Number that one namespace has for another: what `link-netnsid` of a veth's peer refers to. Equal to `ip netns list-id`.
 * Source: include/uapi/linux/net_namespace.h, rtnetlink.h (RTM_GETNSID), Linux 6.1.
 */
import { decode, encode } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { i32host, padding, u8, u32host } from "#base/codec/values.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import type { Netns } from "../netns/netns.ts";

const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;

const nsidMessage = headerAndAttributes(
  struct("rtgenmsg", { family: u8, _pad: padding(3) }),
  attributes({ id: attribute(NETNSA_NSID, i32host), fd: attribute(NETNSA_FD, u32host) }),
);

/** Undefined when the socket's namespace has no number for the other. */
export function findNetnsId(socket: NetlinkSocket, other: Pick<Netns, "fd">): number | undefined {
  const payload = encode(nsidMessage, { family: 0, fd: other.fd });
  const answers = socket.request({ type: RTM_GETNSID, payload }, "netns list-id");
  const found = answers.find(({ type }) => type === RTM_NEWNSID);
  const id = found && decode(nsidMessage, found.payload).id;
  return id === undefined || id < 0 ? undefined : id;
}
