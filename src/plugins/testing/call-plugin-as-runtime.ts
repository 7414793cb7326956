/** Calls plugins as a runtime does, ours in process and the reference's by executing them: same input, same output. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { parseJson } from "#cni/go-json.ts";
import type { Plugin } from "#cni/plugin.ts";
import { type PluginOutput, runPlugin } from "#cni/plugin-main.ts";
import { parseResult } from "#cni/result-versions.ts";

export interface RuntimeCall {
  readonly verb?: "ADD" | "DEL" | "CHECK" | "GC" | "STATUS";
  readonly containerId?: string;
  readonly ifname?: string;
  readonly args?: string;
  readonly config: JsonObject;
}

export const REFERENCE_FOLDER = "/usr/lib/cni";

/** For the `skip` option of a test that needs the reference plugin. */
export function skipWithoutReference(type: string): string | false {
  return existsSync(`${REFERENCE_FOLDER}/${type}`) ? false : `the reference plugin ${type} is not installed`;
}

export function callOurs<Host>(plugin: Plugin<Host>, host: Host, call: RuntimeCall): Promise<PluginOutput> {
  const input = { environment: environmentOf(call), stdin: JSON.stringify(call.config), sameNetns: () => false };
  return runPlugin(plugin, input, () => host);
}

export async function callReference(type: string, call: RuntimeCall): Promise<PluginOutput> {
  const child = spawn(`${REFERENCE_FOLDER}/${type}`, { env: environmentOf(call), stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(JSON.stringify(call.config));
  const closed = once(child, "close");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [exitCode] = await closed;
  return { stdout, stderr, exitCode: typeof exitCode === "number" ? exitCode : -1 };
}

/**
 * What an answer says, comparable with that of a reference plugin: the result, since older ones print an empty "dns"
 * where later ones print none; or the message of the error, since their code is always 999.
 */
export function meaningOf({ stdout, exitCode }: PluginOutput): unknown {
  if (stdout === "") return exitCode;
  const json = parseJson(stdout);
  if (!isJsonObject(json)) throw new Error(`Cannot understand answer ${JSON.stringify(stdout)}: it is no object`);
  return exitCode === 0 ? parseResult(json, String(json["cniVersion"])) : json["msg"];
}

function environmentOf({ verb = "ADD", containerId = "c1", ifname = "eth0", args = "" }: RuntimeCall) {
  const network = { CNI_COMMAND: verb, CNI_ARGS: args, CNI_PATH: REFERENCE_FOLDER };
  if (verb === "GC" || verb === "STATUS") return network;
  return { ...network, CNI_CONTAINERID: containerId, CNI_IFNAME: ifname, CNI_NETNS: "/run/netns/none" };
}
