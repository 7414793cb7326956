/**
 * How a plugin calls another one: its IPAM plugin, or the plugin it generates a configuration for.
 * The other is found in CNI_PATH. A foreign one is executed with the caller's environment, only CNI_COMMAND changed;
 * one of our own is called in process, which saves a process and is the same to an observer.
 * Source: CNI SPEC 1.1.0 section 4.
 */
import type { JsonObject } from "#base/json.ts";
import { type Call, callPlugin } from "./call-plugin.ts";
import { CniError } from "./cni-error.ts";
import { formatJson } from "./go-json.ts";
import { configVersion } from "./parse-config.ts";
import type { GcRequest, Plugin, PluginRequest, StatusRequest } from "./plugin.ts";
import type { CniResult } from "./result.ts";
import { execFile, findPlugin, splitPath } from "./runtime/exec-plugin.ts";
import { parseAddOutcome, requireSuccess } from "./runtime/plugin-outcome.ts";

/**
 * Calls the plugin of the given type. `json` is the configuration it gets, by default that of the caller.
 * Errors of the other plugin keep code, message and details.
 */
export interface Delegate {
  add(type: string, request: PluginRequest, json?: JsonObject): Promise<CniResult>;
  del(type: string, request: PluginRequest, json?: JsonObject): Promise<void>;
  check(type: string, request: PluginRequest, json?: JsonObject): Promise<void>;
  gc(type: string, request: GcRequest, json?: JsonObject): Promise<void>;
  status(type: string, request: StatusRequest, json?: JsonObject): Promise<void>;
}

export interface DelegateDeps<Host> {
  /** True when the file is our own launcher, under whatever name it is installed. */
  readonly isOurs: (file: string) => boolean;
  /** Our own plugin of that type; one that is not known here is executed after all. */
  readonly findOurs: (type: string) => Plugin<Host> | undefined;
  /** What our own plugins act on. */
  readonly host: () => Host | Promise<Host>;
  /** Gets what foreign plugins write to stderr. */
  readonly onStderr?: (text: string) => void;
  /** After this time a foreign plugin is killed. */
  readonly timeoutMs?: number;
}

/** The time a kubelet gives its runtime for one request (`--runtime-request-timeout`). */
const DEFAULT_TIMEOUT_MS = 120_000;
/** A meta plugin, flannel, bridge and its IPAM are three; a plugin that is its own delegate would never end. */
const MAX_NESTING = 8;

export function createDelegate<Host>(given: DelegateDeps<Host>): Delegate {
  const deps = { ...given, nesting: 0 };
  return {
    async add(type, request, json = request.config.json) {
      const result = await callDelegate(deps, type, containerCall("ADD", request, json));
      if (result !== undefined) return result;
      throw new CniError("internal", `Cannot add via plugin ${JSON.stringify(type)}: it gave no result`);
    },
    async del(type, request, json = request.config.json) {
      await callDelegate(deps, type, containerCall("DEL", request, json));
    },
    async check(type, request, json = request.config.json) {
      await callDelegate(deps, type, containerCall("CHECK", request, json));
    },
    async gc(type, request, json = request.config.json) {
      await callDelegate(deps, type, { verb: "GC", request: networkPart(request), json });
    },
    async status(type, request, json = request.config.json) {
      await callDelegate(deps, type, { verb: "STATUS", request: networkPart(request), json });
    },
  };
}

function containerCall(verb: "ADD" | "DEL" | "CHECK", request: PluginRequest, json: JsonObject): Call {
  const { containerId, netns, ifname } = request;
  return { verb, request: { ...networkPart(request), containerId, netns, ifname }, json };
}

function networkPart({ args, path, environment }: StatusRequest): Omit<StatusRequest, "config"> {
  return { args, path, environment };
}

async function callDelegate<Host>(
  deps: DelegateDeps<Host> & { nesting: number },
  type: string,
  call: Call,
): Promise<CniResult | undefined> {
  const { path, environment } = call.request;
  const file = findPlugin(type, splitPath(path));
  const ours = deps.isOurs(file) ? deps.findOurs(type) : undefined;
  if (ours !== undefined) return await callOurs(deps, ours, call);
  const foreign = {
    type,
    environment: { ...environment, CNI_COMMAND: call.verb },
    stdin: formatJson(call.json),
  };
  const outcome = await execFile(file, foreign, AbortSignal.timeout(deps.timeoutMs ?? DEFAULT_TIMEOUT_MS));
  if (outcome.exitCode === 0 && outcome.stderr !== "") deps.onStderr?.(outcome.stderr);
  if (call.verb === "ADD") return parseAddOutcome(outcome, configVersion(call.json)).result;
  requireSuccess(outcome);
  return undefined;
}

async function callOurs<Host>(
  deps: DelegateDeps<Host> & { nesting: number },
  plugin: Plugin<Host>,
  call: Call,
): Promise<CniResult | undefined> {
  if (deps.nesting === MAX_NESTING) {
    const message = `Cannot call plugin "${plugin.type}": ${MAX_NESTING} plugins are waiting for each other already`;
    throw new CniError("invalidConfig", message, "a plugin must not be its own delegate");
  }
  deps.nesting += 1;
  try {
    return await callPlugin(plugin, call, deps.host);
  } finally {
    deps.nesting -= 1;
  }
}
