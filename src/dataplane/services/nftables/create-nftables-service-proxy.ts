/**
 * Services by nf_tables. Remembers what it has put into the kernel, so that a change costs what it changes; compares with
 * the kernel when it is asked to `sync`. A packet's way through the table: service-table.ts.
 */
import type { IpAddress } from "#base/ip-address.ts";
import { familyOf } from "#base/ip-address.ts";
import { findTable, readGeneration } from "#kernel/nfnetlink/nft-query.ts";
import { describeOperation, type NftOperation } from "#kernel/nfnetlink/operation.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { ServicePort, ServicePortChanges, ServicePorts } from "#service/service-port.ts";
import type { FrontendConflict, ServiceProxy, ServiceProxyNode } from "../contract.ts";
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
import { collectChanges } from "./element-changes.ts";
import { createPrefixTest } from "./node-pods.ts";
import { observeTable, type TableLook } from "./observe-table.ts";
import { observedSlots, planElements, planSync } from "./plan-sync.ts";
import {
  createTablePlan,
  type HairpinCounts,
  hairpinAddresses,
  type ProgrammedService,
  planHairpin,
  planOperations,
  planService,
  type TablePlan,
} from "./programmed-service.ts";
import { SERVICE_TABLE } from "./service-table.ts";
import { assignSlots } from "./slots.ts";

export interface NftablesServiceProxyDeps {
  /** Of the node's namespace; stays the caller's. */
  readonly nft: NftSocket;
}

/** What is in the kernel. */
interface State {
  readonly node: ServiceProxyNode;
  readonly isNodePod: (address: IpAddress) => boolean;
  readonly services: Map<string, ProgrammedService>;
  readonly claims: FrontendClaims;
  /** Frontends that more than one wants. */
  readonly contested: Set<string>;
  readonly hairpins: HairpinCounts;
  readonly chains: Set<string>;
  /** Generation of the ruleset at which the table was known to be so. */
  generation: number | undefined;
}

export function createNftablesServiceProxy({ nft }: NftablesServiceProxyDeps): ServiceProxy {
  let state: State | undefined;

  /** Commits, and knows whether it was alone. */
  function commit(operations: readonly NftOperation[], operation: string, known: number | undefined) {
    if (operations.length === 0) return known;
    nft.commit(operations, operation);
    const after = readGeneration(nft);
    return known !== undefined && after === known + 1 ? after : undefined;
  }

  return {
    name: "nftables",
    sync(node, desired) {
      const known = readGeneration(nft);
      const look = observeTable(nft);
      const [next, full] = planState(node, desired, look);
      const operations = planSync(look, node, full);
      next.generation = commit(operations, "program all Services", known);
      state = next;
      return { changes: describeOperations(operations), conflicts: allConflicts(next) };
    },
    update(changes) {
      if (state === undefined) throw new Error("Cannot change Services: they were not synced before");
      const { plan, claims, keep } = planUpdate(state, changes);
      const operations = planOperations(plan);
      state.generation = commit(operations, "program changed Services", state.generation);
      keep();
      const conflicts = [...claims].flatMap(([frontend, claimants]) => conflictsOf(frontend, claimants));
      return { changes: describeOperations(operations), conflicts };
    },
    drift() {
      if (state === undefined) return [];
      const generation = readGeneration(nft);
      if (generation === state.generation) return [];
      const operations = planRepair(state, observeTable(nft));
      if (operations.length === 0) state.generation = generation;
      return describeOperations(operations);
    },
    remove() {
      state = undefined;
      if (findTable(nft, SERVICE_TABLE) === undefined) return;
      nft.commit([{ do: "delete table", table: SERVICE_TABLE }], "remove all Services");
    },
    async [Symbol.asyncDispose]() {
      state = undefined;
    },
  };
}

function planRepair(state: State, look: TableLook): readonly NftOperation[] {
  const ports = new Map([...state.services].map(([id, { port }]) => [id, port]));
  const [, full] = planState(state.node, ports, look);
  return planSync(look, state.node, full);
}

/** The state that is wanted, its backends in the places that they have in the kernel, and all that it consists of. */
function planState(node: ServiceProxyNode, desired: ServicePorts, look: TableLook): readonly [State, TablePlan] {
  const state: State = {
    node,
    isNodePod: createPrefixTest(node.nodePods),
    services: new Map(),
    claims: new Map(),
    contested: new Set(),
    hairpins: new Map(),
    chains: new Set(),
    generation: undefined,
  };
  const frontendsOf = new Map([...desired].map(([id, port]) => [id, usableFrontends(port)]));
  const claims = planClaims(
    state.claims,
    [...frontendsOf].map(([id, frontends]) => ({ id, before: [], after: frontends.keys() })),
  );
  keepAllClaims(state, claims);
  const full = createTablePlan(planElements(look));
  for (const [id, port] of desired) {
    const service = programmed(port, (frontend) => ownerOf(state.claims.get(frontend)), undefined, look);
    state.services.set(id, service);
    planService(full, undefined, service);
    countHairpins(state.hairpins, hairpinAddresses(service, state.isNodePod), 1);
  }
  for (const address of state.hairpins.keys()) planHairpin(full, familyOf(address), address, "add");
  for (const chain of full.chains.keys()) state.chains.add(chain);
  return [state, full];
}

function programmed(
  port: ServicePort,
  owner: (frontend: string) => string | undefined,
  before: ProgrammedService | undefined,
  look?: TableLook,
): ProgrammedService {
  const usable = usableFrontends(port);
  const owned = [...usable].filter(([text]) => owner(text) === port.id).map(([, frontend]) => frontend);
  const frontends = owned.length === port.frontends.length ? port.frontends : owned;
  const observed = look?.observed;
  const inKernel = (scope: "cluster" | "local") => {
    if (observed === undefined) return [];
    // Frontends of one port have the same order, but one may never have been written.
    const lists = frontends.map((frontend) => observedSlots(observed, port, frontend, scope));
    return lists.find((list) => list.length > 0) ?? [];
  };
  return {
    port,
    frontends,
    cluster: assignSlots(before?.cluster ?? inKernel("cluster"), port.cluster),
    local: assignSlots(before?.local ?? inKernel("local"), port.local),
  };
}

interface UpdatePlan {
  readonly plan: TablePlan;
  readonly claims: FrontendClaimChanges;
  /** To be called once the kernel has it. */
  readonly keep: () => void;
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
  const claimantsNow = (frontend: string) => (claims.has(frontend) ? claims.get(frontend) : state.claims.get(frontend));
  const affected = new Set(changes.keys());
  for (const [frontend, claimants] of claims) {
    for (const owner of [ownerOf(state.claims.get(frontend)), ownerOf(claimants)])
      if (owner !== undefined) affected.add(owner);
  }
  const plan = createTablePlan(collectChanges());
  const hairpins: HairpinCounts = new Map();
  const services = new Map<string, ProgrammedService | undefined>();
  for (const id of affected) {
    const before = state.services.get(id);
    const port = changes.has(id) ? changes.get(id) : before?.port;
    const after = port && programmed(port, (frontend) => ownerOf(claimantsNow(frontend)), before);
    services.set(id, after);
    planService(plan, before, after);
    countHairpins(hairpins, hairpinAddresses(before, state.isNodePod), -1);
    countHairpins(hairpins, hairpinAddresses(after, state.isNodePod), 1);
  }
  for (const [address, difference] of hairpins) {
    const count = state.hairpins.get(address) ?? 0;
    if (count === 0 && difference > 0) planHairpin(plan, familyOf(address), address, "add");
    if (count > 0 && count + difference === 0) planHairpin(plan, familyOf(address), address, "delete");
  }
  for (const chain of plan.chains.keys()) {
    if (plan.deletedChains.delete(chain) || state.chains.has(chain)) plan.chains.delete(chain);
  }
  return {
    plan,
    claims,
    keep() {
      keepAllClaims(state, claims);
      for (const [id, service] of services) {
        if (service === undefined) state.services.delete(id);
        else state.services.set(id, service);
      }
      countHairpinChanges(state.hairpins, hairpins);
      for (const chain of plan.chains.keys()) state.chains.add(chain);
      for (const chain of plan.deletedChains) state.chains.delete(chain);
    },
  };
}

function countHairpins(counts: HairpinCounts, addresses: Iterable<IpAddress>, step: 1 | -1): void {
  for (const address of addresses) counts.set(address, (counts.get(address) ?? 0) + step);
}

function countHairpinChanges(counts: HairpinCounts, differences: HairpinCounts): void {
  for (const [address, difference] of differences) {
    const count = (counts.get(address) ?? 0) + difference;
    if (count === 0) counts.delete(address);
    else counts.set(address, count);
  }
}

function keepAllClaims(state: State, changes: FrontendClaimChanges): void {
  keepClaims(state.claims, changes);
  for (const [frontend, claimants] of changes) {
    if (claimantsOf(claimants).length > 1) state.contested.add(frontend);
    else state.contested.delete(frontend);
  }
}

function allConflicts({ contested, claims }: State): readonly FrontendConflict[] {
  return [...contested].toSorted().flatMap((frontend) => conflictsOf(frontend, claims.get(frontend)));
}

/** As `nft` says it. */
function describeOperations(operations: readonly NftOperation[]): readonly string[] {
  return operations.map(describeOperation);
}
