/**
 * What one containerd needs until it can run pods, with nothing of ours around it but the namespaces, which are there
 * before the clock starts: from its start to a CRI service that says RuntimeReady.
 */
import { join } from "node:path";
import { startContainerd, waitForCri } from "#cluster/containerd.ts";
import { startNodeMachine } from "#cluster/node-machine.ts";
import { NODE_PATH } from "#cluster/node-sandbox.ts";
import { createCriClient } from "#cri/cri-client.ts";

const NAME = "bare";

export interface BareContainerdOptions {
  readonly stateDir: string;
  readonly binDir: string;
}

export async function timeBareContainerd(options: BareContainerdOptions, signal: AbortSignal): Promise<number> {
  await using machine = await startNodeMachine({ name: NAME, ...options }, signal);
  using cri = createCriClient(machine.criSocket);
  const early = new AbortController();
  const startedMs = performance.now();
  const { exited } = await startContainerd({
    inNode: (argv) => machine.daemon(argv),
    logPath: join(machine.nodeDir, "containerd.log"),
    environment: { PATH: NODE_PATH },
  });
  void exited.then((reason) => early.abort(new Error(reason)));
  await waitForCri(machine.criSocket, cri, AbortSignal.any([signal, early.signal]));
  const durationMs = performance.now() - startedMs;
  await machine.kill();
  await exited;
  return durationMs;
}
