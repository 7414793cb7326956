/**
 * Hands an upgraded request on to the runtime's streaming server and joins both connections, byte for byte: SPDY/3.1 and
 * WebSocket are spoken by the client and the runtime. What the runtime refuses is refused here with its words, so that
 * clients can offer another protocol.
 */
import { type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";

const FORWARDED = /^(upgrade|sec-websocket-.*|x-stream-protocol-version)$/;

/** Resolves when the connection is over. */
export function passStream(
  url: string,
  { incoming, socket, head }: { readonly incoming: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("close", resolve);
  const outgoing = request(url, { method: incoming.method ?? "GET", headers: headersOf(incoming), agent: false });
  outgoing.on("error", (error) => refuse(socket, 502, `cannot reach the container runtime: ${error.message}`));
  outgoing.on("response", (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
    });
    response.on("end", () => refuse(socket, response.statusCode ?? 502, text));
  });
  outgoing.on("upgrade", (response, runtime, first) => {
    socket.write(headText(response));
    if (first.length > 0) socket.write(first);
    if (head.length > 0) runtime.write(head);
    for (const [from, to] of [
      [socket, runtime],
      [runtime, socket],
    ] as const) {
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  outgoing.end();
  return promise;
}

/** Answers instead of switching protocols. */
export function refuse(socket: Duplex, code: number, text: string): void {
  const body = Buffer.from(text.endsWith("\n") ? text : `${text}\n`);
  const head = [
    `HTTP/1.1 ${code} ${code === 404 ? "Not Found" : code === 403 ? "Forbidden" : "Error"}`,
    "content-type: text/plain; charset=utf-8",
    `content-length: ${body.length}`,
    "connection: close",
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
}

/** Each line for itself: SPDY clients offer their versions in several. */
function headersOf({ rawHeaders, headers, method }: IncomingMessage): Record<string, string | string[]> {
  const names = Object.keys(headers).filter((name) => FORWARDED.test(name));
  const lines = (name: string): string[] =>
    rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
  const chosen = names.map((name): [string, string | string[]] => {
    const values = lines(name);
    return [name, values.length === 1 ? (values[0] ?? "") : values];
  });
  return { ...Object.fromEntries(chosen), connection: "Upgrade", ...(method === "POST" && { "content-length": "0" }) };
}

function headText({ rawHeaders }: IncomingMessage): string {
  const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []));
  return `${["HTTP/1.1 101 Switching Protocols", ...lines].join("\r\n")}\r\n\r\n`;
}
