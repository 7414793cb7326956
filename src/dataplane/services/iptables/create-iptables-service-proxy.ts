/**
 * Services by iptables, for hosts and habits that need it: rules and chains as kube-proxy writes them, so that what reads
 * those can read these. A packet of a new connection passes the rules of all Services before its own; a change costs a
 * process, which reads the ruleset where iptables stands on nf_tables. Prefer nftables.
 */
import type { Family } from "#base/ip-address.ts";
import type { ServicePort, ServicePortChanges } from "#service/service-port.ts";
import type { AsyncServiceProxy, ServiceProxyNode } from "../contract.ts";
import {
  claimantsOf,
  conflictsOf,
  type FrontendClaimChanges,
  type FrontendClaims,
  keepClaims,
  ownerOf,
  planClaims,
  usableFrontends,
} from "../frontend-claims.ts";
import { type OwnedService, renderService } from "./render-service.ts";
import {
  editText,
  frameRules,
  fullRules,
  parseSaved,
  planChains,
  planServiceEdit,
  type RuleSet,
  TABLES,
} from "./rule-set.ts";
import { createIptablesCommands, type IptablesCommands } from "./run-iptables.ts";

export interface IptablesServiceProxyDeps {
  /** A command that runs its arguments in the node's namespace, such as `nsenter --net=… --`; default: none. */
  readonly enter?: readonly string[];
  /** Default: the programs of iptables. */
  readonly commands?: IptablesCommands;
}

interface State {
  readonly node: ServiceProxyNode;
  readonly services: Map<string, OwnedService>;
  readonly claims: FrontendClaims;
}

const FAMILIES: readonly Family[] = [4, 6];

export function createIptablesServiceProxy({
  enter = [],
  commands = createIptablesCommands(enter),
}: IptablesServiceProxyDeps = {}): AsyncServiceProxy {
  let state: State | undefined;

  async function observe(family: Family): Promise<RuleSet> {
    const [nat, filter] = await Promise.all([commands.save(family, "nat"), commands.save(family, "filter")]);
    return { nat: parseSaved(nat), filter: parseSaved(filter) };
  }

  /** What is to be written in each family. */
  async function planAll(wanted: (family: Family) => RuleSet): Promise<ReadonlyMap<Family, string>> {
    const texts = new Map<Family, string>();
    for (const family of FAMILIES) {
      const [present, rules] = [await observe(family), wanted(family)];
      texts.set(family, TABLES.map((table) => editText(table, planChains(present[table], rules[table]))).join(""));
    }
    return texts;
  }

  async function write(texts: ReadonlyMap<Family, string>): Promise<readonly string[]> {
    for (const [family, text] of texts) if (text !== "") await commands.restore(family, text);
    return describe(texts);
  }

  return {
    name: "iptables",
    async sync(node, desired) {
      const next: State = { node, services: new Map(), claims: new Map() };
      const ports = [...desired].map(([id, port]) => ({ id, before: [], after: usableFrontends(port).keys() }));
      keepClaims(next.claims, planClaims(next.claims, ports));
      for (const [id, port] of desired)
        next.services.set(
          id,
          owned(port, (text) => ownerOf(next.claims.get(text))),
        );
      const changes = await write(await planAll((family) => rulesOf(next, family)));
      state = next;
      const conflicts = [...next.claims].flatMap(([frontend, claimants]) =>
        claimantsOf(claimants).length > 1 ? conflictsOf(frontend, claimants) : [],
      );
      return { changes, conflicts };
    },
    async update(changes) {
      if (state === undefined) throw new Error("Cannot change Services: they were not synced before");
      const { claims, services } = planUpdate(state, changes);
      const { node } = state;
      const texts = new Map<Family, string>();
      for (const family of FAMILIES) {
        const ofFamily = [...services].flatMap(([id, after]) => {
          const before = state?.services.get(id);
          if ((after ?? before)?.port.family !== family) return [];
          return [[before && renderService(before, node), after && renderService(after, node)] as const];
        });
        texts.set(family, TABLES.map((table) => editText(table, planServiceEdit(table, ofFamily))).join(""));
      }
      const written = await write(texts);
      keepClaims(state.claims, claims);
      for (const [id, service] of services) {
        if (service === undefined) state.services.delete(id);
        else state.services.set(id, service);
      }
      return { changes: written, conflicts: [...claims].flatMap(([text, claimants]) => conflictsOf(text, claimants)) };
    },
    async drift() {
      const known = state;
      return known === undefined ? [] : describe(await planAll((family) => rulesOf(known, family)));
    },
    async remove() {
      state = undefined;
      const nothing: RuleSet = { nat: EMPTY, filter: EMPTY };
      await write(await planAll(() => nothing));
    },
    async [Symbol.asyncDispose]() {
      state = undefined;
    },
  };
}

/** The kernel's own chains without a rule of ours. */
const EMPTY = new Map(["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"].map((chain) => [chain, []] as const));

function rulesOf({ node, services }: State, family: Family): RuleSet {
  const ofFamily = [...services.values()].filter(({ port }) => port.family === family);
  return fullRules(
    frameRules(node, family),
    ofFamily.map((service) => renderService(service, node)),
  );
}

function owned(port: ServicePort, owner: (frontend: string) => string | undefined): OwnedService {
  const frontends = [...usableFrontends(port)]
    .filter(([text]) => owner(text) === port.id)
    .map(([, frontend]) => frontend);
  return { port, frontends };
}

interface UpdatePlan {
  readonly claims: FrontendClaimChanges;
  readonly services: ReadonlyMap<string, OwnedService | undefined>;
}

function planUpdate(state: State, changes: ServicePortChanges): UpdatePlan {
  const claims = planClaims(
    state.claims,
    [...changes].map(([id, port]) => {
      const before = state.services.get(id);
      return {
        id,
        before: before === undefined ? [] : usableFrontends(before.port).keys(),
        after: port === undefined ? [] : usableFrontends(port).keys(),
      };
    }),
  );
  const affected = new Set(changes.keys());
  for (const [frontend, claimants] of claims) {
    for (const owner of [ownerOf(state.claims.get(frontend)), ownerOf(claimants)]) {
      if (owner !== undefined) affected.add(owner);
    }
  }
  const services = new Map<string, OwnedService | undefined>();
  for (const id of affected) {
    const port = changes.has(id) ? changes.get(id) : state.services.get(id)?.port;
    const ownerNow = (text: string) => ownerOf(claims.has(text) ? claims.get(text) : state.claims.get(text));
    services.set(id, port && owned(port, ownerNow));
  }
  return { claims, services };
}

function describe(texts: ReadonlyMap<Family, string>): readonly string[] {
  return [...texts].flatMap(([family, text]) => {
    const lines = text.split("\n").filter((line) => /^[:-]/.test(line));
    return lines.map((line) => `${family === 4 ? "iptables" : "ip6tables"} ${line}`);
  });
}
