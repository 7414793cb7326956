/** What the kernel has of one port of a Service, and how it gets from one such state to another. */
import type { Family, IpAddress } from "#base/ip-address.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import type { Backend, Frontend, ServicePort } from "#service/service-port.ts";
import { type FrontendChain, frontendChain, frontendKey } from "./balance-chains.ts";
import type { ElementChanges } from "./element-changes.ts";
import {
  backendBytes,
  backendMark,
  frontendBytes,
  hairpinBytes,
  indexedBytes,
  keyText,
  markBytes,
} from "./elements.ts";
import {
  type BackendSets,
  backendSets,
  type ChainRules,
  chainOperations,
  hairpinSet,
  SCOPES,
  type Scope,
  SERVICE_TABLE,
  verdictMap,
} from "./service-table.ts";
import { isSameBackend } from "./slots.ts";

export interface ProgrammedService {
  readonly port: ServicePort;
  /** Those of the port's frontends that no other Service has. */
  readonly frontends: readonly Frontend[];
  /** In the order of their indices in the kernel. */
  readonly cluster: readonly Backend[];
  readonly local: readonly Backend[];
}

/** Changes of the table, collected service by service. */
export interface TablePlan {
  /** By name, those of others before those that lead to them. */
  readonly chains: Map<string, ChainRules>;
  readonly deletedChains: Set<string>;
  readonly elements: ElementChanges;
}

export function createTablePlan(elements: ElementChanges): TablePlan {
  return { chains: new Map(), deletedChains: new Set(), elements };
}

/** Chains first: elements lead to them. */
export function planOperations({ chains, deletedChains, elements }: TablePlan): readonly NftOperation[] {
  return [
    ...[...chains.values()].flatMap(chainOperations),
    ...elements.operations(),
    ...[...deletedChains].map((chain): NftOperation => ({ do: "delete chain", chain: { ...SERVICE_TABLE, chain } })),
  ];
}

/** One frontend as the kernel has it. */
interface ServedFrontend {
  readonly frontend: Frontend;
  readonly bytes: Buffer;
  readonly served: FrontendChain;
}

export function servedFrontends(service: ProgrammedService | undefined): ReadonlyMap<string, ServedFrontend> {
  if (service === undefined) return new Map();
  const { port, frontends, cluster, local } = service;
  const counts = { cluster: cluster.length, local: local.length };
  return new Map(
    frontends.map((frontend) => {
      const bytes = frontendBytes(port, frontend);
      return [keyText(bytes), { frontend, bytes, served: frontendChain(port, frontend, counts) }];
    }),
  );
}

/** Adds what leads from `before` to `after` to the plan; undefined where there is no such Service. */
export function planService(
  plan: TablePlan,
  before: ProgrammedService | undefined,
  after: ProgrammedService | undefined,
): void {
  const old = servedFrontends(before);
  const current = servedFrontends(after);
  const family = (after ?? before)?.port.family ?? 4;
  for (const [text, { frontend, bytes, served }] of old) {
    const next = current.get(text);
    if (next?.served.chain !== served.chain || before?.port.id !== after?.port.id) {
      plan.elements.delete(verdictMap(frontendKey(frontend), family), { key: bytes, data: gotoChain(served.chain) });
      if (served.isOwn) plan.deletedChains.add(served.chain);
    }
    planBackends(plan, { service: before, at: old.get(text) }, { service: after, at: next });
  }
  for (const [text, { frontend, bytes, served }] of current) {
    const previous = old.get(text);
    if (previous?.served.chain !== served.chain) {
      for (const chain of served.needs) plan.chains.set(chain.chain, chain);
      const data = gotoChain(served.chain);
      plan.elements.add(verdictMap(frontendKey(frontend), family), { key: bytes, data, comment: after?.port.id });
    }
    if (previous === undefined) planBackends(plan, undefined, { service: after, at: current.get(text) });
  }
  // A chain of its own that a frontend leaves may be that of another frontend.
  for (const { served } of current.values()) plan.deletedChains.delete(served.chain);
}

function gotoChain(chain: string): { readonly verdict: "goto"; readonly chain: string } {
  return { verdict: "goto", chain };
}

interface Side {
  readonly service: ProgrammedService | undefined;
  readonly at: ServedFrontend | undefined;
}

const NO_BACKENDS: readonly Backend[] = [];

function planBackends(plan: TablePlan, before: Side | undefined, after: Side): void {
  const { at } = after.at === undefined ? (before ?? after) : after;
  const port = (after.service ?? before?.service)?.port;
  if (at === undefined || port === undefined) return;
  for (const scope of SCOPES) {
    const old = backendsOf(before, scope);
    const current = backendsOf(after, scope);
    const sets = backendSets(frontendKey(at.frontend), scope, port.family);
    for (let index = 0; index < Math.max(old.length, current.length); index++) {
      const [was, is] = [old[index], current[index]];
      if (was !== undefined && is !== undefined && (was === is || isSameBackend(was, is))) continue;
      const key = indexedBytes(at.bytes, index);
      if (was !== undefined) plan.elements.delete(sets.endpoints, { key, data: backendBytes(was) });
      if (is !== undefined) plan.elements.add(sets.endpoints, { key, data: backendBytes(is) });
    }
    if (hasAffinity(before) || hasAffinity(after)) {
      planAffinity(plan, sets, at.bytes, [
        hasAffinity(before) ? old : NO_BACKENDS,
        hasAffinity(after) ? current : NO_BACKENDS,
      ]);
    }
  }
}

/** The index leads to a backend's mark, which stays the same as long as the backend is there, and the mark to the backend. */
function planAffinity(
  plan: TablePlan,
  { affinityMarks, affinityBackends }: BackendSets,
  frontend: Buffer,
  [old, current]: readonly [readonly Backend[], readonly Backend[]],
): void {
  for (let index = 0; index < Math.max(old.length, current.length); index++) {
    const [was, is] = [old[index], current[index]];
    if (was !== undefined && is !== undefined && (was === is || isSameBackend(was, is))) continue;
    const key = indexedBytes(frontend, index);
    if (was !== undefined) plan.elements.delete(affinityMarks, { key, data: markBytes(backendMark(was)) });
    if (is !== undefined) plan.elements.add(affinityMarks, { key, data: markBytes(backendMark(is)) });
  }
  const [was, is] = [byMark(old), byMark(current)];
  for (const [mark, backend] of was) {
    const next = is.get(mark);
    if (next !== undefined && isSameBackend(next, backend)) continue;
    plan.elements.delete(affinityBackends, { key: indexedBytes(frontend, mark), data: backendBytes(backend) });
  }
  for (const [mark, backend] of is) {
    const previous = was.get(mark);
    if (previous !== undefined && isSameBackend(previous, backend)) continue;
    plan.elements.add(affinityBackends, { key: indexedBytes(frontend, mark), data: backendBytes(backend) });
  }
}

/** Of two backends with one mark, which is 1 in 2^32, the first by its text takes the clients of both. */
function byMark(backends: readonly Backend[]): ReadonlyMap<number, Backend> {
  const marks = new Map<number, Backend>();
  for (const backend of backends) {
    const mark = backendMark(backend);
    const other = marks.get(mark);
    if (other === undefined || backend.address < other.address) marks.set(mark, backend);
  }
  return marks;
}

function backendsOf(side: Side | undefined, scope: Scope): readonly Backend[] {
  if (side?.service === undefined || side.at === undefined) return NO_BACKENDS;
  return side.at.served.scopes.includes(scope) ? side.service[scope] : NO_BACKENDS;
}

function hasAffinity(side: Side | undefined): boolean {
  return side?.service?.port.affinityTimeoutSeconds !== undefined;
}

/** How many backends of Services each pod of this node is: such a pod may reach itself. */
export type HairpinCounts = Map<IpAddress, number>;

/** Addresses of the Service's backends that are pods of this node, once each. */
export function hairpinAddresses(
  service: ProgrammedService | undefined,
  isNodePod: (address: IpAddress) => boolean,
): ReadonlySet<IpAddress> {
  const addresses = new Set<IpAddress>();
  if (service === undefined || service.frontends.length === 0) return addresses;
  for (const { address } of service.local) addresses.add(address);
  for (const { address } of service.cluster) if (isNodePod(address)) addresses.add(address);
  return addresses;
}

export function planHairpin(plan: TablePlan, family: Family, address: IpAddress, step: "add" | "delete"): void {
  plan.elements[step](hairpinSet(family), { key: hairpinBytes(address) });
}
