/**
 * TUN and TAP links: a program reads and writes the packets. Equal to `ip tuntap add`.
 * The only links here that are made by an ioctl and not by a message.
 * Source: include/uapi/linux/if_tun.h, Documentation/networking/tuntap.rst, Linux 6.1.
 */
import { closeSync, constants, openSync } from "node:fs";
import { inNetns, type Netns } from "../netns/netns.ts";
import { call } from "../syscalls/syscalls.ts";

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOWNER = 0x400454cc;
const TUNSETGROUP = 0x400454ce;

const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
/** Packets come without the 4 bytes {flags, protocol} in front. */
const IFF_NO_PI = 0x1000;

/** struct ifreq: name at 0, flags at 16. */
const IFREQ_BYTES = 40;
const IFREQ_FLAGS_OFFSET = 16;
/** IFNAMSIZ, the NUL included. */
const IFNAMSIZ = 16;

export interface TunOptions {
  readonly netns: Netns;
  readonly name: string;
  readonly mode: "tun" | "tap";
  /** The link stays when the descriptor is closed; delete it with deleteLink. Default: false. */
  readonly persistent?: boolean;
  readonly multiQueue?: boolean;
  /** User and group that may open the link. Default: root only. */
  readonly owner?: number;
  readonly group?: number;
}

export interface TunDevice extends Disposable {
  /** Non-blocking; one packet per read or write. */
  readonly fd: number;
}

/** Creates the link, or opens one that is persistent. It is down. */
export function openTun({ netns, name, mode, persistent, multiQueue, owner, group }: TunOptions): TunDevice {
  if (Buffer.byteLength(name) >= IFNAMSIZ) throw new RangeError(`Cannot open tun "${name}": at most 15 bytes`);
  const operation = `tuntap add "${name}" mode ${mode}`;
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name);
  const flags = (mode === "tun" ? IFF_TUN : IFF_TAP) | IFF_NO_PI | (multiQueue ? IFF_MULTI_QUEUE : 0);
  request.writeUInt16LE(flags, IFREQ_FLAGS_OFFSET);
  const fd = inNetns(netns, () => openSync("/dev/net/tun", constants.O_RDWR | constants.O_NONBLOCK));
  try {
    call("ioctl", operation, fd, TUNSETIFF, request);
    if (owner !== undefined) call("ioctl", operation, fd, TUNSETOWNER, BigInt(owner));
    if (group !== undefined) call("ioctl", operation, fd, TUNSETGROUP, BigInt(group));
    if (persistent !== undefined) call("ioctl", operation, fd, TUNSETPERSIST, persistent ? 1n : 0n);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  let open = true;
  return {
    fd,
    [Symbol.dispose]() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}
