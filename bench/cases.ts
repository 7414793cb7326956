/**
 * What is measured: network configurations as a node has them, and what fills the node before.
 * All contestants get the same one. cniVersion 1.0.0 is the newest that the plugins of Debian 12 know.
 */
import type { JsonObject } from "#base/json.ts";

export type CaseName = "plain" | "masq" | "masq-port" | "dual-stack" | "reservations-4000" | "foreign-rules-10000";

export interface BenchCase {
  readonly name: CaseName;
  readonly title: string;
  /** Makes bridge name and subnets of a case its own. */
  readonly number: number;
  readonly dualStack: boolean;
  readonly masquerade: boolean;
  /** One TCP port of the host for each pod. */
  readonly hostPort: boolean;
  /** What lies on the node before the first pod. */
  readonly load?: Load;
}

export interface Load {
  readonly kind: "reservations" | "foreignRules";
  readonly count: number;
  /** The same case without the load, to compare with. */
  readonly emptyCase: CaseName;
}

const bare = { dualStack: false, masquerade: false, hostPort: false };

export const benchCases: readonly BenchCase[] = [
  { ...bare, name: "plain", title: "bridge + host-local, isGateway, hairpinMode", number: 1 },
  { ...bare, name: "masq", title: "plain + ipMasq", number: 2, masquerade: true },
  { ...bare, name: "masq-port", title: "masq + portmap, one TCP port", number: 3, masquerade: true, hostPort: true },
  { ...bare, name: "dual-stack", title: "plain with an IPv4 and an IPv6 range", number: 4, dualStack: true },
  {
    ...bare,
    name: "reservations-4000",
    title: "plain, 4000 addresses reserved before",
    number: 5,
    load: { kind: "reservations", count: 4000, emptyCase: "plain" },
  },
  {
    ...bare,
    name: "foreign-rules-10000",
    title: "masq, 10000 rules of others in iptables' nat table",
    number: 6,
    masquerade: true,
    load: { kind: "foreignRules", count: 10_000, emptyCase: "masq" },
  },
];

export const CNI_VERSION = "1.0.0";

export interface CaseNetwork {
  readonly network: string;
  readonly bridge: string;
  readonly subnet4: string;
  readonly gateway4: string;
  readonly subnet6: string;
  readonly gateway6: string;
}

export function caseNetwork({ name, number }: BenchCase): CaseNetwork {
  return {
    network: `bench-${name}`,
    bridge: `cni-bench${number}`,
    subnet4: `10.${200 + number}.0.0/16`,
    gateway4: `10.${200 + number}.0.1`,
    subnet6: `fd00:${200 + number}::/64`,
    gateway6: `fd00:${200 + number}::1`,
  };
}

/** Address number `index` of the case's IPv4 subnet. */
export function caseAddress({ number }: BenchCase, index: number): string {
  return `10.${200 + number}.${index >> 8}.${index & 0xff}`;
}

/** The plugins of the chain in ADD order, each with its whole configuration but `prevResult`. */
export function pluginChain(
  benchCase: BenchCase,
  { dataDir, hostPort }: { readonly dataDir: string; readonly hostPort: number },
): readonly (JsonObject & { readonly type: string })[] {
  const { network, bridge, subnet4, subnet6 } = caseNetwork(benchCase);
  const common = { cniVersion: CNI_VERSION, name: network };
  const ranges = [[{ subnet: subnet4 }], ...(benchCase.dualStack ? [[{ subnet: subnet6 }]] : [])];
  const routes = [{ dst: "0.0.0.0/0" }, ...(benchCase.dualStack ? [{ dst: "::/0" }] : [])];
  const bridgeConfig = {
    ...common,
    type: "bridge",
    bridge,
    isGateway: true,
    hairpinMode: true,
    ...(benchCase.masquerade && { ipMasq: true }),
    ipam: { type: "host-local", ranges, routes, dataDir },
  };
  const portMappings = [{ hostPort, containerPort: 80, protocol: "tcp" }];
  const portmapConfig = {
    ...common,
    type: "portmap",
    capabilities: { portMappings: true },
    runtimeConfig: { portMappings },
  };
  return benchCase.hostPort ? [bridgeConfig, portmapConfig] : [bridgeConfig];
}
