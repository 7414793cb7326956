/**
 * The runtime side of CNI: runs the plugins of a network list for one attachment, or for the whole network.
 * Source: CNI SPEC 1.1.0 section 3; order, texts and use of the cache as in libcni. There is no roll-back:
 * after a failed ADD the caller must DEL.
 */
import type { JsonObject } from "#base/json.ts";
import { CniError } from "../cni-error.ts";
import type { Environment, Verb } from "../environment.ts";
import { errorMessage } from "../error-message.ts";
import { checkContainerId, checkInterfaceName, checkNetworkName } from "../names.ts";
import { VALID_ATTACHMENTS_KEYS } from "../parse-config.ts";
import type { Attachment, GcRequest } from "../plugin.ts";
import { printResult } from "../result-versions.ts";
import { compareVersions, DEFAULT_SPEC_VERSION } from "../spec-version.ts";
import { type AttachmentRequest, buildEnvironment, buildStdin, type Injected } from "./build-request.ts";
import type { ProcessOutcome, RunPluginProcess } from "./exec-plugin.ts";
import type { NetworkList, PluginConfig } from "./load-network.ts";
import { parseAddOutcome, requireSuccess, type VersionedResult } from "./plugin-outcome.ts";
import { listCachedAttachments, readCachedResult, removeCachedResult, writeCachedResult } from "./result-cache.ts";

export interface CniRuntime {
  /** `execPlugin`, or something that runs our own plugins in process. */
  readonly runProcess: RunPluginProcess;
  /** Folders of plugins: CNI_PATH. */
  readonly path: readonly string[];
  readonly cacheDirectory: string;
  /** What plugins inherit. */
  readonly environment: Environment;
  /** Gets what plugins that succeed write to stderr. */
  readonly onStderr?: (text: string) => void;
}

/** The result of the last plugin, in the version it answered in. */
export async function addNetwork(
  runtime: CniRuntime,
  network: NetworkList,
  request: AttachmentRequest,
  signal?: AbortSignal,
): Promise<VersionedResult> {
  checkContainerId(request.containerId);
  checkNetworkName(network.name);
  checkInterfaceName(request.ifname);
  let last: VersionedResult | undefined;
  for (const plugin of network.plugins) {
    const injected = { prevResult: last?.json, capabilityArgs: request.capabilityArgs };
    last = await named(plugin, "add", async () =>
      parseAddOutcome(
        await call(runtime, { verb: "ADD", network, plugin, request, injected }, signal),
        network.cniVersion || DEFAULT_SPEC_VERSION,
      ),
    );
  }
  if (last === undefined) throw new CniError("invalidConfig", "no plugins in list");
  await writeCachedResult(
    runtime.cacheDirectory,
    { ...request, network: network.name, source: network.source },
    last,
  ).catch((cause: unknown) => {
    const message = `failed to set network ${JSON.stringify(network.name)} cached result: ${errorMessage(cause)}`;
    throw new CniError("ioFailure", message, "", { cause });
  });
  return last;
}

/** The plugins in reverse. The first error stops, and keeps the cached result for the next try. */
export async function delNetwork(
  runtime: CniRuntime,
  network: NetworkList,
  request: AttachmentRequest,
  signal?: AbortSignal,
): Promise<void> {
  const attachment = attachmentOf(network, request);
  const cached =
    compareVersions(network.cniVersion, "0.4.0") < 0
      ? undefined
      : await readCachedResult(runtime.cacheDirectory, attachment);
  // A result that cannot be said in the list's version is as good as none: DEL must go on.
  const prevResult = cached && convertOr(() => undefined, cached, network);
  for (const plugin of network.plugins.toReversed()) {
    const injected = { prevResult, capabilityArgs: request.capabilityArgs };
    await named(plugin, "delete", async () =>
      requireSuccess(await call(runtime, { verb: "DEL", network, plugin, request, injected }, signal)),
    );
  }
  await removeCachedResult(runtime.cacheDirectory, attachment);
}

export async function checkNetwork(
  runtime: CniRuntime,
  network: NetworkList,
  request: AttachmentRequest,
  signal?: AbortSignal,
): Promise<void> {
  if (compareVersions(network.cniVersion, "0.4.0") < 0) {
    const version = JSON.stringify(network.cniVersion);
    const message = `configuration version ${version} does not support the CHECK command`;
    throw new CniError("incompatibleVersion", message);
  }
  if (network.disableCheck) return;
  const cached = await readCachedResult(runtime.cacheDirectory, attachmentOf(network, request));
  const prevResult = cached && convertOr(refuseCached(network), cached, network);
  for (const plugin of network.plugins) {
    const injected = { prevResult, capabilityArgs: request.capabilityArgs };
    requireSuccess(await call(runtime, { verb: "CHECK", network, plugin, request, injected }, signal));
  }
}

/**
 * DELs the cached attachments of this network that are not valid any more, then lets the plugins clean up.
 * Goes on after errors and rejects with an AggregateError. Without a list, as libcni has it, every cached attachment
 * is stale, but plugins are told nothing, and so must keep what they have.
 */
export async function gcNetwork(
  runtime: CniRuntime,
  network: NetworkList,
  validAttachments: GcRequest["validAttachments"],
  signal?: AbortSignal,
): Promise<void> {
  if (network.disableGC) return;
  const errors: unknown[] = [];
  const valid = new Set((validAttachments ?? []).map(({ containerId, ifname }) => `${containerId}/${ifname}`));
  for (const cached of await listCachedAttachments(runtime.cacheDirectory)) {
    if (cached.network !== network.name || valid.has(`${cached.containerId}/${cached.ifname}`)) continue;
    const what = `failed to delete stale attachment ${cached.containerId} ${cached.ifname}`;
    await collect(errors, what, () => delNetwork(runtime, network, cached, signal));
  }
  if (compareVersions(network.cniVersion, "1.1.0") >= 0) {
    const injected = { keys: attachmentKeys(validAttachments) };
    for (const plugin of network.plugins) {
      await collect(errors, `failed to GC plugin ${plugin.type}`, async () =>
        requireSuccess(await call(runtime, { verb: "GC", network, plugin, injected }, signal)),
      );
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, errors.map(errorMessage).join("\n"));
}

/** Rejects with the error of the first plugin that is not ready, so that its code survives. */
export async function statusNetwork(runtime: CniRuntime, network: NetworkList, signal?: AbortSignal): Promise<void> {
  if (compareVersions(network.cniVersion, "1.1.0") < 0) return;
  for (const plugin of network.plugins) {
    requireSuccess(await call(runtime, { verb: "STATUS", network, plugin }, signal));
  }
}

interface ChainCall {
  readonly verb: Verb;
  readonly network: NetworkList;
  readonly plugin: PluginConfig;
  readonly request?: AttachmentRequest;
  readonly injected?: Injected;
}

async function call(runtime: CniRuntime, chainCall: ChainCall, signal?: AbortSignal): Promise<ProcessOutcome> {
  const { verb, network, plugin, request, injected } = chainCall;
  const outcome = await runtime.runProcess(
    {
      type: plugin.type,
      environment: buildEnvironment(runtime.environment, {
        verb,
        path: runtime.path,
        ...(request && { attachment: request }),
      }),
      stdin: buildStdin(network, plugin, injected),
    },
    signal,
  );
  if (outcome.exitCode === 0 && outcome.stderr !== "") runtime.onStderr?.(outcome.stderr);
  return outcome;
}

/** Adds to an error which plugin it came from; code and details stay. */
async function named<T>(plugin: PluginConfig, what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const name = plugin.name === "" ? "" : ` name=${JSON.stringify(plugin.name)}`;
    throw withMessage(`plugin type=${JSON.stringify(plugin.type)}${name} failed (${what})`, cause);
  }
}

async function collect(errors: unknown[], what: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (cause) {
    errors.push(withMessage(what, cause));
  }
}

function withMessage(what: string, cause: unknown): CniError {
  const message = `${what}: ${errorMessage(cause)}`;
  return cause instanceof CniError
    ? new CniError(cause.code, message, cause.details, { cause })
    : new CniError("internal", message, "", { cause });
}

function attachmentOf(network: NetworkList, { containerId, ifname }: AttachmentRequest): Attachment {
  return { network: network.name, containerId, ifname };
}

/** The cached result in the version of the list, which may have changed since. */
function convertOr(
  otherwise: (cause: unknown) => undefined,
  cached: VersionedResult,
  network: NetworkList,
): JsonObject | undefined {
  if (cached.version === network.cniVersion) return cached.json;
  try {
    return printResult(cached.result, network.cniVersion);
  } catch (cause) {
    return otherwise(cause);
  }
}

function refuseCached(network: NetworkList): (cause: unknown) => never {
  return (cause) => {
    throw withMessage(`failed to get network ${JSON.stringify(network.name)} cached result`, cause);
  };
}

function attachmentKeys(validAttachments: GcRequest["validAttachments"]): JsonObject {
  if (validAttachments === undefined) return {};
  const attachments = validAttachments.map(({ containerId, ifname }) => ({ containerID: containerId, ifname }));
  return Object.fromEntries(VALID_ATTACHMENTS_KEYS.map((key) => [key, attachments]));
}
