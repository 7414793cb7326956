/**
 * The table of Services, `inet podwire-services`: a fixed frame of hooks and maps. A plain Service is nothing but elements:
 * a new connection costs two look-ups, however many Services and endpoints there are.
 *
 *   prerouting, output   → services
 *   services             address . protocol . port → chain                                      @services
 *                        to one of the node's addresses: protocol . port → chain                @node_ports
 *                        to a clusterIP that no Service has → reject
 *   <chain>              named for what it does (balance-chains.ts): marks what needs the node's address as source, and
 *                        translates to frontend . random index → backend address . port         @endpoints, …
 *   postrouting          marked, or from a pod to itself: masquerade                            @hairpin
 *   forward              what connection tracking cannot place: drop. Translation would pass it by, and who gets an answer
 *                        from a backend instead of the Service refuses it, which ends the connection.
 *
 * Node ports listen on the node's addresses but never on loopback: an answer to 127.0.0.1 cannot leave the node, unless
 * route_localnet opens 127.0.0.0/8 to the network, which we do not do.
 */
import type { Family } from "#base/ip-address.ts";
import { type NftChain, PRIORITY } from "#kernel/nfnetlink/chain.ts";
import type { NftDataType } from "#kernel/nfnetlink/data-type.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import {
  fibDaddrType,
  ip6Daddr,
  ip6Saddr,
  ipDaddr,
  ipSaddr,
  l4proto,
  mark,
  type Selector,
  thDport,
} from "#kernel/nfnetlink/selectors.ts";
import type { NftSet } from "#kernel/nfnetlink/set.ts";
import {
  clearMarkBits,
  goto,
  inSet,
  jump,
  masquerade,
  matchAddressType,
  matchBits,
  matchCtState,
  matchFamily,
  matchL4proto,
  reject,
  rule,
  verdict,
  vmap,
} from "#kernel/nfnetlink/statements.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";

export const SERVICE_TABLE = { family: "inet", table: "podwire-services" } as const satisfies TableName;
/** A table with another comment is replaced as a whole. Raise the number when maps or the meaning of a chain's name change. */
export const LAYOUT = "Services of podwire, layout 1";

export const FAMILIES: readonly Family[] = [4, 6];

/** As kube-proxy's KUBE-MARK-MASQ: by default bit 14. */
export const MASQUERADE_MARK = 0x4000;
export const REJECT = "reject";
export const DROP = "drop";
const SERVICES = "services";
const MASQUERADE = "masquerade";

/** How a frontend is told from others: by address, protocol and port, or (`node_port`) by protocol and port. */
export type FrontendKey = "service" | "node_port";
/** Which of a Service's lists of backends. */
export type Scope = "cluster" | "local";
export const FRONTEND_KEYS: readonly FrontendKey[] = ["service", "node_port"];
export const SCOPES: readonly Scope[] = ["cluster", "local"];

interface Fields {
  readonly name: "ip" | "ip6";
  readonly saddr: Selector;
  readonly daddr: Selector;
  readonly type: NftDataType;
}
export const FIELDS: Readonly<Record<Family, Fields>> = {
  4: { name: "ip", saddr: ipSaddr, daddr: ipDaddr, type: "ipv4_addr" },
  6: { name: "ip6", saddr: ip6Saddr, daddr: ip6Daddr, type: "ipv6_addr" },
};

/** What the packet is looked up by. */
export function frontendSelectors(key: FrontendKey, family: Family): readonly Selector[] {
  return key === "service" ? [FIELDS[family].daddr, l4proto, thDport] : [l4proto, thDport];
}

/** Frontend → goto the chain that serves it. */
export function verdictMap(key: FrontendKey, family: Family): string {
  return `${key}s${family}`;
}

export interface BackendSets {
  /** frontend . index → backend address . port */
  readonly endpoints: string;
  /** client . frontend → mark of a backend, for the time of the session affinity; the kernel writes it. */
  readonly affinity: string;
  /** frontend . index → mark of a backend; of Services with session affinity. */
  readonly affinityMarks: string;
  /** frontend . mark → backend address . port */
  readonly affinityBackends: string;
}

export function backendSets(key: FrontendKey, scope: Scope, family: Family): BackendSets {
  const prefix = `${key === "service" ? "" : "node_port_"}${scope === "cluster" ? "" : "local_"}`;
  return {
    endpoints: `${prefix}endpoints${family}`,
    affinity: `${prefix}affinity${family}`,
    affinityMarks: `${prefix}affinity_marks${family}`,
    affinityBackends: `${prefix}affinity_backends${family}`,
  };
}

/** Sets that belong to the node. */
export function nodeSets(family: Family) {
  return {
    podNetworks: `pod_networks${family}`,
    nodePods: `node_pods${family}`,
    nodePortAddresses: `node_port_addresses${family}`,
    serviceNetworks: `service_networks${family}`,
  } as const;
}

/** address . address: pods of this node that are backends, towards themselves. */
export function hairpinSet(family: Family): string {
  return `hairpin${family}`;
}

/** Clients that are remembered at most; those beyond are served without affinity. */
const AFFINITY_SIZE = 1 << 20;

export function frameSets(): readonly NftSet[] {
  return FAMILIES.flatMap((family) => {
    const address = FIELDS[family].type;
    const backend: readonly NftDataType[] = [address, "inet_service"];
    const port: readonly NftDataType[] = ["inet_proto", "inet_service"];
    const perKey = FRONTEND_KEYS.flatMap((kind): readonly NftSet[] => {
      const frontend: readonly NftDataType[] = kind === "service" ? [address, ...port] : port;
      return [
        { ...SERVICE_TABLE, set: verdictMap(kind, family), key: frontend, data: ["verdict"] },
        ...SCOPES.flatMap((scope): readonly NftSet[] => {
          const sets = backendSets(kind, scope, family);
          const memory = {
            key: [address, ...frontend],
            data: ["mark"],
            flags: ["timeout", "dynamic"],
            size: AFFINITY_SIZE,
          } as const;
          return [
            { ...SERVICE_TABLE, set: sets.endpoints, key: [...frontend, "mark"], data: backend },
            { ...SERVICE_TABLE, set: sets.affinity, ...memory },
            { ...SERVICE_TABLE, set: sets.affinityMarks, key: [...frontend, "mark"], data: ["mark"] },
            { ...SERVICE_TABLE, set: sets.affinityBackends, key: [...frontend, "mark"], data: backend },
          ];
        }),
      ];
    });
    const perNode = Object.values(nodeSets(family)).map(
      (set): NftSet => ({ ...SERVICE_TABLE, set, key: [address], flags: ["interval"] }),
    );
    return [...perKey, ...perNode, { ...SERVICE_TABLE, set: hairpinSet(family), key: [address, address] }];
  });
}

/** A chain and its rules. */
export interface ChainRules {
  readonly chain: string;
  readonly base?: NftChain["base"];
  readonly comment?: string;
  readonly rules: readonly (readonly Expression[])[];
}

/** In an order in which each refers only to those before it. */
export function frameChains(): readonly ChainRules[] {
  return [
    { chain: REJECT, rules: [rule(matchL4proto("tcp"), reject("tcp reset")), rule(reject("port-unreachable"))] },
    { chain: DROP, rules: [rule(verdict("drop"))] },
    // The mark goes: what carries the packet to another node is not to be masqueraded again.
    { chain: MASQUERADE, rules: [rule(clearMarkBits(MASQUERADE_MARK), masquerade("fully-random"))] },
    { chain: SERVICES, rules: servicesRules() },
    {
      chain: "prerouting",
      base: { type: "nat", hook: "prerouting", priority: PRIORITY.dstnat },
      rules: [rule(jump(SERVICES))],
    },
    {
      chain: "output",
      base: { type: "nat", hook: "output", priority: PRIORITY.dstnat },
      rules: [rule(jump(SERVICES))],
    },
    {
      chain: "postrouting",
      base: { type: "nat", hook: "postrouting", priority: PRIORITY.srcnat },
      rules: [
        rule(matchBits(mark, "!=", MASQUERADE_MARK, 0), goto(MASQUERADE)),
        ...FAMILIES.map((family) => {
          const { name, saddr, daddr } = FIELDS[family];
          return rule(matchFamily(name), inSet([saddr, daddr], hairpinSet(family)), goto(MASQUERADE));
        }),
      ],
    },
    {
      chain: "forward",
      base: { type: "filter", hook: "forward", priority: PRIORITY.filter },
      rules: [rule(matchCtState("invalid"), verdict("drop"))],
    },
  ];
}

function servicesRules(): readonly (readonly Expression[])[] {
  const lookup = (key: FrontendKey, family: Family) => vmap(frontendSelectors(key, family), verdictMap(key, family));
  return [
    // ip daddr . meta l4proto . th dport vmap @services4
    ...FAMILIES.map((family) => rule(matchFamily(FIELDS[family].name), lookup("service", family))),
    // fib daddr type local ip daddr @node_port_addresses4 meta l4proto . th dport vmap @node_ports4
    ...FAMILIES.map((family) => {
      const { name, daddr } = FIELDS[family];
      return rule(
        matchFamily(name),
        matchAddressType(fibDaddrType, "local"),
        inSet([daddr], nodeSets(family).nodePortAddresses),
        lookup("node_port", family),
      );
    }),
    // An address of the service network that is the node's own is served here: cluster DNS, for example.
    rule(matchAddressType(fibDaddrType, "local"), verdict("return")),
    ...FAMILIES.map((family) => {
      const { name, daddr } = FIELDS[family];
      return rule(matchFamily(name), inSet([daddr], nodeSets(family).serviceNetworks), goto(REJECT));
    }),
  ];
}

/** Makes the chain; `add` is content with one that is there, and puts the rules behind its own. */
export function chainOperations({ chain, base, comment, rules }: ChainRules): readonly NftOperation[] {
  return [
    { do: "add chain", chain: { ...SERVICE_TABLE, chain, base, comment } },
    ...rules.map((expressions): NftOperation => ({ do: "add rule", rule: { ...SERVICE_TABLE, chain, expressions } })),
  ];
}

/** Creates the table with the frame, which must not be there. */
export function frameOperations(): readonly NftOperation[] {
  return [
    { do: "create table", table: { ...SERVICE_TABLE, comment: LAYOUT } },
    ...frameSets().map((set): NftOperation => ({ do: "create set", set })),
    ...frameChains().flatMap(chainOperations),
  ];
}
