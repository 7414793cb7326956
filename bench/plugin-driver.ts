/**
 * Calls plugin executables directly, as a container runtime does: ADD in the order of the chain, each with the result of
 * the one before; DEL in reverse, each with the final result. The time of a verb is the sum of its processes' lives.
 */
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { type ProgramOutcome, spawnAndWait, spawnAndWaitTogether } from "#kernel/syscalls/spawn.ts";
import { type BenchCase, pluginChain } from "./cases.ts";
import type { Mode } from "./plan.ts";
import { type BenchPod, kubernetesArgs, POD_IFNAME } from "./pod.ts";
import type { PodDriver } from "./pod-driver.ts";

export interface PluginDriverOptions {
  readonly binDir: string;
  /** Of host-local. */
  readonly dataDir: string;
  /** Besides PATH and the CNI variables. */
  readonly environment: Readonly<Record<string, string>>;
}

const SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const runners = { sequential: spawnAndWait, concurrent: spawnAndWaitTogether };

export function createPluginDriver({ binDir, dataDir, environment }: PluginDriverOptions): PodDriver {
  async function callPlugin(command: "ADD" | "DEL", config: JsonObject & { type: string }, pod: BenchPod, mode: Mode) {
    const outcome = await runners[mode]({
      path: join(binDir, config.type),
      argv: [join(binDir, config.type)],
      environment: {
        ...environment,
        PATH: SEARCH_PATH,
        CNI_COMMAND: command,
        CNI_CONTAINERID: pod.containerId,
        CNI_NETNS: pod.netns.path,
        CNI_IFNAME: POD_IFNAME,
        CNI_ARGS: kubernetesArgs(pod),
        CNI_PATH: binDir,
      },
      stdin: JSON.stringify(config),
    });
    if (outcome.exitStatus !== 0) throw new Error(describeFailure(command, config.type, outcome));
    return outcome;
  }

  return {
    prepare() {},
    async attach(pod, benchCase, mode) {
      let durationMs = 0;
      for (const config of pluginChain(benchCase, { dataDir, hostPort: pod.hostPort })) {
        const prevResult = pod.result && { prevResult: pod.result };
        const outcome = await callPlugin("ADD", { ...config, ...prevResult }, pod, mode);
        durationMs += outcome.durationMs;
        pod.result = parseResult(outcome.stdout, config.type, benchCase);
      }
      return durationMs;
    },
    async detach(pod, benchCase, mode) {
      let durationMs = 0;
      for (const config of pluginChain(benchCase, { dataDir, hostPort: pod.hostPort }).toReversed()) {
        const prevResult = pod.result && { prevResult: pod.result };
        durationMs += (await callPlugin("DEL", { ...config, ...prevResult }, pod, mode)).durationMs;
      }
      return durationMs;
    },
  };
}

function parseResult(stdout: string, type: string, { dualStack }: BenchCase): JsonObject {
  const result: unknown = JSON.parse(stdout);
  const addresses = isJsonObject(result) && Array.isArray(result["ips"]) ? result["ips"].length : 0;
  if (!isJsonObject(result) || addresses !== (dualStack ? 2 : 1)) {
    throw new Error(`ADD of plugin "${type}" answered ${addresses} addresses: ${stdout}`);
  }
  return result;
}

function describeFailure(command: string, type: string, { exitStatus, stdout, stderr }: ProgramOutcome): string {
  const said = [stdout, stderr].map((text) => text.trim()).filter((text) => text !== "");
  return `${command} of plugin "${type}" failed: exit status ${exitStatus}: ${said.join("; ") || "it said nothing"}`;
}
