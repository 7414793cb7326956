/** A process of its own that carries out calls of host-local, and one that is killed behind a step on disk. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { createAddressFolders } from "../host-local/address-folders.ts";
import { hostLocal } from "../host-local/host-local.ts";
import { callOurs, type RuntimeCall } from "./call-plugin-as-runtime.ts";

export interface HostLocalProcess extends AsyncDisposable {
  /** Undefined when the process was killed before it could answer. */
  call(call: RuntimeCall): Promise<PluginOutput | undefined>;
}

export interface Kill {
  /** The step behind which the process is killed, counted from 1. */
  readonly step: number;
  /** Only steps below this folder count. */
  readonly folder: string;
}

export function startHostLocalProcess(kill?: Kill): HostLocalProcess {
  const preload = fileURLToPath(new URL("./kill-behind-step.ts", import.meta.url));
  const child = fork(fileURLToPath(import.meta.url), {
    execArgv: kill === undefined ? [] : ["--import", preload],
    env: { ...process.env, KILL_STEP: `${kill?.step}`, KILL_FOLDER: kill?.folder ?? "" },
  });
  const exited = once(child, "exit");
  return {
    async call(call) {
      child.send(call);
      return Promise.race([nextMessage(child), exited.then(() => undefined)]);
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

async function nextMessage(child: ChildProcess): Promise<PluginOutput> {
  // The other end of the channel is below.
  const [output] = (await once(child, "message")) as [PluginOutput];
  return output;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const addressFolders = createAddressFolders();
  // Calls come from `startHostLocalProcess`.
  process.on("message", async (call: RuntimeCall) =>
    process.send?.(await callOurs(hostLocal, { addressFolders }, call)),
  );
}
