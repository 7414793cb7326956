/**
 * Calls one verb of a plugin in process, after the version checks that belong to it.
 * Both ways into a plugin end here: the front end (plugin-main.ts) and a delegation (delegate.ts).
 * Source: texts and order as in libcni's skel.
 */
import type { JsonObject } from "#base/json.ts";
import { CniError } from "./cni-error.ts";
import { configVersion, parseNetworkConfig, parseValidAttachments } from "./parse-config.ts";
import type { GcRequest, Plugin, PluginRequest, StatusRequest } from "./plugin.ts";
import type { CniResult } from "./result.ts";
import { compareVersions } from "./spec-version.ts";

export type ContainerCall = {
  readonly verb: "ADD" | "DEL" | "CHECK";
  readonly request: Omit<PluginRequest, "config">;
};

export type NetworkCall = {
  readonly verb: "GC" | "STATUS";
  readonly request: Omit<StatusRequest, "config">;
};

/** A verb, what it is about, and the configuration as it came. */
export type Call = (ContainerCall | NetworkCall) & { readonly json: JsonObject };

/** The spec version that brought the verb. */
const SINCE: Readonly<Record<Call["verb"], string>> = {
  ADD: "0.1.0",
  DEL: "0.1.0",
  CHECK: "0.4.0",
  GC: "1.1.0",
  STATUS: "1.1.0",
};

/** The result of an ADD, undefined for the other verbs. `host` is opened only for an acceptable call. */
export async function callPlugin<Host>(
  plugin: Plugin<Host>,
  call: Call,
  host: () => Host | Promise<Host>,
): Promise<CniResult | undefined> {
  checkVersion(plugin, call);
  return perform(plugin, call, host);
}

/** The call itself, for a caller that has something to check between the version and the deed. */
export async function perform<Host>(
  plugin: Plugin<Host>,
  call: Call,
  host: () => Host | Promise<Host>,
): Promise<CniResult | undefined> {
  switch (call.verb) {
    case "ADD":
      return plugin.add(containerRequest(call, call.json), await host());
    case "DEL":
      await plugin.del(containerRequest(call, call.json), await host());
      return undefined;
    case "CHECK":
      await plugin.check(containerRequest(call, call.json), await host());
      return undefined;
    case "GC":
      if (plugin.gc !== undefined) await plugin.gc(gcRequest(call, call.json), await host());
      return undefined;
    case "STATUS":
      if (plugin.status !== undefined) await plugin.status(statusRequest(call, call.json), await host());
      return undefined;
    default:
      return unreachable(call);
  }
}

function containerRequest(call: ContainerCall, json: JsonObject): PluginRequest {
  return { ...call.request, config: parseNetworkConfig(json, { ignoreBrokenPrevResult: call.verb === "DEL" }) };
}

function gcRequest(call: NetworkCall, json: JsonObject): GcRequest {
  return { ...statusRequest(call, json), validAttachments: parseValidAttachments(json) };
}

/** GC and STATUS are about the network: a previous result means nothing to them. */
function statusRequest(call: NetworkCall, json: JsonObject): StatusRequest {
  return { ...call.request, config: parseNetworkConfig(json, { ignoreBrokenPrevResult: true }) };
}

export function checkVersion<Host>(plugin: Plugin<Host>, { verb, json }: Call): void {
  const version = configVersion(json);
  if (verb !== "ADD" && verb !== "DEL") {
    if (compareVersions(version, SINCE[verb]) < 0) {
      throw new CniError("incompatibleVersion", `config version does not allow ${verb}`);
    }
    if (plugin.versions.every((supported) => compareVersions(supported, version) < 0)) {
      throw new CniError("incompatibleVersion", `plugin version does not allow ${verb}`);
    }
  }
  if (!plugin.versions.includes(version)) {
    const supported = plugin.versions.map((one) => JSON.stringify(one)).join(" ");
    const details = `config is ${JSON.stringify(version)}, plugin supports [${supported}]`;
    throw new CniError("incompatibleVersion", "incompatible CNI versions", details);
  }
}

function unreachable(call: never): never {
  throw new Error(`Cannot call plugin: unknown verb ${JSON.stringify(call)}`);
}
