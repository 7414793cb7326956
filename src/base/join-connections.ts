/** Two connections as one: bytes go both ways, an end goes on as an end, and nothing that was sent is lost by it. */
import type { Duplex } from "node:stream";

/** For the other side to take what it was given. */
const FLUSH_MS = 30_000;
/** For the other side to end as well, when it has been given everything. */
const LINGER_MS = 1_000;

/** Either one's failure takes the other one along. */
export function joinConnections(left: Duplex, right: Duplex): void {
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => {
      if (from.readableEnded) endSoon(to);
      else to.destroy();
    });
  }
}

/** What it still sends goes nowhere; unread, it would make the kernel drop what the other side has not read yet. */
function endSoon(connection: Duplex): void {
  const destroyAfter = (ms: number): NodeJS.Timeout => setTimeout(() => connection.destroy(), ms).unref();
  let timer = destroyAfter(connection.writableFinished ? LINGER_MS : FLUSH_MS);
  connection.on("finish", () => {
    clearTimeout(timer);
    timer = destroyAfter(LINGER_MS);
  });
  connection.on("close", () => clearTimeout(timer));
  connection.end();
  connection.resume();
}
