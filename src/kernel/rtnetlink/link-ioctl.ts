/**
 * The little that is asked of a link most often, by ioctl: no lock, no message with everything else in it. Reading a bridge
 * over netlink costs some 90 µs, this 10, and waits while somebody deletes links. What is not here is in link.ts.
 * Source: netdevice(7); include/uapi/linux/if.h (struct ifreq) and sockios.h, Linux 6.1.
 */
import { constants } from "node:os";
import { formatMacAddress, type MacAddress } from "#base/mac-address.ts";
import { KernelError } from "../kernel-error.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { lastErrno, syscalls } from "../syscalls/syscalls.ts";
import { IFF_PROMISC, IFF_UP } from "./link-messages.ts";

const SIOCGIFNAME = 0x8910;
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
/** IFNAMSIZ with the NUL: the name comes first in ifreq, a union of 24 bytes follows. */
const IFNAME_BYTES = 16;
const IFREQ_BYTES = 40;
/** struct sockaddr in the union: family u16, then the hardware address. */
const HARDWARE_ADDRESS_OFFSET = IFNAME_BYTES + 2;

/** As in `Link`, for links with an Ethernet address. */
export interface LinkBasics {
  readonly ifindex: number;
  readonly name: string;
  readonly up: boolean;
  /** Set promiscuous by an administrator. */
  readonly promisc: boolean;
  readonly mtu: number;
  readonly mac: MacAddress;
}

type IoctlSocket = Pick<NetlinkSocket, "fd">;

/** The ifindex of the link with this name in the socket's namespace, or undefined. */
export function findLinkIndex(socket: IoctlSocket, name: string): number | undefined {
  return ask(socket, SIOCGIFINDEX, name)?.readInt32LE(IFNAME_BYTES);
}

/** The hardware address of the link with this name, or undefined. */
export function findLinkMac(socket: IoctlSocket, name: string): MacAddress | undefined {
  const mac = ask(socket, SIOCGIFHWADDR, name)?.subarray(HARDWARE_ADDRESS_OFFSET, HARDWARE_ADDRESS_OFFSET + 6);
  return mac && formatMacAddress(mac);
}

/** The name of the link with this ifindex in the socket's namespace, or undefined. */
export function findLinkName({ fd }: IoctlSocket, ifindex: number): string | undefined {
  const request = Buffer.alloc(IFREQ_BYTES);
  request.writeInt32LE(ifindex, IFNAME_BYTES);
  if (syscalls.ioctl(fd, SIOCGIFNAME, request) === 0) return request.toString("utf8", 0, request.indexOf(0));
  const errno = lastErrno();
  if (errno === constants.errno.ENODEV) return undefined;
  throw new KernelError(`link show ${ifindex}`, errno);
}

export function findLinkBasics(socket: IoctlSocket, name: string): LinkBasics | undefined {
  const ifindex = findLinkIndex(socket, name);
  const flags = ask(socket, SIOCGIFFLAGS, name)?.readUInt16LE(IFNAME_BYTES);
  const mtu = ask(socket, SIOCGIFMTU, name)?.readInt32LE(IFNAME_BYTES);
  const mac = findLinkMac(socket, name);
  // Gone between two questions is gone.
  if (ifindex === undefined || flags === undefined || mtu === undefined || mac === undefined) return undefined;
  const promisc = (flags & IFF_PROMISC) !== 0;
  return { ifindex, name, up: (flags & IFF_UP) !== 0, promisc, mtu, mac };
}

/** The ifreq as the kernel filled it in; undefined when there is no such link. */
function ask({ fd }: IoctlSocket, question: number, name: string): Buffer | undefined {
  if (Buffer.byteLength(name) >= IFNAME_BYTES) return undefined; // no link can have it
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name);
  if (syscalls.ioctl(fd, question, request) === 0) return request;
  const errno = lastErrno();
  if (errno === constants.errno.ENODEV) return undefined;
  throw new KernelError(`link show "${name}"`, errno);
}
