/**
 * What a runtime passes to one plugin of a list: configuration on stdin and CNI_ variables.
 * Source: CNI SPEC 1.1.0 section 3 "Deriving request configuration", CONVENTIONS "Dynamic plugin specific fields";
 * details as in libcni, which also leaves `capabilities` and a configured `runtimeConfig` in place.
 */
import type { JsonObject } from "#base/json.ts";
import type { Environment, Verb } from "../environment.ts";
import { formatJson, sortKeys } from "../go-json.ts";
import type { NetworkList, PluginConfig } from "./load-network.ts";

/** What the runtime knows about the interface it wants. */
export interface AttachmentRequest {
  readonly containerId: string;
  readonly netns: string;
  readonly ifname: string;
  /** Pairs of CNI_ARGS. */
  readonly args?: readonly (readonly [key: string, value: string])[];
  /** What the runtime offers, by capability: `{"portMappings": […]}`. A plugin gets those it is capable of. */
  readonly capabilityArgs?: JsonObject;
}

export interface Injected {
  readonly prevResult?: JsonObject | undefined;
  readonly capabilityArgs?: JsonObject | undefined;
  /** Further keys: those of GC. */
  readonly keys?: JsonObject;
}

export function buildStdin(network: NetworkList, plugin: PluginConfig, injected: Injected = {}): string {
  const { prevResult, capabilityArgs = {}, keys = {} } = injected;
  const offered = Object.entries(capabilityArgs).filter(([key]) => plugin.capabilities.get(key) === true);
  return formatJson(
    sortKeys({
      ...plugin.json,
      ...keys,
      name: network.name,
      cniVersion: network.cniVersion,
      ...(prevResult && { prevResult }),
      ...(offered.length > 0 && { runtimeConfig: Object.fromEntries(offered) }),
    }),
  );
}

/** The runtime's whole environment, with the six CNI_ variables set, if only to nothing. */
export function buildEnvironment(
  parent: Environment,
  call: { readonly verb: Verb; readonly path: readonly string[]; readonly attachment?: AttachmentRequest },
): Environment {
  const { verb, path, attachment } = call;
  return {
    ...parent,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: attachment?.containerId ?? "",
    CNI_NETNS: attachment?.netns ?? "",
    CNI_ARGS: (attachment?.args ?? []).map((pair) => pair.join("=")).join(";"),
    CNI_IFNAME: attachment?.ifname ?? "",
    CNI_PATH: path.join(":"),
  };
}
