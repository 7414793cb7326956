/**
 * What Flannel's daemons tell each other and the CNI plugin: annotations of Node objects, back end data, and subnet.env.
 * Byte for byte as flanneld 0.28 writes them, so that its nodes and ours share a cluster. Pure.
 * Nothing may be added to back end data: flanneld finds its MAC address there by splitting the text.
 */
import {
  addressToBigInt,
  bigIntToAddress,
  type Family,
  formatPrefix,
  type IpAddress,
  networkOf,
  type Prefix,
  parseAddress,
} from "#base/ip-address.ts";
import { isJsonObject } from "#base/json.ts";
import { type MacAddress, parseMacAddress } from "#base/mac-address.ts";
import { BACKENDS, type Backend, FAMILIES, type PerFamily } from "./contract.ts";

export type Annotations = Readonly<Record<string, string>>;

export class FlannelFormatError extends Error {
  override readonly name = "FlannelFormatError";

  constructor(what: string, value: string, reason: string, options?: ErrorOptions) {
    super(`Cannot read ${what} ${JSON.stringify(value)}: ${reason}`, options);
  }
}

export const DEFAULT_ANNOTATION_PREFIX = "flannel.alpha.coreos.com";

/** What a node says of itself. */
export interface NodeAnnouncement {
  readonly backend: Backend;
  /** Addresses that peers send to. */
  readonly publicAddresses: PerFamily<IpAddress>;
  /** vxlan only. */
  readonly vteps?: PerFamily<Vtep> | undefined;
}

export interface Vtep {
  readonly vni: number;
  readonly mac: MacAddress;
}

/**
 * The start of every key, as flanneld makes it of `--kube-annotation-prefix`: without a slash one is appended; behind a
 * slash the names are set off by a dash.
 */
export function annotationKeyPrefix(prefix: string = DEFAULT_ANNOTATION_PREFIX): string {
  const [domain = "", name, ...rest] = prefix.split("/");
  const isDomain = /^(?:[a-z0-9-]+\.)+[a-z0-9-]+$/.test(domain);
  if (!isDomain || rest.length > 0 || !/^[a-z0-9_-]*$/.test(name ?? "")) {
    throw new FlannelFormatError("annotation prefix", prefix, "it is not of the form domain.tld or domain.tld/name");
  }
  if (name === undefined) return `${prefix}/`;
  return name === "" || name.endsWith("-") ? prefix : `${prefix}-`;
}

export function formatAnnotations(node: NodeAnnouncement, prefix?: string): Annotations {
  const key = annotationKeyPrefix(prefix);
  const { publicAddresses, vteps = {} } = node;
  // flanneld's udp back end leaves the type empty.
  const announced = node.backend === "udp" ? "" : node.backend;
  const data = (family: Family): string => {
    const vtep = vteps[family];
    return vtep === undefined ? "null" : formatBackendData(vtep);
  };
  return {
    [`${key}kube-subnet-manager`]: "true",
    [`${key}backend-type`]: announced,
    ...(publicAddresses[4] && { [`${key}public-ip`]: publicAddresses[4], [`${key}backend-data`]: data(4) }),
    ...(publicAddresses[6] && { [`${key}public-ipv6`]: publicAddresses[6], [`${key}backend-v6-data`]: data(6) }),
  };
}

const KEYS = {
  4: { address: "public-ip", data: "backend-data" },
  6: { address: "public-ipv6", data: "backend-v6-data" },
} as const;

/**
 * Undefined for a node that no Flannel manages yet. The address of a NATed node is what `public-ip-overwrite` says.
 * Throws FlannelFormatError, which names the annotation.
 */
export function parseAnnotations(annotations: Annotations, prefix?: string): NodeAnnouncement | undefined {
  const key = annotationKeyPrefix(prefix);
  if (annotations[`${key}kube-subnet-manager`] !== "true") return undefined;
  const type = annotations[`${key}backend-type`] ?? "";
  const backend = type === "" ? "udp" : BACKENDS.find((one) => one === type);
  if (backend === undefined) {
    throw new FlannelFormatError(`annotation ${key}backend-type`, type, `it is none of ${BACKENDS.join(", ")}`);
  }
  const publicAddresses: { [F in Family]?: IpAddress } = {};
  const vteps: { [F in Family]?: Vtep } = {};
  for (const family of FAMILIES) {
    const names = KEYS[family];
    const name = annotations[`${key}${names.address}-overwrite`] ? `${names.address}-overwrite` : names.address;
    const address = annotations[`${key}${name}`] ?? "";
    if (address === "") continue;
    publicAddresses[family] = readAs(`annotation ${key}${name}`, address, parseAddress);
    const data = annotations[`${key}${names.data}`] ?? "";
    const vtep = backend === "vxlan" ? readAs(`annotation ${key}${names.data}`, data, parseBackendData) : undefined;
    if (vtep !== undefined) vteps[family] = vtep;
  }
  return { backend, publicAddresses, ...(backend === "vxlan" && { vteps }) };
}

/** Two keys, the MAC address last: flanneld finds it again by its place. */
export function formatBackendData({ vni, mac }: Vtep): string {
  return `{"VNI":${vni},"VtepMAC":"${mac}"}`;
}

/** Undefined for what says nothing: an empty text, `null`, an empty address. */
export function parseBackendData(text: string): Vtep | undefined {
  if (text === "" || text === "null") return undefined;
  const data: unknown = JSON.parse(text);
  if (!isJsonObject(data)) throw new TypeError("it is no JSON object");
  const { VNI: vni = 1, VtepMAC: mac = "" } = data;
  if (typeof vni !== "number" || typeof mac !== "string") throw new TypeError("VNI or VtepMAC has the wrong type");
  return mac === "" ? undefined : { vni, mac: parseMacAddress(mac) };
}

export interface SubnetFile {
  /** The whole pod network. */
  readonly networks: PerFamily<Prefix>;
  /** This node's part of it. */
  readonly podPrefixes: PerFamily<Prefix>;
  readonly mtuBytes: number;
  /** The agent masquerades what leaves the pod network, so the plugins need not. */
  readonly ipMasq: boolean;
}

/** The file `/run/flannel/subnet.env`. A subnet is given as its first usable address, which the bridge will have. */
export function formatSubnetFile({ networks, podPrefixes, mtuBytes, ipMasq }: SubnetFile): string {
  const lines = FAMILIES.flatMap((family) => {
    const name = family === 4 ? "FLANNEL_" : "FLANNEL_IPV6_";
    const [network, subnet] = [networks[family], podPrefixes[family]];
    if (network === undefined || subnet === undefined) return [];
    return [`${name}NETWORK=${formatPrefix(networkOf(network))}`, `${name}SUBNET=${formatPrefix(firstUsable(subnet))}`];
  });
  return [...lines, `FLANNEL_MTU=${mtuBytes}`, `FLANNEL_IPMASQ=${ipMasq}`, ""].join("\n");
}

function firstUsable(subnet: Prefix): Prefix {
  const { family, address, length } = networkOf(subnet);
  return { family, address: bigIntToAddress(family, addressToBigInt(address) + 1n), length };
}

function readAs<T>(what: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (cause) {
    throw new FlannelFormatError(what, text, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
