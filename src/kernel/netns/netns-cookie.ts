/**
 * A number that no other network namespace of this boot has or will have, unlike its inode, which is used again.
 * Source: socket(7) SO_NETNS_COOKIE, Linux 5.14.
 */
import { closeSync } from "node:fs";
import {
  AF_INET,
  call,
  SO_NETNS_COOKIE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
  syscalls,
} from "../syscalls/syscalls.ts";
import { inNetns, type Netns } from "./netns.ts";

/** The cookie in decimal; on kernels before 5.14 the inode, which tells less. */
export function netnsCookie(netns: Netns): string {
  const fd = inNetns(netns, () => call("socket", "open socket", AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    const value = Buffer.alloc(8);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(value.length);
    if (syscalls.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, value, length) < 0) return `inode-${netns.inode}`;
    return value.readBigUInt64LE().toString();
  } finally {
    closeSync(fd);
  }
}
