/**
 * A node for tests of the agent: a network namespace, a folder for all state, plugins that are recognised as ours.
 * Agents and one-shot verbs run in the process of the test, each entering the namespace for its first synchronous step.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import type { Log, LogFields } from "#base/log.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";
import { testNetns } from "#kernel/testing/with-netns.ts";
import { pluginTypes } from "#plugins/registry.ts";
import { askAgent } from "../ask-agent.ts";
import type { LauncherRequest } from "../launcher-protocol.ts";
import { type AgentOptions, runAgent } from "../main.ts";
import type { NetworkOptions } from "../network/start-network.ts";
import { runStandalone } from "../standalone.ts";
import { type StatePaths, statePaths } from "../state-paths.ts";
import { type AgentStatus, STATUS_REQUEST } from "../status.ts";
import { NATIVE_LAUNCHER } from "./call-launcher.ts";

type AgentParts = Pick<AgentOptions, "source" | "services" | "policy">;

export interface Verb {
  readonly command: "ADD" | "DEL" | "CHECK" | "GC" | "STATUS";
  readonly containerId?: string;
  /** Path of the pod's namespace. */
  readonly netns?: string;
  /** Network configuration with `type`. */
  readonly config: JsonObject;
}

export interface TestHost extends Disposable {
  readonly netns: Netns;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly paths: StatePaths;
  /** Masquerading ptp network with addresses from 10.1.0.0/29: .2 to .6. */
  readonly network: JsonObject;
  /** The addresses that are given away. */
  reservations(): readonly string[];
  request(verb: Verb): LauncherRequest;
  startAgent(network?: NetworkOptions, more?: AgentParts): Promise<TestAgent>;
  /** A one-shot process's work. */
  runAlone(verb: Verb): Promise<PluginOutput>;
}

export interface TestAgent extends AsyncDisposable {
  call(verb: Verb): Promise<PluginOutput>;
  status(): Promise<AgentStatus>;
  /** Looks again whenever something is logged. Rejects at the deadline with what was seen last. */
  statusWhen(isReached: (status: AgentStatus) => boolean): Promise<AgentStatus>;
  /** Resolves when the event is logged for the `count`-th time since the start of the agent. */
  logged(event: string, count?: number): Promise<LogFields>;
}

const DEADLINE_MS = 20_000;

export function createTestHost(): TestHost {
  using stack = new DisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "podwire-agent-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const netns = stack.use(testNetns({ loopbackUp: true }));
  const binDir = join(folder, "bin");
  mkdirSync(binDir);
  for (const type of pluginTypes) copyFileSync(NATIVE_LAUNCHER, join(binDir, type));
  const environment = {
    PODWIRE_RUN_DIR: join(folder, "run"),
    PODWIRE_STATE_DIR: join(folder, "state"),
    CNI_PATH: binDir,
  };
  const request = (verb: Verb): LauncherRequest => requestFor(verb, environment);
  const open = stack.move();
  return {
    netns,
    folder,
    environment,
    paths: statePaths(netns, environment),
    network: ptpNetwork(join(folder, "ipam")),
    reservations: () => reservationsIn(join(folder, "ipam/net")),
    request,
    startAgent: (network, parts) => startAgent({ netns, environment, network, parts, request }),
    runAlone: (verb) => inNetns(netns, () => runStandalone(request(verb))),
    [Symbol.dispose]: () => open.dispose(),
  };
}

function ptpNetwork(dataDir: string): JsonObject {
  const ipam = { type: "host-local", dataDir, subnet: "10.1.0.0/29" };
  return { cniVersion: "1.1.0", name: "net", type: "ptp", ipMasq: true, ipam };
}

function reservationsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^[0-9a-f.:]+$/.test(name))
    .toSorted();
}

function requestFor(
  { command, containerId = "", netns = "", config }: Verb,
  environment: Readonly<Record<string, string>>,
): LauncherRequest {
  const variables = { CNI_COMMAND: command, CNI_CONTAINERID: containerId, CNI_NETNS: netns, CNI_IFNAME: "eth0" };
  return {
    plugin: String(config["type"]),
    environment: { ...environment, ...variables },
    stdin: Buffer.from(JSON.stringify(config)),
  };
}

interface AgentStart extends Pick<TestHost, "netns" | "environment" | "request"> {
  readonly network: NetworkOptions | undefined;
  readonly parts: AgentParts | undefined;
}

async function startAgent({ netns, environment, network, parts, request }: AgentStart): Promise<TestAgent> {
  const stop = new AbortController();
  const { log, logged, count, more } = watchedLog();
  const ready = Promise.withResolvers<string>();
  const ended = inNetns(netns, () =>
    runAgent({ environment, network, ...parts, signal: stop.signal, log, onReady: ready.resolve }),
  );
  ended.catch(ready.reject);
  const socket = await ready.promise;
  const deadline = (): AbortSignal => AbortSignal.timeout(DEADLINE_MS);
  async function status(): Promise<AgentStatus> {
    const question = { plugin: STATUS_REQUEST, environment: {}, stdin: Buffer.alloc(0) };
    const { stdout } = await askAgent(socket, question, deadline());
    // Printed by agentStatus from this type.
    return JSON.parse(stdout) as AgentStatus;
  }
  return {
    call: (verb) => askAgent(socket, request(verb), deadline()),
    status,
    async statusWhen(isReached) {
      for (const late = deadline(); ; ) {
        const seen = count();
        const found = await status();
        if (isReached(found)) return found;
        if (late.aborted) throw new Error(`The agent does not come to that: ${JSON.stringify(found, undefined, 1)}`);
        await more(seen, late);
      }
    },
    logged,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}

interface WatchedLog extends Pick<TestAgent, "logged"> {
  readonly log: Log;
  count(): number;
  /** Resolves when more than so many lines are logged, or the signal aborts. */
  more(than: number, signal: AbortSignal): Promise<void>;
}

function watchedLog(): WatchedLog {
  const lines: { readonly event: string; readonly fields: LogFields }[] = [];
  const waiting = new Set<() => void>();
  const record = (event: string, fields: LogFields = {}): void => {
    lines.push({ event, fields });
    for (const look of waiting) look();
  };
  return {
    log: { info: record, error: record },
    count: () => lines.length,
    async more(than, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = (): void => {
        if (lines.length > than || signal.aborted) resolve();
      };
      waiting.add(look);
      signal.addEventListener("abort", look);
      look();
      await promise;
      waiting.delete(look);
      signal.removeEventListener("abort", look);
    },
    async logged(event, count = 1) {
      const { promise, resolve, reject } = Promise.withResolvers<LogFields>();
      const look = (): void => {
        const found = lines.filter((line) => line.event === event)[count - 1];
        if (found) resolve(found.fields);
      };
      const late = (): void => reject(new Error(`"${event}" is not logged: ${JSON.stringify(lines)}`));
      const deadline = setTimeout(late, DEADLINE_MS);
      waiting.add(look);
      look();
      try {
        return await promise;
      } finally {
        clearTimeout(deadline);
        waiting.delete(look);
      }
    },
  };
}

/** The object on stdout; throws when the verb failed. */
export function resultOf({ exitCode, stdout, stderr }: PluginOutput): JsonObject {
  const value: unknown = stdout === "" ? {} : JSON.parse(stdout);
  if (exitCode === 0 && isJsonObject(value)) return value;
  throw new Error(`The verb failed with exit status ${exitCode}: ${stdout}${stderr}`);
}

/** The CNI error code of a verb that failed; 0 of one that did not. */
export function errorCodeOf({ exitCode, stdout }: PluginOutput): number {
  return exitCode === 0 ? 0 : Number(JSON.parse(stdout).code);
}

/** `10.1.0.2` */
export function addressOf(output: PluginOutput): string {
  const { ips } = resultOf(output);
  const first: unknown = Array.isArray(ips) ? ips[0] : undefined;
  return isJsonObject(first) ? String(first["address"]).replace(/\/.*/, "") : "";
}
