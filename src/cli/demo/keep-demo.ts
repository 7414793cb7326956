/** Starts a demo in a process of its own that stays, and takes such a demo down. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { removeNodeTraces } from "#cluster/node-sandbox.ts";
import { CliError } from "../cli-error.ts";
import { downSocketPath, takeDemoFolder } from "./demo-folder.ts";
import type { KeeperMessage } from "./keeper-protocol.ts";
import type { DemoRequest, DemoSurroundings } from "./run-demo.ts";
import { DEMO_NODE } from "./start-demo.ts";

export type KeepOutcome = Extract<KeeperMessage, { readonly kind: "kept" | "failed" }>;

/** Resolves when the demo is up and stays, or is down again. */
export async function keepDemo(request: DemoRequest, { say, signal }: DemoSurroundings): Promise<KeepOutcome> {
  const argv = [join(import.meta.dirname, "keeper-process.ts"), JSON.stringify(request)];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...argv], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    detached: true,
  });
  const { stderr } = child;
  if (stderr === null) throw new Error("spawn gave no pipe for the keeper's stderr");
  const { promise, resolve, reject } = Promise.withResolvers<KeepOutcome>();
  // Sent by keeper-process.ts as this type.
  child.on("message", (message: KeeperMessage) => (message.kind === "phase" ? say(message.line) : resolve(message)));
  child.on("error", reject);
  const said = text(stderr);
  said.catch(() => undefined); // cut short when this command goes, and the keeper stays
  child.on("exit", (code, killedBy) => {
    said.then((evidence) => {
      const why = `its process ended with ${killedBy ?? `status ${code}`}`;
      reject(new CliError("failed", { what: "The demo could not be brought up", why, evidence }));
    }, reject);
  });
  const interrupt = (): boolean => child.kill("SIGTERM");
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    const outcome = await promise;
    if (outcome.kind === "failed" && child.exitCode === null) await once(child, "exit");
    return outcome;
  } finally {
    signal.removeEventListener("abort", interrupt);
    stderr.destroy();
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** Resolves when no demo is up any more, and nothing of one is left. Answers whether there was one. */
export async function takeDown(folder: string, signal: AbortSignal): Promise<boolean> {
  const socket = createConnection({ path: downSocketPath(folder), signal });
  try {
    await once(socket, "connect", { signal });
    const problem = await text(socket);
    if (problem !== "") throw new CliError("failed", { what: "The demo could not be taken down", evidence: problem });
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && ["ENOENT", "ECONNREFUSED"].includes(String(error.code)))) {
      throw error;
    }
  } finally {
    socket.destroy();
  }
  using taken = takeDemoFolder(folder);
  if (taken === undefined) {
    const next = "wait for its end, or end it with Ctrl-C";
    throw new CliError("failed", { what: "Cannot take the demo down: it runs in the foreground", next });
  }
  await removeNodeTraces({ name: DEMO_NODE, stateDir: folder });
  return false;
}
