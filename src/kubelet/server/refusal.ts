/** What a client of the kubelet's server is told instead of an answer, with its code. */

import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { CriError } from "#cri/cri-error.ts";

export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export function refusalOf(error: unknown): { readonly code: number; readonly message: string } {
  if (error instanceof Refusal) return error;
  if (error instanceof RangeError || error instanceof URIError) return { code: 400, message: error.message };
  if (error instanceof CriError && error.code === "NOT_FOUND") return { code: 404, message: error.details };
  return { code: 500, message: error instanceof Error ? error.message : String(error) };
}

/** Answers instead of switching protocols. */
export function refuse(socket: Duplex, code: number, text: string): void {
  const body = Buffer.from(text.endsWith("\n") ? text : `${text}\n`);
  const head = [
    `HTTP/1.1 ${code} ${STATUS_CODES[code] ?? "Error"}`,
    "content-type: text/plain; charset=utf-8",
    `content-length: ${body.length}`,
    "connection: close",
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
}
