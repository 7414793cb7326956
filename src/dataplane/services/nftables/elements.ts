/** Keys and values of the table's maps, as the kernel has them. */
import { addressBytes, formatAddress, type IpAddress } from "#base/ip-address.ts";
import { pad4 } from "#kernel/nfnetlink/data-type.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { Backend, Frontend, ServicePort, ServiceProtocol } from "#service/service-port.ts";

/** IPPROTO_ of include/uapi/linux/in.h */
const PROTOCOL_NUMBERS: Readonly<Record<ServiceProtocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

/** (address .) protocol . port */
export function frontendBytes({ protocol }: ServicePort, { kind, address, port }: Frontend): Buffer {
  const addressPart = kind === "nodePort" || address === undefined ? EMPTY : addressBytes(address);
  const bytes = Buffer.alloc(addressPart.length + 8);
  bytes.set(addressPart);
  bytes.writeUInt8(PROTOCOL_NUMBERS[protocol], addressPart.length);
  bytes.writeUInt16BE(port, addressPart.length + 4);
  return bytes;
}
const EMPTY = new Uint8Array();

/** frontend . index */
export function indexedBytes(frontend: Buffer, index: number): Buffer {
  const bytes = Buffer.allocUnsafe(frontend.length + 4);
  bytes.set(frontend);
  bytes.writeUInt32LE(index, frontend.length); // numgen gives the host's order: x86_64 and arm64
  return bytes;
}

/** address . port */
export function backendBytes({ address, port }: Backend): Buffer {
  const addressPart = addressBytes(address);
  // From the pool of small buffers: one of its own costs ten times as much.
  const bytes = Buffer.allocUnsafe(addressPart.length + 4);
  bytes.set(addressPart);
  bytes.writeUInt32BE(port * 0x10000, addressPart.length);
  return bytes;
}

/** Names a backend in 4 bytes, always the same. FNV-1a, 32 bits. */
export function backendMark({ address, port }: Backend): number {
  let hash = 0x811c9dc5;
  const text = `${address} ${port}`;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

export function markBytes(mark: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(mark);
  return bytes;
}

export function readBackend(data: Uint8Array): Backend {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return { address: formatAddress(bytes.subarray(0, -4)), port: bytes.readUInt16BE(bytes.length - 4) };
}

/** address . address */
export function hairpinBytes(address: IpAddress): Buffer {
  const bytes = addressBytes(address);
  const length = pad4(bytes.length);
  const both = Buffer.alloc(2 * length);
  both.set(bytes);
  both.set(bytes, length);
  return both;
}

/** All of an element but its key, as a text that compares. */
export function contentText({ data, comment }: NftSetElement): string {
  const text =
    data === undefined ? "" : data instanceof Uint8Array ? keyText(data) : `${data.verdict} ${data.chain ?? ""}`;
  return comment === undefined ? text : `${text} # ${comment}`;
}

/** Bytes as a key of a Map. */
export function keyText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
