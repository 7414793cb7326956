/**
 * `net-conf.json`, Flannel's configuration of the whole cluster, with its defaults. Pure.
 * Keys are case-insensitive, as Go's decoder reads them. One default differs, as Flannel's own documentation has it:
 * without a Backend it is vxlan, where flanneld's code takes udp.
 */
import {
  addressLength,
  addressToBigInt,
  bigIntToAddress,
  contains,
  type Family,
  familyOf,
  type IpAddress,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "#base/ip-address.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { BACKENDS, FAMILIES, type PerFamily } from "./contract.ts";
import type { VxlanOptions } from "./vxlan/vxlan-options.ts";

export interface FlannelNetwork {
  readonly network: Prefix;
  /** Length of a node's part. */
  readonly subnetLength: number;
  /** First and last part that nodes are given, where the manager gives them (etcd). */
  readonly subnetMin: IpAddress;
  readonly subnetMax: IpAddress;
}

export type FlannelBackend =
  | ({ readonly type: "vxlan" } & Required<Pick<VxlanOptions, "vni" | "port" | "directRouting" | "gbp" | "learning">> &
      Pick<VxlanOptions, "underlayMtuBytes">)
  | { readonly type: "host-gw" }
  | { readonly type: "udp"; readonly port: number };

export interface FlannelNetConf {
  readonly networks: PerFamily<FlannelNetwork>;
  readonly enableNftables: boolean;
  readonly backend: FlannelBackend;
  /** What was read otherwise than it may have been meant. */
  readonly warnings: readonly string[];
}

export class NetConfError extends Error {
  override readonly name = "NetConfError";
  /** Path of the key: `Backend.Port`. */
  readonly key: string;

  constructor(key: string, reason: string, options?: ErrorOptions) {
    super(`Cannot use net-conf.json: ${key === "" ? "" : `"${key}" `}${reason}`, options);
    this.key = key;
  }
}

/** Throws NetConfError. */
export function parseNetConf(text: string): FlannelNetConf {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new NetConfError("", `it is no JSON: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  if (!isJsonObject(json)) throw new NetConfError("", "it is no JSON object");
  const conf = fields(json, "");
  const networks: { [F in Family]?: FlannelNetwork } = {};
  if (conf.boolean("EnableIPv4", true)) networks[4] = readNetwork(conf, 4);
  if (conf.boolean("EnableIPv6", false)) networks[6] = readNetwork(conf, 6);
  if (FAMILIES.every((family) => networks[family] === undefined)) {
    throw new NetConfError("EnableIPv4", "is false and so is EnableIPv6: at least one must be true");
  }
  const backend = conf.value("Backend");
  const warnings =
    backend === undefined ? ['there is no "Backend": vxlan is used, where flanneld itself would use udp'] : [];
  if (backend !== undefined && !isJsonObject(backend)) throw new NetConfError("Backend", "is no object");
  return {
    networks,
    enableNftables: conf.boolean("EnableNFTables", false),
    backend: readBackend(backend ?? { Type: "vxlan" }),
    warnings,
  };
}

const NAMES = {
  4: { network: "Network", length: "SubnetLen", min: "SubnetMin", max: "SubnetMax" },
  6: { network: "IPv6Network", length: "IPv6SubnetLen", min: "IPv6SubnetMin", max: "IPv6SubnetMax" },
} as const;
const DEFAULT_SUBNET_LENGTH = { 4: 24, 6: 64 } as const;
/** Networks longer than this get parts of four to the network. */
const SPACE_FOR_DEFAULT = 2;

function readNetwork(conf: Fields, family: Family): FlannelNetwork {
  const names = NAMES[family];
  const text = conf.string(names.network, "");
  if (text === "") throw new NetConfError(names.network, `is missing: give IPv${family}'s pod network`);
  const network = networkOf(conf.parsed(names.network, text, parsePrefix));
  if (network.family !== family) throw new NetConfError(names.network, `is no IPv${family} prefix: ${text}`);
  const standard = DEFAULT_SUBNET_LENGTH[family];
  const fallback = network.length > standard - SPACE_FOR_DEFAULT ? network.length + SPACE_FOR_DEFAULT : standard;
  const subnetLength = conf.number(names.length, 0) || fallback;
  const longest = addressLength(family) - 2;
  if (subnetLength <= network.length || subnetLength > longest) {
    throw new NetConfError(names.length, `is ${subnetLength}: it must be in ${network.length + 1} to ${longest}`);
  }
  const size = 1n << BigInt(addressLength(family) - subnetLength);
  const first = addressToBigInt(network.address);
  const end = first + (1n << BigInt(addressLength(family) - network.length));
  const bound = (name: string, standardBound: bigint): IpAddress => {
    const given = conf.string(name, "");
    if (given === "") return bigIntToAddress(family, standardBound);
    const address = conf.parsed(name, given, parseAddress);
    const isPart = familyOf(address) === family && contains(network, address) && addressToBigInt(address) % size === 0n;
    if (!isPart) throw new NetConfError(name, `is ${given}: it is not the start of a /${subnetLength} in ${text}`);
    return address;
  };
  return {
    network,
    subnetLength,
    subnetMin: bound(names.min, first + size),
    subnetMax: bound(names.max, end - size),
  };
}

function readBackend(json: JsonObject): FlannelBackend {
  const backend = fields(json, "Backend.");
  const type = backend.string("Type", "");
  switch (type) {
    case "vxlan":
      return {
        type,
        vni: backend.number("VNI", 1),
        port: backend.number("Port", 0) || 8472,
        directRouting: backend.boolean("DirectRouting", false),
        gbp: backend.boolean("GBP", false),
        learning: backend.boolean("Learning", false),
        underlayMtuBytes: backend.number("MTU", 0) || undefined,
      };
    case "host-gw":
      return { type };
    case "udp":
      return { type, port: backend.number("Port", 0) || 8285 };
    default:
      throw new NetConfError("Backend.Type", `is ${JSON.stringify(type)}: it must be one of ${BACKENDS.join(", ")}`);
  }
}

interface Fields {
  value(key: string): JsonValue | undefined;
  string(key: string, fallback: string): string;
  number(key: string, fallback: number): number;
  boolean(key: string, fallback: boolean): boolean;
  parsed<T>(key: string, text: string, parse: (text: string) => T): T;
}

/** Of keys that differ in case only the last counts; `null` leaves the default. */
function fields(json: JsonObject, path: string): Fields {
  const values = new Map(Object.entries(json).map(([key, value]) => [key.toLowerCase(), value]));
  const value = (key: string): JsonValue | undefined => values.get(key.toLowerCase()) ?? undefined;
  const refuse = (key: string, what: string): never => {
    throw new NetConfError(`${path}${key}`, `is ${JSON.stringify(value(key))}, not ${what}`);
  };
  return {
    value,
    string(key, fallback) {
      const found = value(key) ?? fallback;
      return typeof found === "string" ? found : refuse(key, "a string");
    },
    number(key, fallback) {
      const found = value(key) ?? fallback;
      const isNatural = typeof found === "number" && Number.isSafeInteger(found) && found >= 0;
      return isNatural ? found : refuse(key, "a whole number");
    },
    boolean(key, fallback) {
      const found = value(key) ?? fallback;
      return typeof found === "boolean" ? found : refuse(key, "true or false");
    },
    parsed(key, text, parse) {
      try {
        return parse(text);
      } catch (cause) {
        throw new NetConfError(`${path}${key}`, `is ${JSON.stringify(text)}, which cannot be read`, { cause });
      }
    },
  };
}
