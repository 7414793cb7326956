/**
 * One question to one name server: over UDP from a port of its own, so that an answer made up by others has to guess
 * port and id, and over TCP when the answer is too long for a datagram. Source: RFC 5452, RFC 7766.
 */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { FLAG, HEADER_BYTES } from "../message/parse-query.ts";

export interface UpstreamServer {
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
}

/** `query` carries its id. Rejects with the socket's error, or with the signal's reason. */
export async function exchange(query: Buffer, server: UpstreamServer, signal: AbortSignal): Promise<Buffer> {
  const answer = await overUdp(query, server, signal);
  return (answer.readUInt16BE(2) & FLAG.truncated) === 0 ? answer : await overTcp(query, server, signal);
}

function overUdp(query: Buffer, { address, family, port }: UpstreamServer, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = createSocket(family === 4 ? "udp4" : "udp6");
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  socket.on("error", reject);
  socket.on("message", (bytes) => {
    if (isAnswerTo(query, bytes)) resolve(bytes);
  });
  // Connected: the kernel takes datagrams of this server alone, and tells when there is none.
  socket.connect(port, address, () => socket.send(query, (error) => error && reject(error)));
  if (signal.aborted) stop();
  return promise.finally(() => {
    signal.removeEventListener("abort", stop);
    socket.close();
  });
}

function overTcp(query: Buffer, { address, port }: UpstreamServer, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = connect({ host: address, port, signal });
  let received: Buffer = Buffer.alloc(0);
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("the name server closed the connection")));
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const length = received.length < 2 ? undefined : received.readUInt16BE(0);
    if (length === undefined || received.length < length + 2) return;
    const bytes = received.subarray(2, length + 2);
    if (isAnswerTo(query, bytes)) resolve(bytes);
    else reject(new Error("the name server answered another question"));
  });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  socket.write(Buffer.concat([length, query]));
  return promise.finally(() => socket.destroy());
}

/** Same id and the same question, letters' case included. */
export function isAnswerTo(query: Buffer, answer: Buffer): boolean {
  if (answer.length < HEADER_BYTES || answer.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  if ((answer.readUInt16BE(2) & FLAG.response) === 0 || answer.readUInt16BE(4) !== 1) return false;
  const end = questionEndOf(query);
  return query.subarray(HEADER_BYTES, end).equals(answer.subarray(HEADER_BYTES, end));
}

/** Of a question that we made. */
function questionEndOf(query: Buffer): number {
  let at = HEADER_BYTES;
  while ((query[at] ?? 0) !== 0) at += (query[at] ?? 0) + 1;
  return at + 5;
}
