/** Pods of a world: configurations as users write them, and ADD with what must hold behind every ADD. */
import assert from "node:assert/strict";
import type { JsonObject } from "#base/json.ts";
import type { CniResult } from "#cni/result.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { addressesOf, routesOf, showLink } from "./witness.ts";
import type { VerbInput, World } from "./world.ts";

export const SUBNET = "10.1.0.0/24";
export const SUBNET_6 = "fd01::/64";

/** Ranges of host-local: one address of each. */
export function hostLocal(world: Pick<World, "dataDir">, ...subnets: readonly string[]): JsonObject {
  return { type: "host-local", dataDir: world.dataDir, ranges: subnets.map((subnet) => [{ subnet }]) };
}

export function bridgeConfig(world: Pick<World, "dataDir">, more: JsonObject = {}): JsonObject {
  return { cniVersion: "1.1.0", name: "net", type: "bridge", bridge: "br0", ipam: hostLocal(world, SUBNET), ...more };
}

export function ptpConfig(world: Pick<World, "dataDir">, more: JsonObject = {}): JsonObject {
  const ipam = { ...hostLocal(world, SUBNET), routes: [{ dst: "0.0.0.0/0" }] };
  return { cniVersion: "1.1.0", name: "net", type: "ptp", ipam, ...more };
}

export interface Pod {
  readonly netns: Netns;
  readonly result: CniResult;
  readonly json: JsonObject;
  /** Of the ADD, with the result as prevResult: for CHECK and DEL. */
  readonly input: VerbInput & { readonly config: JsonObject };
}

export interface AttachOptions extends Omit<VerbInput, "config" | "netns"> {
  /** Default: a new one. */
  readonly netns?: Netns;
}

/** ADD; what it printed is what is there, and CHECK agrees. */
export async function attach(
  world: World,
  config: JsonObject,
  { netns = world.newPod(), ...options }: AttachOptions = {},
): Promise<Pod> {
  const type = String(config["type"]);
  const given = { ...options, netns: netns.path };
  const { result, json } = await world.add(type, { ...given, config });
  const input = { ...given, config: { ...config, prevResult: json } };
  const pod = { netns, result, json, input };
  if (!/^0\.[1-3]/.test(String(config["cniVersion"]))) {
    await assertAsPrinted(world, pod, options.ifname ?? "eth0");
    await world.succeed("CHECK", type, input);
  }
  return pod;
}

/** Every link, address and route of the result is in the kernel, and nothing else is on the pod's link. */
async function assertAsPrinted(world: World, { netns, result, json }: Pod, ifname: string): Promise<void> {
  for (const { name, mac, mtu, sandbox } of result.interfaces ?? []) {
    if (sandbox !== undefined) assert.equal(sandbox, netns.path);
    const link = await showLink(sandbox === undefined ? world.node : netns, name);
    assert.equal(link?.["address"], mac, `hardware address of ${name}`);
    if (mtu !== undefined) assert.equal(link?.["mtu"], mtu, `MTU of ${name}`);
  }
  if (ifname === "lo") return;
  const addresses = (result.ips ?? []).map(({ address }) => address);
  assert.deepEqual((await addressesOf(netns, ifname)).toSorted(), addresses.toSorted());
  for (const { dst, gw } of result.routes ?? []) {
    const family = dst.includes(":") ? 6 : 4;
    const start = `${/\/0$/.test(dst) ? "default" : dst} ${gw === undefined ? "" : `via ${gw} `}`;
    const routes = await routesOf(netns, family);
    assert.ok(
      routes.some((route) => `${route} `.startsWith(start)),
      `no route "${start}" for ${JSON.stringify(json["routes"])} among ${routes.join("; ")}`,
    );
  }
}

/** Chained behind `pod`: portmap with its mappings, in the same network. */
export function portmapConfig(
  pod: Pick<Pod, "json" | "input">,
  portMappings: readonly JsonObject[],
  more: JsonObject = {},
) {
  const { cniVersion = null, name = null } = pod.input.config;
  return { cniVersion, name, type: "portmap", ...more, runtimeConfig: { portMappings }, prevResult: pod.json };
}

/** ADD of portmap; CHECK agrees, and the result is passed on as it came. */
export async function mapPorts(
  world: World,
  pod: Pod,
  portMappings: readonly JsonObject[],
  more: JsonObject = {},
): Promise<VerbInput & { readonly config: JsonObject }> {
  const input = { ...pod.input, config: portmapConfig(pod, portMappings, more) };
  assert.deepEqual((await world.add("portmap", input)).json, pod.json);
  await world.succeed("CHECK", "portmap", input);
  return input;
}
