/**
 * The front end of every plugin: environment and stdin in, stdout and exit code out.
 * Runtimes depend on its texts, layout and order of checks, so they are those of libcni's skel, with one exception:
 * a container that shares the plugin's network namespace is refused before anything is done, not afterwards.
 */

import type { JsonObject } from "#base/json.ts";
import { type Call, checkVersion, perform } from "./call-plugin.ts";
import { CniError } from "./cni-error.ts";
import { allowsSameNetns, checkEnvironment, type Environment, type Verb } from "./environment.ts";
import { errorMessage } from "./error-message.ts";
import { formatJson } from "./go-json.ts";
import { configVersion, parseConfigJson } from "./parse-config.ts";
import type { Plugin } from "./plugin.ts";
import { formatError, toCniError } from "./print-error.ts";
import { formatResult } from "./result-versions.ts";
import { NEWEST_SPEC_VERSION } from "./spec-version.ts";

/** What the process that was called has: its own, or those that a launcher relays. */
export interface PluginInput {
  /** May be `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A function is called only when stdin is needed: never for VERSION, nor at a terminal without CNI_COMMAND. */
  readonly stdin: string | Uint8Array | (() => Promise<string | Uint8Array>);
  /** True when the path is the network namespace the plugin works in; false for a path that cannot be opened. */
  readonly sameNetns: (path: string) => boolean;
  /** What it says about itself when CNI_COMMAND is missing. */
  readonly about?: string;
}

export interface PluginOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Never rejects: every error becomes the error object of CNI. `host` is opened only for an acceptable call. */
export async function runPlugin<Host>(
  plugin: Plugin<Host>,
  input: PluginInput,
  host: () => Host | Promise<Host>,
): Promise<PluginOutput> {
  const environment = definedVariables(input.environment);
  if ((environment["CNI_COMMAND"] ?? "") === "") {
    const about = input.about ?? `CNI ${plugin.type} plugin of Podwire`;
    const versions = plugin.versions.join(", ");
    return { stdout: "", stderr: `${about}\nCNI protocol versions supported: ${versions}\n`, exitCode: 0 };
  }
  try {
    return { stdout: await answer(plugin, { ...input, environment }, host), stderr: "", exitCode: 0 };
  } catch (error) {
    return { stdout: formatError(toCniError(error)), stderr: "", exitCode: 1 };
  }
}

async function answer<Host>(
  plugin: Plugin<Host>,
  input: PluginInput & { readonly environment: Environment },
  host: () => Host | Promise<Host>,
): Promise<string> {
  const { environment } = input;
  const verb = checkEnvironment(environment);
  if (verb === "VERSION") {
    return `${formatJson({ cniVersion: NEWEST_SPEC_VERSION, supportedVersions: plugin.versions })}\n`;
  }
  const json = parseConfigJson(await readStdin(input.stdin));
  if (verb === undefined) {
    throw new CniError("invalidEnvironment", `unknown CNI_COMMAND: ${environment["CNI_COMMAND"]}`);
  }
  const call = toCall(verb, environment, json);
  checkVersion(plugin, call);
  refuseSameNetns(call, input.sameNetns);
  const result = await perform(plugin, call, host);
  return result === undefined ? "" : formatResult(result, configVersion(json));
}

function toCall(verb: Exclude<Verb, "VERSION">, environment: Environment, json: JsonObject): Call {
  const request = { args: environment["CNI_ARGS"] ?? "", path: environment["CNI_PATH"] ?? "", environment };
  if (verb === "GC" || verb === "STATUS") return { verb, request, json };
  const container = {
    containerId: environment["CNI_CONTAINERID"] ?? "",
    netns: environment["CNI_NETNS"] ?? "",
    ifname: environment["CNI_IFNAME"] ?? "",
  };
  return { verb, request: { ...request, ...container }, json };
}

function refuseSameNetns(call: Call, sameNetns: (path: string) => boolean): void {
  if (call.verb !== "ADD" && call.verb !== "DEL") return;
  const { netns, environment } = call.request;
  if (netns === "" || allowsSameNetns(environment) || !sameNetns(netns)) return;
  throw new CniError("invalidNetns", "plugin's netns and netns from CNI_NETNS should not be the same");
}

async function readStdin(stdin: PluginInput["stdin"]): Promise<string | Uint8Array> {
  if (typeof stdin !== "function") return stdin;
  try {
    return await stdin();
  } catch (cause) {
    throw new CniError("ioFailure", `error reading from stdin: ${errorMessage(cause)}`, "", { cause });
  }
}

function definedVariables(environment: PluginInput["environment"]): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
