/**
 * Network configuration lists from a directory such as /etc/cni/net.d.
 * Source: CNI SPEC 1.1.0 section 1; which file wins, and that one broken list stops the search, as in libcni.
 */

import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { CniError } from "../cni-error.ts";
import { fields, flag, mapOf, optional, text } from "../config.ts";
import { errorMessage } from "../error-message.ts";
import { parseJson } from "../go-json.ts";
import { compareVersions, NEWEST_SPEC_VERSION } from "../spec-version.ts";

/** One plugin of a network, as configured: what the runtime adds to it comes later (build-request.ts). */
export interface PluginConfig {
  readonly type: string;
  /** The plugin's own `name`, usually empty: the network's counts. */
  readonly name: string;
  readonly cniVersion: string;
  /** What the plugin says it can use of the runtime's capability arguments. */
  readonly capabilities: ReadonlyMap<string, boolean>;
  readonly json: JsonObject;
}

export interface NetworkList {
  readonly name: string;
  /** "" when the list names none. */
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  readonly loadOnlyInlinedPlugins: boolean;
  readonly plugins: readonly PluginConfig[];
  /** The list as it came: kept in the result cache. */
  readonly source: string;
}

/** The network of that name; `*.conflist` before single `*.conf` and `*.json`, each in the order of their names. */
export async function loadNetwork(directory: string, name: string): Promise<NetworkList> {
  const listFiles = await configFiles(directory, [".conflist"]);
  for (const file of listFiles) {
    const network = await loadNetworkFile(file);
    if (network.name === name) return network;
  }
  const singleFiles = await configFiles(directory, [".conf", ".json"]);
  for (const file of singleFiles) {
    const plugin = parsePluginConfig(await readConfigFile(file));
    if (plugin.name === name) return singlePluginNetwork(plugin);
  }
  throw new CniError(
    "invalidConfig",
    listFiles.length + singleFiles.length === 0
      ? `no net configurations found in ${directory}`
      : `no net configuration with name ${JSON.stringify(name)} in ${directory}`,
  );
}

/** A `*.conflist` with the plugins of the folder beside it that is named like the network. */
export async function loadNetworkFile(file: string): Promise<NetworkList> {
  const network = parseNetworkList(await readConfigFile(file));
  const folder = join(dirname(file), network.name);
  const pluginFiles = network.loadOnlyInlinedPlugins ? [] : await configFiles(folder, [".conf"]);
  const more = await Promise.all(pluginFiles.map(async (path) => parsePluginConfig(await readConfigFile(path))));
  const plugins = [...network.plugins, ...more];
  if (plugins.length === 0) throw new CniError("invalidConfig", "no plugin configs found");
  return { ...network, plugins };
}

/** The keys of a list, unlike those of a plugin, match exactly. */
export function parseNetworkList(source: string): NetworkList {
  const json = parseObject(source, "error parsing configuration list");
  const name = json["name"];
  if (name === undefined) throw listError("no name");
  if (typeof name !== "string") throw listError(`invalid name type ${kindOf(name)}`);
  const network = {
    name,
    cniVersion: chooseVersion(json),
    disableCheck: readSwitch(json, "disableCheck"),
    disableGC: readSwitch(json, "disableGC"),
    loadOnlyInlinedPlugins: readSwitch(json, "loadOnlyInlinedPlugins"),
    source,
  };
  return { ...network, plugins: inlinedPlugins(json["plugins"], network.loadOnlyInlinedPlugins) };
}

function inlinedPlugins(value: JsonValue | undefined, onlyInlined: boolean): readonly PluginConfig[] {
  if (value === undefined && onlyInlined) {
    throw listError("`loadOnlyInlinedPlugins` is true, and no 'plugins' key");
  }
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw listError(`invalid 'plugins' type ${kindOf(value)}`);
  if (value.length === 0) throw listError("no plugins in list");
  return value.map((plugin: JsonValue, index) => {
    try {
      return parsePluginConfig(JSON.stringify(plugin));
    } catch (cause) {
      throw new CniError("invalidConfig", `failed to parse plugin config ${index}: ${errorMessage(cause)}`, "", {
        cause,
      });
    }
  });
}

const pluginHead = fields({
  type: optional(text, ""),
  name: optional(text, ""),
  cniVersion: optional(text, ""),
  capabilities: optional(mapOf(optional(flag, false)), new Map<string, boolean>()),
});

function parsePluginConfig(source: string): PluginConfig {
  const json = parseObject(source, "error parsing configuration");
  let head: Omit<PluginConfig, "json">;
  try {
    head = pluginHead.read(json, "");
  } catch (cause) {
    throw new CniError("decodingFailure", `error parsing configuration: ${errorMessage(cause)}`, "", { cause });
  }
  if (head.type === "") throw new CniError("invalidConfig", "error parsing configuration: missing 'type'");
  return { ...head, json };
}

/** A configuration of the time before lists becomes a list of one. */
function singlePluginNetwork(plugin: PluginConfig): NetworkList {
  const { name, cniVersion } = plugin;
  const source = JSON.stringify({ cniVersion, name, plugins: [plugin.json] });
  return parseNetworkList(source);
}

/** The highest of `cniVersion` and `cniVersions` that this code knows; without the latter, `cniVersion` as it is. */
function chooseVersion(json: JsonObject): string {
  const version = json["cniVersion"] ?? "";
  if (typeof version !== "string") throw listError(`invalid cniVersion type ${kindOf(version)}`);
  const versions = json["cniVersions"];
  if (versions === undefined) return version;
  if (!Array.isArray(versions)) throw listError(`invalid type for cniVersions: ${kindOf(versions)}`);
  const candidates = versions.map((one: JsonValue, index) => {
    if (typeof one !== "string") throw listError(`invalid type for cniVersions index ${index}: ${kindOf(one)}`);
    return one;
  });
  const known = [...candidates, ...(version === "" ? [] : [version])].filter(isKnown);
  return known.toSorted(compareVersions).at(-1) ?? version;
}

function isKnown(version: string): boolean {
  try {
    return compareVersions(version, NEWEST_SPEC_VERSION) <= 0;
  } catch (cause) {
    throw listError(`invalid cniVersions entry ${version}: ${errorMessage(cause)}`, { cause });
  }
}

/** A boolean, or the words true and false in any case. */
function readSwitch(json: JsonObject, key: string): boolean {
  const value = json[key] ?? false;
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") throw listError(`invalid type ${kindOf(value)} for ${key}`);
  const word = value.toLowerCase();
  if (word === "true") return true;
  if (word === "false") return false;
  throw listError(`invalid value ${JSON.stringify(word)} for ${key}`);
}

function parseObject(source: string, what: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(source);
  } catch (cause) {
    throw new CniError("decodingFailure", `${what}: ${errorMessage(cause)}`, "", { cause });
  }
  if (isJsonObject(value)) return value;
  throw new CniError("decodingFailure", `${what}: it is ${kindOf(value)}, not an object`);
}

async function readConfigFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new CniError("ioFailure", `error reading ${file}: ${errorMessage(cause)}`, "", { cause });
  }
}

/** Sorted paths of the files with such an ending; none when there is no such directory. */
async function configFiles(directory: string, endings: readonly string[]): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const names = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
    const wanted = names.filter((name) => endings.some((ending) => name.slice(name.lastIndexOf(".")) === ending));
    return wanted.toSorted().map((name) => join(directory, name));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw new CniError("ioFailure", `failed to read config files in ${directory}: ${errorMessage(cause)}`, "", {
      cause,
    });
  }
}

function listError(reason: string, options?: ErrorOptions): CniError {
  return new CniError("invalidConfig", `error parsing configuration list: ${reason}`, "", options);
}

function kindOf(value: JsonValue): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}
