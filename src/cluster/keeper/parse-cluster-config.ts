/**
 * From a configuration, as a file and the command line's options give it, to a cluster that can be: names, numbers,
 * and address ranges that are apart from each other and large enough. Pure. Throws ConfigError.
 */
import {
  addressLength,
  formatPrefix,
  networkOf,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "#base/ip-address.ts";
import type { JsonValue } from "#base/json.ts";
import { isClusterName, NAME_RULE } from "../cluster-paths.ts";
import {
  type ClusterSpec,
  DNS_CHOICES,
  ESTABLISHED_CHOICES,
  NETWORK_TYPES,
  type NetworkSpec,
  POLICY_CHOICES,
  SERVICE_PROXY_CHOICES,
} from "./cluster-spec.ts";
import { type ConfigReader, configReader } from "./config-reader.ts";

export const CONFIG_KEYS = [
  ...(["name", "nodes", "network", "store", "dualStack", "podCidr", "serviceCidr"] as const),
  ...(["serviceProxy", "policy", "established", "loadBalancerPool", "dns", "dnsUpstream", "mtu", "uplink"] as const),
] as const;

export const DEFAULT_NAME = "podwire";
export const DEFAULT_NODES = 3;
const DEFAULT_PODS = { ipv4: "10.244.0.0/16", ipv6: "fd00:244::/56" } as const;
const DEFAULT_SERVICES = { ipv4: "10.96.0.0/16", ipv6: "fd00:96::/112" } as const;
const DEFAULT_MTU = 1500;
/** RFC 791 and RFC 8200: what every link must carry. */
const MIN_MTU = { 4: 576, 6: 1280 } as const;
const MAX_MTU = 65_535;
/** Nodes that an underlay has addresses for. */
const MAX_NODES = 244;
/** The tenth address needs so many bits. */
const DNS_ADDRESS_BITS = 4;
/** What node IPAM gives to each node. */
const NODE_PREFIX_LENGTH = { 4: 24, 6: 64 } as const;

/** In use below the cluster: the underlay's subnets, and the service outside of it. */
const UNDERLAY = ["10.213.0.0/16", "203.0.113.0/24", "fd00:213::/32", "2001:db8:113::/48"].map(parsePrefix);
/** Never routed: "this network", loopback, link-local, multicast and reserved. Source: RFC 6890, RFC 4291. */
const NOT_UNICAST = [
  ...["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"],
  ...["::/8", "fe80::/10", "ff00::/8"],
].map(parsePrefix);

/** `config`: from a file, overridden by options. */
export function parseClusterConfig(config: unknown): ClusterSpec {
  const read = configReader(config, "", CONFIG_KEYS);
  const name = parseName(read);
  const nodes = read.integer("nodes", { min: 1, max: MAX_NODES, fallback: DEFAULT_NODES });
  const dualStack = isDualStackWanted(read);
  const pods = readCidrs(read, "podCidr", dualStack, DEFAULT_PODS);
  const services = readCidrs(read, "serviceCidr", dualStack, DEFAULT_SERVICES);
  requireApart(read, pods, services);
  requireRoomForNodes(read, pods, nodes);
  const pools = readPools(read, pods, services);
  const dns = read.choice("dns", DNS_CHOICES, "podwire");
  if (dns === "podwire") requireRoomForDns(read, services);
  const network = parseNetwork(read.value("network") ?? "vxlan");
  if (network.type === "udp" && dualStack) {
    read.refuse("network", "is udp, which carries IPv4 only: leave dualStack out, or take vxlan or host-gw");
  }
  return {
    name,
    nodes,
    network,
    store: parseStore(read),
    podCidrs: pods.map(formatPrefix),
    serviceCidrs: services.map(formatPrefix),
    serviceProxy: read.choice("serviceProxy", SERVICE_PROXY_CHOICES, "nftables"),
    policy: read.choice("policy", POLICY_CHOICES, "nftables"),
    established: read.choice("established", ESTABLISHED_CHOICES, "reevaluate"),
    loadBalancerPools: pools.map(formatPrefix),
    dns,
    dnsUpstream: parseDnsUpstream(read),
    mtuBytes: read.integer("mtu", { min: MIN_MTU[dualStack ? 6 : 4], max: MAX_MTU, fallback: DEFAULT_MTU }),
    uplink: read.boolean("uplink", false),
  };
}

const FIELDS_OF = {
  name: ["name"],
  nodes: ["nodes"],
  network: ["network"],
  store: ["store"],
  dualStack: ["podCidrs", "serviceCidrs"],
  podCidr: ["podCidrs"],
  serviceCidr: ["serviceCidrs"],
  serviceProxy: ["serviceProxy"],
  policy: ["policy"],
  established: ["established"],
  loadBalancerPool: ["loadBalancerPools"],
  dns: ["dns"],
  dnsUpstream: ["dnsUpstream"],
  mtu: ["mtuBytes"],
  uplink: ["uplink"],
} as const satisfies Readonly<Record<(typeof CONFIG_KEYS)[number], readonly (keyof ClusterSpec)[]>>;

/** What a configuration that was parsed says of a cluster itself, rather than by defaults. */
export function fieldsGiven(config: object): readonly (keyof ClusterSpec)[] {
  const given = CONFIG_KEYS.filter((key) =>
    Object.entries(config).some(([name, value]) => name === key && value != null),
  );
  return [...new Set(given.flatMap((key) => FIELDS_OF[key]))];
}

function parseName(read: ConfigReader): string {
  const name = read.string("name", DEFAULT_NAME);
  if (!isClusterName(name)) read.refuse("name", `is ${JSON.stringify(name)}: ${NAME_RULE}`);
  return name;
}

/** Asked for, or told by a second prefix. */
function isDualStackWanted(read: ConfigReader): boolean {
  const hasTwo = (["podCidr", "serviceCidr"] as const).some((key) => read.string(key, "").includes(","));
  return read.boolean("dualStack", hasTwo);
}

/** In the order of the families, so that IPv4 is the nodes' main one. */
function readCidrs(
  read: ConfigReader,
  key: "podCidr" | "serviceCidr",
  dualStack: boolean,
  fallback: { readonly ipv4: string; readonly ipv6: string },
): readonly Prefix[] {
  const given = read.has(key) ? read.string(key, "").split(",") : [];
  const prefixes = given.map((text) => parseCidr(read, key, text.trim()));
  const of = (family: 4 | 6): readonly Prefix[] => prefixes.filter((prefix) => prefix.family === family);
  if (of(4).length > 1 || of(6).length > 1) read.refuse(key, "has two prefixes of one family: give one of each");
  const [ipv4] = of(4);
  const [ipv6] = of(6);
  if (prefixes.length > 0 && ipv4 === undefined) read.refuse(key, "has no IPv4 prefix: nodes need one");
  if (!dualStack && ipv6 !== undefined) read.refuse(key, "has an IPv6 prefix, but dualStack is false");
  const first = ipv4 ?? parsePrefix(fallback.ipv4);
  return dualStack ? [first, ipv6 ?? parsePrefix(fallback.ipv6)] : [first];
}

function parseCidr(read: ConfigReader, key: string, text: string): Prefix {
  try {
    return networkOf(parsePrefix(text));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return read.refuse(key, `is ${JSON.stringify(text)}: ${why}`);
  }
}

function readPools(read: ConfigReader, pods: readonly Prefix[], services: readonly Prefix[]): readonly Prefix[] {
  const texts = read.string("loadBalancerPool", "").split(",");
  const pools = texts.filter((text) => text !== "").map((text) => parseCidr(read, "loadBalancerPool", text.trim()));
  const used = [...pods, ...services, ...UNDERLAY, ...NOT_UNICAST];
  for (const pool of pools) {
    const other = used.find((one) => one.family === pool.family && overlaps(one, pool));
    if (other)
      read.refuse("loadBalancerPool", `${formatPrefix(pool)} overlaps ${formatPrefix(other)}, which is in use`);
  }
  return pools;
}

function requireApart(read: ConfigReader, pods: readonly Prefix[], services: readonly Prefix[]): void {
  const clash = (one: readonly Prefix[], other: readonly Prefix[]) =>
    one.flatMap((a) => other.filter((b) => a.family === b.family && overlaps(a, b)).map((b) => [a, b] as const))[0];
  const both = clash(pods, services);
  if (both) read.refuse("podCidr", `${formatPrefix(both[0])} overlaps "serviceCidr" ${formatPrefix(both[1])}`);
  for (const [key, prefixes] of [["podCidr", pods] as const, ["serviceCidr", services] as const]) {
    const used = clash(prefixes, UNDERLAY);
    if (used) read.refuse(key, `${formatPrefix(used[0])} overlaps ${formatPrefix(used[1])}, which the underlay uses`);
    const special = clash(prefixes, NOT_UNICAST);
    if (special)
      read.refuse(key, `${formatPrefix(special[0])} overlaps ${formatPrefix(special[1])}, where no pod can be`);
  }
}

function requireRoomForNodes(read: ConfigReader, pods: readonly Prefix[], nodes: number): void {
  for (const prefix of pods) {
    const length = NODE_PREFIX_LENGTH[prefix.family];
    const room = 2 ** Math.min(length - prefix.length, addressLength(prefix.family));
    const each = `each node takes a /${length}`;
    if (prefix.length > length) read.refuse("podCidr", `${formatPrefix(prefix)} is too small: ${each}`);
    if (nodes > room) {
      read.refuse("nodes", `is ${nodes}, but "podCidr" ${formatPrefix(prefix)} has room for ${room}: ${each}`);
    }
  }
}

function requireRoomForDns(read: ConfigReader, services: readonly Prefix[]): void {
  for (const prefix of services) {
    if (addressLength(prefix.family) - prefix.length >= DNS_ADDRESS_BITS) continue;
    read.refuse("serviceCidr", `${formatPrefix(prefix)} is too small: its tenth address is the cluster's name server`);
  }
}

/** Behind commas; "none" is nobody. */
function parseDnsUpstream(read: ConfigReader): readonly string[] {
  const text = read.string("dnsUpstream", "none");
  if (text === "none") return [];
  return text.split(",").map((one) => {
    try {
      return parseAddress(one.trim());
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      return read.refuse("dnsUpstream", `is ${JSON.stringify(text)}: ${why}`);
    }
  });
}

/** "vxlan", or `{type: vxlan, directRouting: true}`. */
function parseNetwork(value: JsonValue): NetworkSpec {
  if (typeof value === "string") {
    return parseNetwork({
      type: configReader({ network: value }, "", ["network"]).choice("network", NETWORK_TYPES, "vxlan"),
    });
  }
  const all = ["type", "vni", "port", "directRouting"];
  const kind = configReader(value, "network.", all).choice("type", NETWORK_TYPES, "vxlan");
  const port = { min: 1, max: 65_535 };
  switch (kind) {
    case "vxlan": {
      const read = configReader(value, "network.", all);
      return {
        type: kind,
        vni: read.integer("vni", { min: 1, max: 0xffffff, fallback: 1 }),
        port: read.integer("port", { ...port, fallback: 8472 }),
        directRouting: read.boolean("directRouting", false),
      };
    }
    case "udp":
      return {
        type: kind,
        port: configReader(value, "network.", ["type", "port"]).integer("port", { ...port, fallback: 8285 }),
      };
    case "host-gw":
      configReader(value, "network.", ["type"]);
      return { type: kind };
  }
}

function parseStore(read: ConfigReader): ClusterSpec["store"] {
  const text = read.string("store", "sqlite");
  if (text === "sqlite" || text === "etcd") return text;
  const [, endpoints] = /^etcd:\/\/([^/?#\s]+)\/?$/.exec(text) ?? [];
  return endpoints === undefined
    ? read.refuse("store", `is ${JSON.stringify(text)}: it must be sqlite, etcd, or etcd://HOST:PORT,…`)
    : `etcd://${endpoints}`;
}
