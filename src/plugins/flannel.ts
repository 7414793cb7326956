/**
 * The plugin flannel: completes a configuration with what Flannel's daemon wrote about this node (subnet.env) and hands
 * it to another plugin, by default bridge with host-local. Configuration, texts and saved files are those of the
 * flannel CNI plugin 1.9; beyond it, CHECK, GC and STATUS reach the delegate.
 */
import { CniError } from "#cni/cni-error.ts";
import { lookup } from "#cni/go-json.ts";
import { VALID_ATTACHMENTS_KEYS } from "#cni/parse-config.ts";
import type { GcRequest, Plugin, PluginRequest, StatusRequest } from "#cni/plugin.ts";
import type { CniResult } from "#cni/result.ts";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import {
  delegateType,
  type FlannelConfig,
  parseFlannelConfig,
  renderDelegateConfig,
} from "./flannel/delegate-config.ts";
import {
  keepSavedConfigs,
  readSavedConfig,
  removeSavedConfig,
  type SavedConfig,
  saveConfig,
} from "./flannel/saved-configs.ts";
import { loadSubnetEnv, type SubnetEnv } from "./flannel/subnet-env.ts";
import type { Host } from "./host.ts";

type FlannelHost = Pick<Host, "delegate">;

export const flannel: Plugin<FlannelHost> = { type: "flannel", versions: SPEC_VERSIONS, add, del, check, gc, status };

async function add(request: PluginRequest, host: FlannelHost): Promise<CniResult> {
  const config = parseFlannelConfig(request.config);
  const json = renderDelegateConfig(config, loadSubnetEnv(config.subnetFile));
  // Before the delegate does anything: whatever happens to it, DEL knows what to undo.
  saveConfig(config.dataDir, request.containerId, json);
  try {
    return await host.delegate.add(delegateType(config), request, json);
  } catch (cause) {
    if (!(cause instanceof CniError)) throw cause;
    throw new CniError(cause.code, `failed to delegate add: ${cause.message}`, cause.details, { cause });
  }
}

/** The delegate gets what ADD gave it, even if the configuration or subnet.env are others by now. */
async function del(request: PluginRequest, host: FlannelHost): Promise<void> {
  const config = parseFlannelConfig(request.config);
  const saved = readSavedConfig(config.dataDir, request.containerId);
  if (saved === "missing") return removeSavedConfig(config.dataDir, request.containerId);
  // The file's name has no network in it: two flannel networks of one container share it.
  const isForeign = saved !== "broken" && saved.name !== config.name;
  const usable = saved === "broken" || isForeign ? renderIfPossible(config) : saved;
  if (usable !== undefined) await host.delegate.del(usable.type, request, usable.json);
  if (!isForeign) removeSavedConfig(config.dataDir, request.containerId);
}

async function check(request: PluginRequest, host: FlannelHost): Promise<void> {
  const config = parseFlannelConfig(request.config);
  const saved = readSavedConfig(config.dataDir, request.containerId);
  if (saved === "missing" || saved === "broken") {
    const message = `Cannot check container "${request.containerId}": its saved configuration in "${config.dataDir}" is ${saved}`;
    throw new CniError("checkFailed", message);
  }
  const prevResult = lookup(request.config.json, "prevResult");
  await host.delegate.check(saved.type, request, { ...saved.json, ...(prevResult !== undefined && { prevResult }) });
}

async function gc(request: GcRequest, host: FlannelHost): Promise<void> {
  if (request.validAttachments === undefined) return;
  const config = parseFlannelConfig(request.config);
  const containerIds = new Set(request.validAttachments.map((attachment) => attachment.containerId));
  try {
    const valid = Object.fromEntries(VALID_ATTACHMENTS_KEYS.map((key) => [key, lookup(request.config.json, key)]));
    const rendered = renderDelegateConfig(config, loadSubnetEnv(config.subnetFile));
    await host.delegate.gc(delegateType(config), request, { ...rendered, ...valid });
  } finally {
    keepSavedConfigs(config.dataDir, config.name, containerIds);
  }
}

async function status(request: StatusRequest, host: FlannelHost): Promise<void> {
  const config = parseFlannelConfig(request.config);
  const json = renderDelegateConfig(config, subnetEnvForStatus(config.subnetFile));
  await host.delegate.status(delegateType(config), request, json);
}

function subnetEnvForStatus(subnetFile: string): SubnetEnv {
  try {
    return loadSubnetEnv(subnetFile);
  } catch (cause) {
    if (!(cause instanceof CniError)) throw cause;
    throw new CniError("notAvailable", cause.message, cause.details, { cause });
  }
}

/** Undefined without subnet.env: then the node has been restarted, and nothing of before is left. */
function renderIfPossible(config: FlannelConfig): SavedConfig | undefined {
  try {
    const json = renderDelegateConfig(config, loadSubnetEnv(config.subnetFile));
    return { name: config.name, type: delegateType(config), json };
  } catch (error) {
    if (error instanceof CniError) return undefined;
    throw error;
  }
}
