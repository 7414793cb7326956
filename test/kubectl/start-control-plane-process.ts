/** `podwire control-plane` as a process of its own, in a folder of its own, on a free port. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import { openPki, type Pki } from "#control-plane/pki/open-pki.ts";

export interface ControlPlaneProcess extends AsyncDisposable {
  /** "https://127.0.0.1:34567" */
  readonly server: string;
  readonly pki: Pki;
  /** The administrator's, for `default`. */
  readonly kubeconfigText: string;
  /** What it has logged. */
  log(): string;
}

const CLI = join(import.meta.dirname, "../../src/cli/entry.ts");
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 10_000;

/** Resolves when it answers. */
export async function startControlPlaneProcess(folder: string): Promise<ControlPlaneProcess> {
  const dataDirectory = join(folder, "data");
  const kubeconfigPath = join(folder, "admin.kubeconfig");
  const options = ["--listen", "127.0.0.1:0", "--data-dir", dataDirectory, "--kubeconfig", kubeconfigPath];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", CLI, "control-plane", ...options], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
    if (/ is ready\./.test(log)) ready.resolve();
  });
  child.on("error", ready.reject);
  child.on("close", (code) => {
    ended.resolve();
    ready.reject(new Error(`the control plane ended with ${code}: ${log}`));
  });
  const deadline = setTimeout(
    () => ready.reject(new Error(`the control plane is not ready: ${log}`)),
    START_DEADLINE_MS,
  );
  try {
    await ready.promise;
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  } finally {
    clearTimeout(deadline);
  }
  return {
    server: loadKubeconfig(kubeconfigPath).server,
    // It keeps what is there: the names of its server are the process's concern.
    pki: await openPki({ directory: join(dataDirectory, "pki"), serverNames: [], now: () => new Date() }),
    kubeconfigText: readFileSync(kubeconfigPath, "utf8"),
    log: () => log,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
      await ended.promise;
      clearTimeout(timer);
      if (child.signalCode === "SIGKILL") throw new Error(`the control plane did not end: ${log}`);
    },
  };
}
