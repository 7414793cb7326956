/**
 * The table of the IPVS proxy, `inet podwire-ipvs`: what IPVS does not do. IPVS takes a packet at `input` (behind our chain)
 * when its address is the node's own, so a clusterIP is put on a link; or at `output`, when the node itself sends it.
 *
 *   input, output, forward   new connections → services
 *   services                 address . protocol . port → chain                                  @frontends
 *                            to another port of a Service's address, or a clusterIP that nobody has → reject
 *   <chain>                  refuses, or marks what needs the node's address as source; then IPVS takes it
 *   postrouting              marked, or from a pod to itself: masquerade                        @hairpin
 */
import { addressBytes, type Family, lastAddress, networkOf, type Prefix } from "#base/ip-address.ts";
import { type NftChain, PRIORITY } from "#kernel/nfnetlink/chain.ts";
import type { NftDataType } from "#kernel/nfnetlink/data-type.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import { fibDaddrType, fibSaddrType, l4proto, mark, thDport } from "#kernel/nfnetlink/selectors.ts";
import type { NftSet } from "#kernel/nfnetlink/set.ts";
import { intervalElements } from "#kernel/nfnetlink/set-element.ts";
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
  setMarkBits,
  verdict,
  vmap,
} from "#kernel/nfnetlink/statements.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";
import { FAMILIES, FIELDS, MASQUERADE_MARK } from "../nftables/service-table.ts";

export const IPVS_TABLE = { family: "inet", table: "podwire-ipvs" } as const satisfies TableName;
/** A table with another comment is replaced as a whole. */
export const IPVS_LAYOUT = "Services of podwire by IPVS, layout 1";

/** What happens to new connections to a frontend; the `limited` ones look at the source ranges first. */
const EXTERNAL = ["external", "keep-source", "inside-only"] as const;
type ExternalChain = (typeof EXTERNAL)[number];
export type FrontendVerdict = "reject" | "drop" | "cluster-ip" | ExternalChain | `limited-${ExternalChain}`;

export function ipvsSets(family: Family) {
  return {
    /** address . protocol . port → verdict; their comments say whose they are. */
    frontends: `frontends${family}`,
    /** address . protocol . port . client */
    sourceRanges: `source_ranges${family}`,
    /** Addresses on our link. */
    serviceAddresses: `service_addresses${family}`,
    hairpin: `hairpin${family}`,
    podNetworks: `pod_networks${family}`,
    nodePods: `node_pods${family}`,
    serviceNetworks: `service_networks${family}`,
  } as const;
}

export function ipvsFrameSets(): readonly NftSet[] {
  return FAMILIES.flatMap((family): readonly NftSet[] => {
    const address = FIELDS[family].type;
    const frontend: readonly NftDataType[] = [address, "inet_proto", "inet_service"];
    const sets = ipvsSets(family);
    const ofPrefixes = [sets.podNetworks, sets.nodePods, sets.serviceNetworks];
    return [
      { ...IPVS_TABLE, set: sets.frontends, key: frontend, data: ["verdict"] },
      { ...IPVS_TABLE, set: sets.sourceRanges, key: [...frontend, address], flags: ["interval", "concat"] },
      { ...IPVS_TABLE, set: sets.serviceAddresses, key: [address] },
      { ...IPVS_TABLE, set: sets.hairpin, key: [address, address] },
      ...ofPrefixes.map((set): NftSet => ({ ...IPVS_TABLE, set, key: [address], flags: ["interval"] })),
    ];
  });
}

export interface IpvsChain {
  readonly chain: string;
  readonly base?: NftChain["base"];
  readonly rules: readonly (readonly Expression[])[];
}

/** In an order in which each refers only to those before it. */
export function ipvsFrameChains(): readonly IpvsChain[] {
  const mangleOrFilter = { input: PRIORITY.filter, forward: PRIORITY.filter, output: PRIORITY.mangle };
  return [
    { chain: "reject", rules: [rule(matchL4proto("tcp"), reject("tcp reset")), rule(reject("port-unreachable"))] },
    { chain: "drop", rules: [rule(verdict("drop"))] },
    { chain: "masquerade", rules: [rule(clearMarkBits(MASQUERADE_MARK), masquerade("fully-random"))] },
    { chain: "cluster-ip", rules: [...sourcesIn("podNetworks"), rule(setMarkBits(MASQUERADE_MARK))] },
    { chain: "external", rules: [rule(setMarkBits(MASQUERADE_MARK))] },
    { chain: "keep-source", rules: [fromNode()] },
    // No endpoint here: only this node and its pods are let through, to those of the cluster.
    {
      chain: "inside-only",
      rules: [
        rule(matchAddressType(fibSaddrType, "local"), goto("external")),
        ...sourcesIn("nodePods"),
        rule(goto("drop")),
      ],
    },
    ...EXTERNAL.map((chain): IpvsChain => ({ chain: `limited-${chain}`, rules: limitedRules(chain) })),
    { chain: "services", rules: servicesRules() },
    ...(["input", "forward", "output"] as const).map(
      (hook): IpvsChain => ({
        chain: hook,
        base: { type: "filter", hook, priority: mangleOrFilter[hook] },
        rules: [rule(matchCtState("new"), jump("services"))],
      }),
    ),
    {
      chain: "postrouting",
      base: { type: "nat", hook: "postrouting", priority: PRIORITY.srcnat },
      rules: [
        rule(matchBits(mark, "!=", MASQUERADE_MARK, 0), goto("masquerade")),
        ...FAMILIES.map((family) => {
          const { name, saddr, daddr } = FIELDS[family];
          return rule(matchFamily(name), inSet([saddr, daddr], ipvsSets(family).hairpin), goto("masquerade"));
        }),
      ],
    },
  ];
}

/** The kernel may have chosen the Service's address as the node's own source. */
function fromNode(): readonly Expression[] {
  return rule(matchAddressType(fibSaddrType, "local"), setMarkBits(MASQUERADE_MARK));
}

function sourcesIn(set: "podNetworks" | "nodePods"): readonly (readonly Expression[])[] {
  return FAMILIES.map((family) => {
    const { name, saddr } = FIELDS[family];
    return rule(matchFamily(name), inSet([saddr], ipvsSets(family)[set]), verdict("return"));
  });
}

function limitedRules(chain: ExternalChain): readonly (readonly Expression[])[] {
  return [
    rule(matchAddressType(fibSaddrType, "local"), goto(chain)),
    ...FAMILIES.map((family) => {
      const { name, saddr, daddr } = FIELDS[family];
      const key = [daddr, l4proto, thDport, saddr];
      return rule(matchFamily(name), inSet(key, ipvsSets(family).sourceRanges), goto(chain));
    }),
    rule(goto("drop")),
  ];
}

function servicesRules(): readonly (readonly Expression[])[] {
  const perFamily = (build: (family: Family) => readonly Expression[]) => FAMILIES.map(build);
  return [
    ...perFamily((family) => {
      const { name, daddr } = FIELDS[family];
      return rule(matchFamily(name), vmap([daddr, l4proto, thDport], ipvsSets(family).frontends));
    }),
    // The address is on the node, but what listens on all of the node's addresses is not meant.
    ...perFamily((family) => {
      const { name, daddr } = FIELDS[family];
      return rule(matchFamily(name), inSet([daddr], ipvsSets(family).serviceAddresses), goto("reject"));
    }),
    rule(matchAddressType(fibDaddrType, "local"), verdict("return")),
    ...perFamily((family) => {
      const { name, daddr } = FIELDS[family];
      return rule(matchFamily(name), inSet([daddr], ipvsSets(family).serviceNetworks), goto("reject"));
    }),
  ];
}

/** Creates the table with the frame, which must not be there. */
export function ipvsFrameOperations(): readonly NftOperation[] {
  return [
    { do: "create table", table: { ...IPVS_TABLE, comment: IPVS_LAYOUT } },
    ...ipvsFrameSets().map((set): NftOperation => ({ do: "create set", set })),
    ...ipvsFrameChains().flatMap(({ chain, base, rules }): readonly NftOperation[] => [
      { do: "create chain", chain: { ...IPVS_TABLE, chain, base } },
      ...rules.map((expressions): NftOperation => ({ do: "add rule", rule: { ...IPVS_TABLE, chain, expressions } })),
    ]),
  ];
}

/** Prefixes as ranges, without those that lie in another one: the kernel refuses ranges that overlap. */
export function rangesOf(prefixes: readonly Prefix[], family: Family): readonly (readonly [Uint8Array, Uint8Array])[] {
  const ranges = prefixes
    .filter((prefix) => prefix.family === family)
    .map((prefix) => [addressBytes(networkOf(prefix).address), addressBytes(lastAddress(prefix))] as const)
    .toSorted(([a, aEnd], [b, bEnd]) => Buffer.compare(a, b) || Buffer.compare(bEnd, aEnd));
  const kept: (readonly [Uint8Array, Uint8Array])[] = [];
  for (const range of ranges) {
    const last = kept.at(-1);
    if (last === undefined || Buffer.compare(range[0], last[1]) > 0) kept.push(range);
  }
  return kept;
}

export function intervalsOf(prefixes: readonly Prefix[], family: Family) {
  return rangesOf(prefixes, family).flatMap(([from, to]) => intervalElements(from, to));
}
