/**
 * exec, attach and port-forward where client and runtime speak the same: both connections joined byte for byte. That is
 * SPDY/3.1, and WebSockets up to v4.channel.k8s.io. What the runtime refuses is refused with its words.
 */
import type { IncomingMessage } from "node:http";
import { joinConnections } from "#base/join-connections.ts";
import { askRuntime } from "./ask-runtime.ts";
import type { ClientUpgrade } from "./client-upgrade.ts";

const FORWARDED = /^(upgrade|sec-websocket-.*|x-stream-protocol-version)$/;

/** Rejects with Refusal. */
export async function passStream(
  url: string,
  { request, socket, head }: ClientUpgrade,
  signal: AbortSignal,
): Promise<void> {
  const runtime = await askRuntime({ url, method: request.method ?? "GET", headers: headersOf(request) }, signal);
  socket.write(headText(runtime.response));
  if (runtime.first.length > 0) socket.write(runtime.first);
  if (head.length > 0) runtime.socket.write(head);
  joinConnections(socket, runtime.socket);
}

/** Each line for itself: SPDY clients offer their versions in several. */
function headersOf({ rawHeaders, headers }: IncomingMessage): Record<string, string | string[]> {
  const names = Object.keys(headers).filter((name) => FORWARDED.test(name));
  const lines = (name: string): string[] =>
    rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
  const chosen = names.map((name): [string, string | string[]] => {
    const values = lines(name);
    return [name, values.length === 1 ? (values[0] ?? "") : values];
  });
  return Object.fromEntries(chosen);
}

function headText({ rawHeaders }: IncomingMessage): string {
  const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []));
  return `${["HTTP/1.1 101 Switching Protocols", ...lines].join("\r\n")}\r\n\r\n`;
}
