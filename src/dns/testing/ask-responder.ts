/** Questions to a responder without sockets, by an encoder and a decoder that are not ours. */
import { type DecodedPacket, decode, encode, type Packet, type Question } from "dns-packet";
import type { Responder, Transport } from "../server/create-responder.ts";

export function question(name: string, type: Question["type"], more: Packet = {}): Buffer {
  return encode({ type: "query", id: 4711, flags: 0x100, questions: [{ name, type }], ...more });
}

/** EDNS0 with a payload size. */
export function withEdns(udpPayloadSize: number, ednsVersion = 0): Packet {
  const opt = {
    type: "OPT",
    name: ".",
    udpPayloadSize,
    extendedRcode: 0,
    ednsVersion,
    flags: 0,
    flag_do: false,
  } as const;
  return { additionals: [{ ...opt, options: [] }] };
}

export async function askResponder(
  responder: Responder,
  bytes: Buffer,
  transport: Transport = "udp",
): Promise<DecodedPacket & { readonly bytes: Buffer; readonly code: number }> {
  const response = await responder.respond(bytes, "10.1.0.7", transport);
  if (response === undefined) throw new Error("The query was not answered");
  return { ...decode(response), bytes: response, code: response.readUInt16BE(2) & 0xf };
}
