/** Runs one part of the benchmark in network, mount and process namespaces that end with it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { PolicyMeasurement, PolicyWorkerOptions } from "./worker-protocol.ts";

const PROGRAM = fileURLToPath(new URL("./worker.ts", import.meta.url));
const NAMESPACES = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const DEADLINE_MS = 15 * 60_000;

export async function runPolicyWorker(options: PolicyWorkerOptions, signal: AbortSignal): Promise<PolicyMeasurement> {
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", PROGRAM, JSON.stringify(options)];
  const child = spawn("unshare", [...NAMESPACES, "--", ...node], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // an interrupt from the keyboard is for the benchmark, which then ends its worker
  });
  const late = AbortSignal.timeout(DEADLINE_MS);
  const kill = () => void child.kill("SIGKILL");
  const stop = AbortSignal.any([signal, late]);
  stop.addEventListener("abort", kill, { once: true });
  const [answer, said] = [text(child.stdout), text(child.stderr)];
  const [code] = await once(child, "exit");
  stop.removeEventListener("abort", kill);
  signal.throwIfAborted();
  if (late.aborted) throw new Error(`Cannot measure "${options.part}": not done after ${DEADLINE_MS / 60_000} minutes`);
  if (code !== 0) throw new Error(`Cannot measure "${options.part}": exit status ${code}: ${await said}`);
  return JSON.parse(await answer);
}
