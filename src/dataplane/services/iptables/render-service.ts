/**
 * The rules of one port of a Service, as `iptables-save` prints them, in kube-proxy's chains:
 *   nat KUBE-SERVICES, KUBE-NODEPORTS → KUBE-SVC-… (cluster), KUBE-SVL-… (this node), KUBE-EXT-… (from outside),
 *   KUBE-FW-… (source ranges) → KUBE-SEP-… (one endpoint)
 *   filter KUBE-SERVICES, KUBE-EXTERNAL-SERVICES, KUBE-PROXY-FIREWALL: what was not translated is refused or dropped
 * Source: k8s.io/kubernetes pkg/proxy/iptables/proxier.go, 1.33 (chains and their meaning).
 */
import { type Family, formatPrefix, networkOf, type Prefix } from "#base/ip-address.ts";
import type { Backend, Frontend, ServicePort } from "#service/service-port.ts";
import type { ServiceProxyNode } from "../contract.ts";
import { endpointChain, endpointText, type ServiceChains, serviceChains, servicePortName } from "./chain-names.ts";

export interface OwnedService {
  readonly port: ServicePort;
  readonly frontends: readonly Frontend[];
}

/** Chains that many Services add rules to. */
export const SHARED_CHAINS = {
  nat: ["KUBE-SERVICES", "KUBE-NODEPORTS"],
  filter: ["KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-PROXY-FIREWALL"],
} as const;
export type SharedNatChain = (typeof SHARED_CHAINS.nat)[number];
export type SharedFilterChain = (typeof SHARED_CHAINS.filter)[number];

export interface ServiceRules {
  /** Of the table nat, with all their rules in order. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Rules in chains of others; their order does not matter. */
  readonly nat: Readonly<Record<SharedNatChain, readonly string[]>>;
  readonly filter: Readonly<Record<SharedFilterChain, readonly string[]>>;
}

/** Where what comes from outside the pod networks is marked, when there are several of them. */
export const MARK_OUTSIDE = "PODWIRE-MARK-OUTSIDE";
const RECENT_MASK: Readonly<Record<Family, string>> = {
  4: "255.255.255.255",
  6: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};

export function renderService(service: OwnedService, node: ServiceProxyNode): ServiceRules {
  const { port, frontends } = service;
  const names = serviceChains(port);
  const chains = new Map<string, readonly string[]>();
  const nat: Record<SharedNatChain, string[]> = { "KUBE-SERVICES": [], "KUBE-NODEPORTS": [] };
  const filter: Record<SharedFilterChain, string[]> = {
    "KUBE-SERVICES": [],
    "KUBE-EXTERNAL-SERVICES": [],
    "KUBE-PROXY-FIREWALL": [],
  };
  const hasEndpoints = port.cluster.length + port.local.length > 0;
  for (const frontend of frontends) {
    const { target, comment } = targetOf(frontend, names);
    const match = frontendMatch(port, frontend, `${servicePortName(port)} ${comment}`);
    if (hasEndpoints)
      nat[frontend.kind === "nodePort" ? "KUBE-NODEPORTS" : "KUBE-SERVICES"].push(`${match} -j ${target}`);
    filterRules(port, frontend, filter);
  }
  if (hasEndpoints) for (const [chain, rules] of serviceRules(service, node, names)) chains.set(chain, rules);
  return { chains, nat, filter };
}

function targetOf({ kind, traffic, sourceRanges }: Frontend, names: ServiceChains) {
  if (kind === "clusterIP") return { target: traffic === "local" ? names.svl : names.svc, comment: "cluster IP" };
  if (kind === "nodePort") return { target: sourceRanges ? names.fw : names.ext, comment: "" };
  const comment = kind === "externalIP" ? "external IP" : "loadbalancer IP";
  return { target: sourceRanges === undefined ? names.ext : names.fw, comment };
}

/** `-d 10.96.0.1/32 -p tcp -m comment --comment "default/web:http cluster IP" -m tcp --dport 80` */
function frontendMatch({ family, protocol }: ServicePort, { address, port, kind }: Frontend, comment: string): string {
  const length = family === 4 ? 32 : 128;
  const destination = kind === "nodePort" || address === undefined ? "" : `-d ${address}/${length} `;
  const name = protocol.toLowerCase();
  return `${destination}-p ${name} -m comment --comment "${comment.trimEnd()}" -m ${name} --dport ${port}`;
}

/** What no rule of nat has translated by then. */
function filterRules(port: ServicePort, frontend: Frontend, filter: Record<SharedFilterChain, string[]>): void {
  const { kind, traffic, sourceRanges } = frontend;
  const name = servicePortName(port);
  const local = kind === "nodePort" ? "-m addrtype --dst-type LOCAL " : "";
  const rule = (why: string, target: string) => {
    const match = frontendMatch(port, frontend, `${name} ${why}`);
    const [protocol, rest] = [
      match.slice(0, match.indexOf(" -m comment")),
      match.slice(match.indexOf(" -m comment") + 1),
    ];
    const [comment, transport] = [rest.slice(0, rest.lastIndexOf(" -m ")), rest.slice(rest.lastIndexOf(" -m ") + 1)];
    return `${protocol} ${comment} ${local}${transport} -j ${target}`;
  };
  const reject = `REJECT --reject-with ${port.protocol === "TCP" ? "tcp-reset" : portUnreachable(port.family)}`;
  const chain = kind === "clusterIP" ? "KUBE-SERVICES" : "KUBE-EXTERNAL-SERVICES";
  if (port.cluster.length + port.local.length === 0) filter[chain].push(rule("has no endpoints", reject));
  else if (traffic === "local" && port.local.length === 0) filter[chain].push(rule("has no local endpoints", "DROP"));
  else if (traffic === "cluster" && port.cluster.length === 0) filter[chain].push(rule("has no endpoints", reject));
  else if (sourceRanges !== undefined) {
    filter["KUBE-PROXY-FIREWALL"].push(rule("traffic not accepted by KUBE-FW chain", "DROP"));
  }
}

export function portUnreachable(family: Family): string {
  return family === 4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
}

function serviceRules(
  { port, frontends }: OwnedService,
  node: ServiceProxyNode,
  names: ServiceChains,
): ReadonlyMap<string, readonly string[]> {
  const { cluster, local } = port;
  const name = servicePortName(port);
  const chains = new Map<string, readonly string[]>();
  const external = frontends.filter(({ kind }) => kind !== "clusterIP");
  const usesCluster = external.length > 0 || frontends.some(({ traffic }) => traffic === "cluster");
  const usesLocal = frontends.some(({ traffic }) => traffic === "local");
  for (const [chain, backends, traffic] of [
    [names.svc, usesCluster ? cluster : [], "cluster"],
    [names.svl, usesLocal ? local : [], "local"],
  ] as const) {
    if (!(traffic === "cluster" ? usesCluster : usesLocal)) continue;
    const clusterIps = frontends.filter((each) => each.kind === "clusterIP" && each.traffic === traffic);
    chains.set(chain, [
      ...clusterIps.map((each) => markOutside(frontendMatch(port, each, `${name} cluster IP`), port.family, node)),
      ...balance(port, backends),
    ]);
    for (const backend of backends) chains.set(endpointChain(port, backend), endpointRules(port, backend));
  }
  const [first] = external;
  if (first === undefined) return chains;
  chains.set(names.ext, extRules(port, names, node, first.traffic));
  const limited = external.find(({ sourceRanges }) => sourceRanges !== undefined);
  if (limited?.sourceRanges !== undefined) chains.set(names.fw, fwRules(port, names, limited.sourceRanges));
  return chains;
}

function extRules(
  port: ServicePort,
  { svc, svl }: ServiceChains,
  node: ServiceProxyNode,
  traffic: Frontend["traffic"],
): readonly string[] {
  const name = servicePortName(port);
  const comment = (text: string) => `-m comment --comment "${text}"`;
  if (traffic === "cluster") {
    return [`${comment(`masquerade traffic for ${name} external destinations`)} -j KUBE-MARK-MASQ`, `-j ${svc}`];
  }
  return [
    ...ofFamily(node.nodePods, port.family).map(
      (prefix) => `-s ${prefix} ${comment(`pod traffic for ${name} external destinations`)} -j ${svc}`,
    ),
    `${comment(`masquerade LOCAL traffic for ${name} external destinations`)} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
    `${comment(`route LOCAL traffic for ${name} external destinations`)} -m addrtype --src-type LOCAL -j ${svc}`,
    `-j ${svl}`,
  ];
}

function fwRules(port: ServicePort, { ext }: ServiceChains, ranges: readonly Prefix[]): readonly string[] {
  const comment = `-m comment --comment "${servicePortName(port)} loadbalancer IP"`;
  return [
    `${comment} -m addrtype --src-type LOCAL -j ${ext}`,
    ...ofFamily(ranges, port.family).map((prefix) => `-s ${prefix} ${comment} -j ${ext}`.replace("-s 0.0.0.0/0 ", "")),
  ];
}

/** `! -s 10.244.0.0/16 … -j KUBE-MARK-MASQ` */
function markOutside(match: string, family: Family, node: ServiceProxyNode): string {
  const networks = ofFamily(node.podNetworks, family);
  const [only, ...others] = networks;
  if (only === undefined) return `${match} -j KUBE-MARK-MASQ`;
  return others.length === 0 ? `! -s ${only} ${match} -j KUBE-MARK-MASQ` : `${match} -j ${MARK_OUTSIDE}`;
}

export function ofFamily(prefixes: readonly Prefix[], family: Family): readonly string[] {
  return prefixes.filter((prefix) => prefix.family === family).map((prefix) => formatPrefix(networkOf(prefix)));
}

function balance(port: ServicePort, backends: readonly Backend[]): readonly string[] {
  const { affinityTimeoutSeconds: seconds, family } = port;
  const sticky =
    seconds === undefined
      ? []
      : backends.map((backend) => {
          const chain = endpointChain(port, backend);
          const recent = `-m recent --rcheck --seconds ${seconds} --reap --name ${chain} --mask ${RECENT_MASK[family]} --rsource`;
          return `${endpointComment(port, backend)} ${recent} -j ${chain}`;
        });
  const random = backends.map((backend, index) => {
    const left = backends.length - index;
    const share = left === 1 ? "" : `-m statistic --mode random --probability ${probability(left)} `;
    return `${endpointComment(port, backend)} ${share}-j ${endpointChain(port, backend)}`;
  });
  return [...sticky, ...random];
}

function endpointComment(port: ServicePort, backend: Backend): string {
  return `-m comment --comment "${servicePortName(port)} -> ${endpointText(backend)}"`;
}

/** As the kernel keeps it: 31 bits. xt_statistic.h */
export function probability(left: number): string {
  return (Math.round(2 ** 31 / left) / 2 ** 31).toFixed(11);
}

function endpointRules(port: ServicePort, backend: Backend): readonly string[] {
  const { family, protocol, affinityTimeoutSeconds } = port;
  const name = protocol.toLowerCase();
  const comment = `-m comment --comment "${servicePortName(port)}"`;
  const chain = endpointChain(port, backend);
  const recent =
    affinityTimeoutSeconds === undefined
      ? ""
      : `-m recent --set --name ${chain} --mask ${RECENT_MASK[family]} --rsource `;
  return [
    `-s ${backend.address}/${family === 4 ? 32 : 128} ${comment} -j KUBE-MARK-MASQ`,
    `-p ${name} ${comment} ${recent}-m ${name} -j DNAT --to-destination ${endpointText(backend)}`,
  ];
}
