/**
 * A process inside a namespace: tells its name to whoever connects to POD_PORT, and connects to others when asked.
 * One that is there already costs a tenth of starting `ping` or `nc` for each look.
 *     node prober.ts NAME
 */
import { createConnection, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { POD_PORT } from "./networks.ts";

/** To the process: connect there. */
export interface ProbeRequest {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

/** From the process: what the other side said, `<its name> sees <our address>`, or why it said nothing. */
export interface ProbeAnswer {
  readonly id: number;
  readonly said: string;
}

const DEADLINE_MS = 2_000;

async function probe({ host, port }: ProbeRequest): Promise<string> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const socket = createConnection({ host, port, signal });
  try {
    return await text(socket);
  } catch (error) {
    return signal.aborted ? "no answer in time" : String(error);
  } finally {
    socket.destroy();
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , name] = process.argv;
  const server = createServer((socket) => {
    socket.on("error", () => undefined); // the other side has gone
    socket.end(`${name} sees ${socket.remoteAddress?.replace("::ffff:", "")}`);
  });
  server.listen(POD_PORT, () => process.send?.("ready"));
  process.on("message", async (request: ProbeRequest) => {
    const answer: ProbeAnswer = { id: request.id, said: await probe(request) };
    process.send?.(answer);
  });
}
