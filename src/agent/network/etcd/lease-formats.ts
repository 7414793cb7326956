/**
 * Flannel's leases in etcd, byte for byte as flanneld 0.28 writes them: the key names the node's subnets, the value says
 * how the node is reached. Pure.
 */
import {
  type Family,
  formatPrefix,
  type IpAddress,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "#base/ip-address.ts";
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { BACKENDS, type PerFamily } from "#dataplane/contract.ts";
import { formatBackendData, parseBackendData, type Vtep } from "#dataplane/flannel-formats.ts";
import type { Announcement } from "../cluster-network.ts";

export const DEFAULT_ETCD_PREFIX = "/coreos.com/network";

export function configKey(prefix: string): string {
  return `${prefix}/config`;
}

/** `/coreos.com/network/subnets/10.5.34.0-24&fd00:12:13::-64`, IPv6 only where the node has it. */
export function leaseKey(prefix: string, subnets: PerFamily<Prefix>): string {
  const texts = ([4, 6] as const).flatMap((family) => {
    const subnet = subnets[family];
    return subnet === undefined ? [] : [formatPrefix(networkOf(subnet)).replace("/", "-")];
  });
  return `${prefix}/subnets/${texts.join("&")}`;
}

/** Undefined for a key that names no subnets. */
export function parseLeaseKey(prefix: string, key: string): PerFamily<Prefix> | undefined {
  const start = `${prefix}/subnets/`;
  if (!key.startsWith(start)) return undefined;
  const found: { [F in Family]?: Prefix } = {};
  for (const text of key.slice(start.length).split("&")) {
    const match = /^([0-9a-fA-F:.]+)-(\d{1,3})$/.exec(text);
    const subnet = match && findPrefix(`${match[1]}/${match[2]}`);
    if (!subnet || found[subnet.family] !== undefined) return undefined;
    found[subnet.family] = subnet;
  }
  return found;
}

/** As Go marshals LeaseAttrs: empty data is left out, an absent IPv6 address is null. Ours is behind Flannel's. */
export function formatLease({ backend, publicAddresses, vteps = {}, receives }: Announcement): string {
  const isVxlan = backend === "vxlan";
  const others = receives.filter((one) => one !== backend);
  const data = (vtep: Vtep | undefined): JsonValue => vtep && JSON.parse(formatBackendData(vtep));
  return JSON.stringify({
    PublicIP: publicAddresses[4] ?? "0.0.0.0",
    PublicIPv6: publicAddresses[6] ?? null,
    ...(backend !== "udp" && { BackendType: backend }),
    ...(isVxlan && vteps[4] && { BackendData: data(vteps[4]) }),
    ...(isVxlan && vteps[6] && { BackendV6Data: data(vteps[6]) }),
    ...(others.length > 0 && {
      Podwire: { Backends: others, ...(!isVxlan && { Vtep: data(vteps[4]), VtepV6: data(vteps[6]) }) },
    }),
  });
}

/** Throws an Error that says what cannot be read. */
export function parseLease(text: string): Announcement {
  const json: unknown = JSON.parse(text);
  if (!isJsonObject(json)) throw new TypeError("the lease is no JSON object");
  const type = json["BackendType"] ?? "udp";
  const backend = type === "" ? "udp" : BACKENDS.find((one) => one === type);
  if (backend === undefined)
    throw new TypeError(`its back end ${JSON.stringify(type)} is none of ${BACKENDS.join(", ")}`);
  const ours = isJsonObject(json["Podwire"]) ? json["Podwire"] : {};
  const names = Array.isArray(ours["Backends"]) ? ours["Backends"] : [];
  const others = BACKENDS.filter((one) => names.includes(one) && one !== backend);
  const own = backend === "vxlan" ? [json["BackendData"], json["BackendV6Data"]] : [ours["Vtep"], ours["VtepV6"]];
  const hasVteps = backend === "vxlan" || others.includes("vxlan");
  return {
    backend,
    publicAddresses: { 4: readAddress(json["PublicIP"]), 6: readAddress(json["PublicIPv6"]) },
    receives: [backend, ...others],
    ...(hasVteps && { vteps: { 4: readVtep(own[0]), 6: readVtep(own[1]) } }),
  };
}

function readVtep(json: JsonValue | undefined): Vtep | undefined {
  return json === undefined ? undefined : parseBackendData(JSON.stringify(json));
}

/** A node without an IPv4 address says 0.0.0.0. */
function readAddress(json: JsonValue | undefined): IpAddress | undefined {
  if (json === undefined || json === null || json === "" || json === "0.0.0.0" || json === "::") return undefined;
  if (typeof json !== "string") throw new TypeError(`${JSON.stringify(json)} is no address`);
  return parseAddress(json);
}

function findPrefix(text: string): Prefix | undefined {
  try {
    return parsePrefix(text);
  } catch {
    return undefined; // a length that the family does not have, or a text that only looks like an address
  }
}
