/** Configuration of the portmap plugin, and what follows from it for one pod. Pure. */
import { familyOf, formatPrefix, networkOf, type Prefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import {
  choice,
  fields,
  flag,
  integer,
  list,
  optional,
  readFields,
  text,
  unsupportedValue,
  type ValueOf,
} from "#cni/config.ts";
import type { PluginRequest } from "#cni/plugin.ts";
import type { CniResult } from "#cni/result.ts";
import type { HostPort, HostPortProtocol } from "#dataplane/nat/nat-state.ts";
import { describeWanted } from "#dataplane/nat/plan.ts";

const mapping = fields({
  hostPort: optional(integer(), 0),
  containerPort: optional(integer(), 0),
  protocol: optional(text, ""),
  hostIP: optional(text, ""),
});

const portmapFields = fields({
  /** Accepted as in the reference; mappings go to Podwire's own nft table either way. */
  backend: optional(choice(["iptables", "nftables"])),
  snat: optional(flag, true),
  masqAll: optional(flag, false),
  /** Accepted: no mark is used, so none can clash. */
  markMasqBit: optional(integer()),
  externalSetMarkChain: optional(text),
  conditionsV4: optional(list(text), []),
  conditionsV6: optional(list(text), []),
  runtimeConfig: fields({ portMappings: optional(list(mapping), []) }),
});

const PROTOCOLS: readonly HostPortProtocol[] = ["tcp", "udp", "sctp"];
const MAX_PORT = 65535;

export interface PortmapConfig {
  readonly snat: HostPort["snat"];
  readonly mappings: readonly ValueOf<typeof mapping>[];
}

export function readPortmapConfig({ config }: Pick<PluginRequest, "config">): PortmapConfig {
  const read = readFields(portmapFields, config.json);
  if (read.markMasqBit !== undefined && read.externalSetMarkChain !== undefined) {
    throw new CniError("invalidConfig", "Cannot specify externalSetMarkChain and markMasqBit");
  }
  if (read.markMasqBit !== undefined && (read.markMasqBit < 0 || read.markMasqBit > 31)) {
    throw new CniError("invalidConfig", "MasqMarkBit must be between 0 and 31", `markMasqBit=${read.markMasqBit}`);
  }
  for (const key of ["conditionsV4", "conditionsV6"] as const) {
    const conditions = read[key];
    if (conditions.length > 0)
      throw unsupportedValue(key, conditions, "arguments of iptables have no place in nft maps");
  }
  const { portMappings } = read.runtimeConfig;
  portMappings.forEach(requireValidMapping);
  return { snat: read.snat ? (read.masqAll ? "all" : "hairpin") : "none", mappings: portMappings };
}

function requireValidMapping({ hostPort, containerPort, protocol }: ValueOf<typeof mapping>): void {
  for (const [what, port] of [
    ["host", hostPort],
    ["container", containerPort],
  ] as const) {
    if (port <= 0 || port > MAX_PORT) {
      throw new CniError("invalidConfig", `Invalid ${what} port number: ${port}`, `${what}Port=${port}`);
    }
  }
  if (parseProtocol(protocol) === undefined) {
    throw new CniError("invalidConfig", `Unknown protocol "${protocol}" in port mapping`, `protocol=${protocol}`);
  }
}

/** Runtimes write protocols in either case. */
function parseProtocol(protocol: string): HostPortProtocol | undefined {
  return PROTOCOLS.find((known) => known === protocol.toLowerCase());
}

/** The mappings of the container's first IPv4 and first IPv6 address. */
export function planHostPorts({ snat, mappings }: PortmapConfig, result: CniResult): readonly HostPort[] {
  const prefixes = containerAddresses(result);
  const targets = ([4, 6] as const).flatMap((family) => prefixes.find((prefix) => prefix.family === family) ?? []);
  const hostPorts = targets.flatMap((target) => mappings.flatMap((one) => planHostPort(one, target, snat)));
  hostPorts.forEach(requireNoContradiction);
  return hostPorts;
}

function requireNoContradiction(one: HostPort, index: number, all: readonly HostPort[]): void {
  const other = all
    .slice(0, index)
    .find((earlier) => hostEnd(earlier) === hostEnd(one) && earlier.containerPort !== one.containerPort);
  if (other === undefined) return;
  const message = `Cannot map ${describeWanted(one)}: another mapping leads it to port ${other.containerPort}`;
  throw new CniError("invalidConfig", message, `hostPort=${one.hostPort}`);
}

function hostEnd({ address, hostIp = "", protocol, hostPort }: HostPort): string {
  return [familyOf(parseAddress(address)), hostIp, protocol, hostPort].join(" ");
}

/** Addresses of interfaces in the container; all of them when the result does not say whose they are. */
function containerAddresses({ ips = [], interfaces = [] }: CniResult): readonly Prefix[] {
  return ips
    .filter((ip) => ip.interface === undefined || Boolean(interfaces[ip.interface]?.sandbox))
    .map(({ address }) => parsePrefix(address));
}

function planHostPort(one: ValueOf<typeof mapping>, target: Prefix, snat: HostPort["snat"]): readonly HostPort[] {
  const protocol = parseProtocol(one.protocol);
  const hostIp = one.hostIP === "" ? undefined : parseAddress(one.hostIP);
  if (protocol === undefined || (hostIp !== undefined && familyOf(hostIp) !== target.family)) return [];
  const isWildcard = hostIp === undefined || hostIp === "0.0.0.0" || hostIp === "::";
  return [
    {
      protocol,
      hostPort: one.hostPort,
      ...(!isWildcard && { hostIp }),
      address: target.address,
      containerPort: one.containerPort,
      snat,
      subnet: formatPrefix(networkOf(target)),
    },
  ];
}
