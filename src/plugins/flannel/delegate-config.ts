/**
 * The configuration that the flannel plugin writes for its delegate: what the network configuration says under
 * `delegate` and `ipam`, filled up from subnet.env. Keys under `delegate` and `ipam` are taken as they are spelled.
 */
import type { JsonObject, JsonValue } from "#base/json.ts";
import { CniError } from "#cni/cni-error.ts";
import { fields, jsonObject, list, optional, readFields, text } from "#cni/config.ts";
import { sortKeys } from "#cni/go-json.ts";
import type { NetworkConfig } from "#cni/plugin.ts";
import { ipamRoute } from "../ipam-readers.ts";
import type { SubnetEnv } from "./subnet-env.ts";

export interface FlannelConfig {
  readonly name: string;
  /** "" when the configuration has none, which the delegate's then has not either. */
  readonly cniVersion: string;
  readonly subnetFile: string;
  readonly dataDir: string;
  readonly delegate: JsonObject;
  readonly ipam: JsonObject;
  readonly runtimeConfig: JsonObject | undefined;
}

const flannelFields = fields({
  cniVersion: optional(text, ""),
  subnetFile: optional(text, "/run/flannel/subnet.env"),
  dataDir: optional(text, "/var/lib/cni/flannel"),
  delegate: optional(jsonObject, {}),
  ipam: optional(jsonObject, {}),
  runtimeConfig: optional(jsonObject),
});
const routes = optional(list(ipamRoute), []);

export function parseFlannelConfig({ name, json }: NetworkConfig): FlannelConfig {
  return { name, ...readFields(flannelFields, json) };
}

export function delegateType({ delegate }: Pick<FlannelConfig, "delegate">): string {
  const { type = "bridge" } = delegate;
  return typeof type === "string" ? type : "bridge";
}

/**
 * Keys are sorted, but for those of routes, so that the text of it is the same as the flannel plugin's.
 * Throws CniError 7 with its texts.
 */
export function renderDelegateConfig(config: FlannelConfig, env: SubnetEnv): JsonObject {
  checkDelegate(config);
  const { name, cniVersion, delegate, ipam, runtimeConfig } = config;
  const type = delegateType(config);
  const ownRoutes = routes.read(ipam["routes"] ?? undefined, "ipam.routes").map((route) => ({ ...route }));
  const allRoutes: readonly JsonValue[] = [...ownRoutes, ...env.networks.map((dst) => ({ dst }))];
  const ranges = env.subnets.map((subnet) => [{ subnet }]);
  const sortedIpam = sorted({ type: "host-local", ...ipam, ranges, routes: [] });
  const sortedConfig = sorted({
    type,
    ipMasq: !env.ipMasq,
    mtu: env.mtuBytes,
    ...(type === "bridge" && { isGateway: true }),
    ...delegate,
    ...(runtimeConfig !== undefined && { runtimeConfig }),
    name,
    ...(cniVersion !== "" && { cniVersion }),
    ipam: {},
  });
  // Replacing a value keeps the place of its key.
  return { ...sortedConfig, ipam: { ...sortedIpam, routes: allRoutes } };
}

function checkDelegate({ delegate }: FlannelConfig): void {
  if (Object.hasOwn(delegate, "type") && typeof delegate["type"] !== "string") {
    throw refuse("'delegate' dictionary, if present, must have (string) 'type' field");
  }
  for (const key of ["name", "ipam"]) {
    if (!Object.hasOwn(delegate, key)) continue;
    throw refuse(`'delegate' dictionary must not have '${key}' field, it'll be set by flannel`);
  }
}

function sorted(object: JsonObject): JsonObject {
  return jsonObject.read(sortKeys(object), "delegate");
}

function refuse(message: string): CniError {
  return new CniError("invalidConfig", message);
}
