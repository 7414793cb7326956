/**
 * What a CNI plugin is inside Podwire: five verbs over a parsed request.
 * `plugin-main.ts` turns environment + stdin into a request and the outcome into stdout + exit code.
 * A plugin throws `CniError` for what the caller must see.
 */
import type { JsonObject } from "#base/json.ts";
import type { CniResult } from "./result.ts";

/** One interface of one container in one network: what a runtime adds and deletes. */
export interface Attachment {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
}

export interface NetworkConfig {
  readonly cniVersion: string;
  readonly name: string;
  readonly type: string;
  /** The whole configuration as it came on stdin. Keys keep their spelling; read them with `config.ts`. */
  readonly json: JsonObject;
  readonly prevResult?: CniResult;
}

export interface PluginRequest {
  readonly containerId: string;
  /** Path of the pod's network namespace; "" when the runtime gave none (allowed for DEL). */
  readonly netns: string;
  readonly ifname: string;
  /** CNI_ARGS as it came: `K=V;K=V`. */
  readonly args: string;
  /** CNI_PATH as it came: folders separated by `:`. */
  readonly path: string;
  /** The caller's whole environment, handed on to foreign plugins. */
  readonly environment: Readonly<Record<string, string>>;
  readonly config: NetworkConfig;
}

/** GC's input: `undefined` when the runtime sent no list at all, which means "unknown", not "none". */
export interface GcRequest extends Omit<PluginRequest, "containerId" | "netns" | "ifname"> {
  readonly validAttachments: readonly Omit<Attachment, "network">[] | undefined;
}

export type StatusRequest = Omit<PluginRequest, "containerId" | "netns" | "ifname">;

/** `Host` is what the plugin acts on; its owner is the agent, or a one-shot process. */
export interface Plugin<Host> {
  readonly type: string;
  /** Spec versions it accepts, oldest first. */
  readonly versions: readonly string[];
  /** Makes nothing that outlives the container's namespace: there is nothing to remember. */
  readonly isStateless?: boolean;
  /** Chained plugins return the previous result with their own edits. */
  add(request: PluginRequest, host: Host): Promise<CniResult>;
  /** Succeeds when there is nothing left to delete, any number of times. */
  del(request: PluginRequest, host: Host): Promise<void>;
  check(request: PluginRequest, host: Host): Promise<void>;
  gc?(request: GcRequest, host: Host): Promise<void>;
  status?(request: StatusRequest, host: Host): Promise<void>;
}
