/**
 * One byte there and back over one TCP connection, again and again. Arguments: `server`, or `client ADDRESS SECONDS`.
 * The server says that it listens; the client prints all round trips in microseconds as JSON.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";

const PORT = 5202;
/** V8 compiles what runs often. */
const WARM_UP = 2000;

async function serve(): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("data", (bytes) => socket.write(bytes));
    socket.on("close", () => server.close());
  });
  server.listen(PORT);
  await once(server, "listening");
  process.stdout.write("listening\n");
}

async function ask(address: string, seconds: number): Promise<void> {
  const socket = connect({ port: PORT, host: address, noDelay: true });
  await once(socket, "connect");
  const message = Buffer.from("x");
  const roundTripsUs: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  let startedMs = performance.now();
  let endMs = Number.POSITIVE_INFINITY;
  socket.on("data", () => {
    const nowMs = performance.now();
    if (++count > WARM_UP) roundTripsUs.push((nowMs - startedMs) * 1000);
    else if (count === WARM_UP) endMs = nowMs + seconds * 1000;
    if (nowMs > endMs) return resolve();
    startedMs = performance.now();
    socket.write(message);
  });
  socket.write(message);
  await promise;
  socket.destroy();
  process.stdout.write(JSON.stringify(roundTripsUs));
}

const [role, address = "", seconds = "1"] = process.argv.slice(2);
if (role === "server") await serve();
else await ask(address, Number(seconds));
