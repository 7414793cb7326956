/**
 * Netlink framing: header, error and acknowledgement messages.
 * Source: include/uapi/linux/netlink.h, Linux 6.1; Documentation/userspace-api/netlink/intro.rst.
 */
import { DecodeError, decode, type ValueOf } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { cString, i32host, u16host, u32host } from "#base/codec/values.ts";
import { KernelError } from "../kernel-error.ts";
import { align4, attribute, attributes } from "./attributes.ts";

export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

export const NLM_F_REQUEST = 0x01;
export const NLM_F_MULTI = 0x02;
export const NLM_F_ACK = 0x04;
export const NLM_F_ECHO = 0x08;
/** The dump changed while it was read: it has to be asked for again. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_ROOT = 0x100;
export const NLM_F_MATCH = 0x200;
export const NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
/** In an acknowledgement: the original request is cut to its header. */
const NLM_F_CAPPED = 0x100;
/** In an acknowledgement: attributes with the extended acknowledgement follow. */
const NLM_F_ACK_TLVS = 0x200;

export const NETLINK_HEADER_BYTES = 16;

export const netlinkHeader = struct("netlink header", {
  length: u32host,
  type: u16host,
  flags: u16host,
  sequence: u32host,
  portId: u32host,
});
export type NetlinkHeader = ValueOf<typeof netlinkHeader>;

export interface NetlinkRequest {
  /** Message type, such as RTM_NEWLINK. */
  readonly type: number;
  /** NLM_F_ flags besides REQUEST and ACK. */
  readonly flags?: number;
  readonly payload: Buffer;
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly portId: number;
  readonly payload: Buffer;
}

export function encodeMessage(request: NetlinkRequest, flags: number, sequence: number): Buffer {
  const length = NETLINK_HEADER_BYTES + request.payload.length;
  const bytes = Buffer.alloc(align4(length));
  netlinkHeader.write(bytes, 0, { length, type: request.type, flags, sequence, portId: 0 });
  request.payload.copy(bytes, NETLINK_HEADER_BYTES);
  return bytes;
}

/** The same for a datagram of many messages: its payload is copied only once, when all parts become one. */
export function messageParts(
  { type, payload }: NetlinkRequest,
  flags: number,
  sequence: number,
): readonly [header: Buffer, payload: Buffer, padding: Buffer] {
  const length = NETLINK_HEADER_BYTES + payload.length;
  const header = Buffer.alloc(NETLINK_HEADER_BYTES);
  netlinkHeader.write(header, 0, { length, type, flags, sequence, portId: 0 });
  return [header, payload, PADDINGS[align4(length) - length] ?? NO_PADDING];
}
const NO_PADDING = Buffer.alloc(0);
const PADDINGS = [NO_PADDING, Buffer.alloc(1), Buffer.alloc(2), Buffer.alloc(3)] as const;

/** The messages of one datagram. Payloads are views of `bytes`. */
export function decodeMessages(bytes: Buffer): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (bytes.length - at >= NETLINK_HEADER_BYTES) {
    const { length, type, flags, sequence, portId } = netlinkHeader.read(bytes, at, bytes.length);
    if (length < NETLINK_HEADER_BYTES || length > bytes.length - at) {
      throw new DecodeError("netlink message", at, `length ${length} with ${bytes.length - at} bytes left`);
    }
    messages.push({ type, flags, sequence, portId, payload: bytes.subarray(at + NETLINK_HEADER_BYTES, at + length) });
    at += align4(length);
  }
  return messages;
}

const NLMSGERR_ATTR_MSG = 1;
const NLMSGERR_ATTR_OFFS = 2;
const extendedAck = attributes({
  message: attribute(NLMSGERR_ATTR_MSG, cString),
  offset: attribute(NLMSGERR_ATTR_OFFS, u32host),
});

/** The errno in an NLMSG_ERROR or NLMSG_DONE; 0 in an acknowledgement. Cheaper than an error that nobody throws. */
export function readErrno({ payload }: NetlinkMessage): number {
  return payload.length < 4 ? 0 : -i32host.read(payload, 0, payload.length);
}

/** The error in an NLMSG_ERROR, or in the NLMSG_DONE of a dump; undefined when it is an acknowledgement. */
export function readError(message: NetlinkMessage, operation: string): KernelError | undefined {
  const { payload, flags, type } = message;
  if (payload.length < 4) {
    if (type === NLMSG_DONE) return undefined;
    throw new DecodeError("netlink error", 0, `${payload.length} bytes`);
  }
  const errno = -i32host.read(payload, 0, payload.length);
  if (errno <= 0) return undefined;
  if ((flags & NLM_F_ACK_TLVS) === 0) return new KernelError(operation, errno);
  const details = decode(extendedAck, payload.subarray(extendedAckOffset(payload, flags, type)));
  return new KernelError(operation, errno, details.message ?? "", details.offset);
}

/** The attributes follow the errno in DONE; in ERROR the request (or its header alone) stands between. */
function extendedAckOffset(payload: Buffer, flags: number, type: number): number {
  if (type === NLMSG_DONE) return 4;
  if (payload.length < 4 + NETLINK_HEADER_BYTES) return payload.length;
  const original = flags & NLM_F_CAPPED ? NETLINK_HEADER_BYTES : u32host.read(payload, 4, payload.length);
  return Math.min(payload.length, 4 + align4(original));
}
