/**
 * Chains that serve frontends. A name says all that its rules do, so that Services share them, and a chain that is there is
 * the right one: `service4-outside-cluster-3` masquerades what comes from outside the pod networks and spreads over 3 backends
 * of the cluster. Only source ranges belong to one Service, and have a chain of their own.
 */
import { createHash } from "node:crypto";
import { addressBytes, type Family, formatPrefix, type Prefix } from "#base/ip-address.ts";
import { dnatAndRemember, dnatRemembered, numgenRandom } from "#kernel/nfnetlink/balance-statements.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import { fibSaddrType } from "#kernel/nfnetlink/selectors.ts";
import {
  dnatMap,
  goto,
  inSet,
  matchAddressType,
  matchFamily,
  matchPrefix,
  rule,
  type Statement,
  setMarkBits,
  verdict,
} from "#kernel/nfnetlink/statements.ts";
import type { Frontend, ServicePort } from "#service/service-port.ts";
import {
  backendSets,
  type ChainRules,
  DROP,
  FIELDS,
  type FrontendKey,
  frontendSelectors,
  MASQUERADE_MARK,
  nodeSets,
  REJECT,
  type Scope,
} from "./service-table.ts";

/** Who gets the node's address as source: nobody, all, or what comes from outside the pod networks. */
type Masquerade = "never" | "always" | "outside";

interface Balance {
  readonly key: FrontendKey;
  readonly family: Family;
  readonly masquerade: Masquerade;
  readonly scope: Scope;
  /** Backends; at least 1. */
  readonly count: number;
  readonly affinitySeconds: number | undefined;
}

/** What serves a frontend. */
export interface FrontendChain {
  readonly chain: string;
  /** The chain and those that it leads to, these first; none of the frame's. */
  readonly needs: readonly ChainRules[];
  /** Lists of backends that it looks into. */
  readonly scopes: readonly Scope[];
  /** The chain is for this frontend alone, and goes with it. */
  readonly isOwn: boolean;
}

export interface Counts {
  readonly cluster: number;
  readonly local: number;
}

export function frontendKey({ kind }: Frontend): FrontendKey {
  return kind === "nodePort" ? "node_port" : "service";
}

export function frontendChain(port: ServicePort, frontend: Frontend, counts: Counts): FrontendChain {
  if (counts.cluster + counts.local === 0) return { chain: REJECT, needs: [], scopes: [], isOwn: false };
  const served = withoutRanges(port, frontend, counts);
  const { sourceRanges } = frontend;
  if (sourceRanges === undefined || served.chain === REJECT) return served;
  const own = rangesChain(port, sourceRanges, served.chain);
  return { chain: own.chain, needs: [...served.needs, own], scopes: served.scopes, isOwn: true };
}

function withoutRanges(
  { family, affinityTimeoutSeconds: affinitySeconds }: ServicePort,
  frontend: Frontend,
  { cluster, local }: Counts,
): FrontendChain {
  const key = frontendKey(frontend);
  const balance = { key, family, affinitySeconds };
  const isOwn = false;
  if (frontend.kind === "clusterIP") {
    const masquerade = "outside";
    if (frontend.traffic === "cluster") {
      const needs = balanceChain({ ...balance, masquerade, scope: "cluster", count: cluster });
      return { chain: needs.chain, needs: needs.rules.length === 0 ? [] : [needs], scopes: ["cluster"], isOwn };
    }
    // internalTrafficPolicy Local holds for everybody.
    const needs = balanceChain({ ...balance, masquerade, scope: "local", count: local });
    return { chain: needs.chain, needs: needs.rules.length === 0 ? [] : [needs], scopes: ["local"], isOwn };
  }
  const always = balanceChain({ ...balance, masquerade: "always", scope: "cluster", count: cluster });
  if (frontend.traffic === "cluster") {
    return { chain: always.chain, needs: always.rules.length === 0 ? [] : [always], scopes: ["cluster"], isOwn };
  }
  const never = balanceChain({ ...balance, masquerade: "never", scope: "cluster", count: cluster });
  const outside = balanceChain({ ...balance, masquerade: "never", scope: "local", count: local });
  const split = externalLocalChain({ key, family, affinitySeconds, cluster, local }, { always, never, outside });
  const targets = [always, never, outside].filter(({ rules }) => rules.length > 0);
  return { chain: split.chain, needs: [...targets, split], scopes: ["cluster", "local"], isOwn };
}

/** Without backends it is a chain of the frame, and has no rules here. */
function balanceChain(balance: Balance): ChainRules {
  const { key, family, masquerade, scope, count, affinitySeconds } = balance;
  if (count === 0) return { chain: scope === "cluster" ? REJECT : DROP, rules: [] };
  const affinity = affinitySeconds === undefined ? "" : `-${affinitySeconds}s`;
  const chain = `${key}${family}-${masquerade}-${scope}-${count}${affinity}`;
  return { chain, rules: [...markRules(masquerade, family), ...translateRules(balance)] };
}

function markRules(masquerade: Masquerade, family: Family): readonly (readonly Expression[])[] {
  const { name, saddr } = FIELDS[family];
  const mark = setMarkBits(MASQUERADE_MARK);
  if (masquerade === "never") return [];
  if (masquerade === "always") return [rule(mark)];
  return [rule(matchFamily(name), inSet([saddr], nodeSets(family).podNetworks, "!="), mark)];
}

function translateRules({ key, family, scope, count, affinitySeconds }: Balance): readonly (readonly Expression[])[] {
  const { name, saddr } = FIELDS[family];
  const { endpoints, affinity, affinityMarks, affinityBackends } = backendSets(key, scope, family);
  const frontend = frontendSelectors(key, family);
  const index = numgenRandom(count);
  const plain = rule(matchFamily(name), dnatMap(name, [...frontend, index], endpoints));
  if (affinitySeconds === undefined) return [plain];
  const sticky = {
    family: name,
    client: saddr,
    frontend,
    memory: affinity,
    backends: affinityBackends,
    timeoutMs: affinitySeconds * 1000,
  };
  return [
    rule(matchFamily(name), dnatRemembered(sticky)),
    rule(matchFamily(name), dnatAndRemember(sticky, affinityMarks, index)),
    plain, // the memory is full
  ];
}

interface ExternalLocal {
  readonly key: FrontendKey;
  readonly family: Family;
  readonly affinitySeconds: number | undefined;
  readonly cluster: number;
  readonly local: number;
}

/** externalTrafficPolicy Local: who comes from outside keeps the address and is served here or not at all. */
function externalLocalChain(
  { key, family, affinitySeconds, cluster, local }: ExternalLocal,
  targets: Readonly<Record<"always" | "never" | "outside", ChainRules>>,
): ChainRules {
  const { name, saddr } = FIELDS[family];
  const affinity = affinitySeconds === undefined ? "" : `-${affinitySeconds}s`;
  return {
    chain: `${key}${family}-external-${cluster}-local-${local}${affinity}`,
    rules: [
      rule(matchFamily(name), matchAddressType(fibSaddrType, "local"), goto(targets.always.chain)),
      rule(matchFamily(name), inSet([saddr], nodeSets(family).nodePods), goto(targets.never.chain)),
      rule(goto(targets.outside.chain)),
    ],
  };
}

function rangesChain({ id, family }: ServicePort, ranges: readonly Prefix[], target: string): ChainRules {
  const { name, saddr } = FIELDS[family];
  const ofFamily = ranges.filter((range) => range.family === family);
  const identity = [id, target, ...ofFamily.map(formatPrefix)].join(" ");
  const accept: Statement = goto(target);
  return {
    chain: `ranges${family}-${createHash("sha256").update(identity).digest("hex").slice(0, 16)}`,
    comment: id,
    rules: [
      rule(matchFamily(name), matchAddressType(fibSaddrType, "local"), accept),
      ...ofFamily.map(({ address, length }) =>
        rule(matchFamily(name), matchPrefix(saddr, "==", addressBytes(address), length), accept),
      ),
      rule(verdict("drop")),
    ],
  };
}
