/**
 * The process that keeps a demo up after `podwire demo --keep` has ended. The node lives as long as it does, because
 * the kernel ends a node with the process that started it. Argument: the request as JSON.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { printError } from "../output/print-error.ts";
import { downSocketPath } from "./demo-folder.ts";
import type { KeeperMessage } from "./keeper-protocol.ts";
import { type DemoRequest, runDemo } from "./run-demo.ts";

const stop = new AbortController();
const callers: Socket[] = [];
let isKept = false;

async function keep(request: DemoRequest): Promise<void> {
  let server: Server | undefined;
  try {
    await runDemo(request, {
      say: (line) => isKept || tell({ kind: "phase", line }),
      signal: stop.signal,
      keep: async (report) => {
        server = await listenForDown(request.folder);
        isKept = true;
        tell({ kind: "kept", report });
        if (!stop.signal.aborted) await once(stop.signal, "abort");
      },
    });
    answer("");
  } catch (error) {
    const { text, exitCode } = printError(error);
    if (isKept) answer(text);
    else tell({ kind: "failed", text, exitCode });
  } finally {
    server?.close();
    if (process.connected) process.disconnect();
  }
}

/** Whoever connects asks for the end, and reads an empty answer when everything is down, or what went wrong. */
async function listenForDown(folder: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy()); // the caller has gone: the demo goes down all the same
    callers.push(socket);
    stop.abort();
  });
  server.listen(downSocketPath(folder));
  await once(server, "listening");
  return server;
}

function answer(text: string): void {
  for (const caller of callers) caller.end(text);
}

function tell(message: KeeperMessage): void {
  if (process.connected) process.send?.(message);
}

process.on("SIGTERM", () => stop.abort());
process.on("disconnect", () => isKept || stop.abort());
// Formatted by keep-demo.ts from this type.
await keep(JSON.parse(process.argv[2] ?? "") as DemoRequest);
