/**
 * Whether a link leaves transmit checksums to its lower device. Equal to `ethtool -K LINK tx on | off`.
 * Source: include/uapi/linux/ethtool.h (ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, struct ethtool_value), Linux 6.1.
 */
import koffi from "koffi";
import { KernelError } from "../kernel-error.ts";

const libc = koffi.load("libc.so.6");
/** struct ifreq with ifr_data: the union is 24 bytes long. */
koffi.struct("ifreq_ethtool", { name: koffi.array("char", 16), data: "void *", rest: koffi.array("uint8_t", 16) });
const ioctl = libc.func("int ioctl(int fd, unsigned long request, ifreq_ethtool *argument)");

const SIOCETHTOOL = 0x8946;
const ETHTOOL_GTXCSUM = 0x16;
const ETHTOOL_STXCSUM = 0x17;

/** Any socket of the link's namespace. */
interface AnySocket {
  readonly fd: number;
}

export function readTxChecksum(socket: AnySocket, link: string): boolean {
  return ask(socket, link, ETHTOOL_GTXCSUM, 0) !== 0;
}

export function setTxChecksum(socket: AnySocket, link: string, { on }: { readonly on: boolean }): void {
  ask(socket, link, ETHTOOL_STXCSUM, on ? 1 : 0);
}

function ask({ fd }: AnySocket, link: string, command: number, value: number): number {
  const data = Buffer.alloc(8);
  data.writeUInt32LE(command, 0);
  data.writeUInt32LE(value, 4);
  const request = { name: link, data, rest: new Array<number>(16).fill(0) };
  if (ioctl(fd, SIOCETHTOOL, request) < 0) throw new KernelError(`set tx checksum of "${link}"`, koffi.errno());
  return data.readUInt32LE(4);
}
