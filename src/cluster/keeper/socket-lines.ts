/** Lines of text from a socket that is written to as well: it stays open when the reader has read enough. */
import type { Socket } from "node:net";

/** Far more than any message has. */
const MAX_LINE = 16 * 1024 * 1024;

/** Ends when the other side has; throws when the connection breaks. */
export async function* socketLines(socket: Socket): AsyncGenerator<string, void> {
  let rest = "";
  // Text, because of the encoding.
  const chunks: AsyncIterable<string> = socket.setEncoding("utf8").iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > MAX_LINE) throw new Error(`a line of more than ${MAX_LINE} characters`);
  }
}
