/**
 * From the rule model to fragments of the table, entry by entry. Holds the model, knows what depends on what, and answers
 * for each change what has to be compiled anew and whose connections may be decided otherwise.
 */
import type { IpAddress } from "#base/ip-address.ts";
import {
  type AddressSet,
  type AddressSetChange,
  type AddressSetId,
  type DirectionRules,
  type NamedPortTarget,
  type PodId,
  type PodRules,
  type RuleModel,
  type RuleModelChanges,
  ruleKey,
} from "#policy/rule-model.ts";
import {
  addressSetElement,
  compileAddressSet,
  compileDirection,
  compileNamedPort,
  passes,
} from "./compile-direction.ts";
import { compilePod } from "./compile-pod.ts";
import { directionMayForbid, isRestricted, podMayForbid } from "./may-forbid.ts";
import type { ElementDelta, TableChanges } from "./programmed-table.ts";
import {
  copyModel,
  copySet,
  createAddressOwners,
  createReferences,
  type OwnAddressSet,
  type RuleModelState,
} from "./rule-model-state.ts";
import type { Fragment } from "./table-content.ts";

export interface CompiledChange extends TableChanges {
  /** Whose connections may have been allowed before and not be now. */
  readonly judgeAgain: ReadonlySet<IpAddress>;
}

export interface ModelCompiler {
  readonly model: RuleModel;
  isPodAddress(address: IpAddress): boolean;
  /** Of the whole model, by name. */
  fragments(): Map<string, Fragment>;
  change(changes: RuleModelChanges): CompiledChange;
}

export function createModelCompiler(initial: RuleModel): ModelCompiler {
  const model: RuleModelState = copyModel(initial);
  const owners = createAddressOwners();
  const references = createReferences();
  for (const [key, direction] of model.directions) references.setDirection(key, undefined, direction);
  for (const [id, pod] of model.pods) {
    references.setPod(id, undefined, pod);
    owners.set(id, [], pod.addresses);
  }

  const podFragment = (pod: PodRules): Fragment =>
    compilePod(pod, owners.of(pod.pod, pod.addresses), (policy, direction) =>
      model.directions.get(ruleKey(policy, direction)),
    );

  /** What one change after the other adds to. */
  interface Pending {
    readonly pods: Set<PodId>;
    readonly directions: Set<string>;
    readonly sets: Set<AddressSetId>;
    readonly ports: Set<string>;
    readonly deltas: Map<string, ElementDelta>;
    readonly judgeAgain: Set<IpAddress>;
  }

  function changePod(pending: Pending, id: PodId, after: PodRules | undefined): void {
    const before = model.pods.get(id);
    if (after === undefined) model.pods.delete(id);
    else model.pods.set(id, after);
    references.setPod(id, before, after);
    const others = owners.set(id, before?.addresses ?? [], after?.addresses ?? []);
    for (const other of others) pending.pods.add(other);
    pending.pods.add(id);
    // An address that had another pod is judged by other rules now.
    for (const address of others.size > 0 ? (after?.addresses ?? []) : []) pending.judgeAgain.add(address);
    if (after !== undefined && isRestricted(after)) {
      // It may have been nobody's before, or somebody's outside.
      for (const address of after.addresses) if (!before?.addresses.includes(address)) pending.judgeAgain.add(address);
    }
    if (before === undefined || !podMayForbid(before, after)) return;
    for (const address of before.addresses) pending.judgeAgain.add(address);
  }

  function judgePodsOf(pending: Pending, key: string): void {
    for (const pod of references.podsOf(key)) {
      for (const address of model.pods.get(pod)?.addresses ?? []) pending.judgeAgain.add(address);
    }
  }

  function changeDirection(pending: Pending, key: string, after: DirectionRules | undefined): void {
    const before = model.directions.get(key);
    if (after === undefined) model.directions.delete(key);
    else model.directions.set(key, after);
    references.setDirection(key, before, after);
    pending.directions.add(key);
    if (directionMayForbid(before, after)) judgePodsOf(pending, key);
    // The pods' chains jump to chains that exist, and ask whether they pass.
    const form = (rules: DirectionRules | undefined): string => (rules === undefined ? "none" : String(passes(rules)));
    if (form(before) === form(after)) return;
    for (const pod of references.podsOf(key)) pending.pods.add(pod);
  }

  /** A peer that is added to what some rule refuses. */
  function mayRefuse(keys: readonly string[]): boolean {
    return keys.some((key) => model.directions.get(key)?.rules.some(({ action }) => action !== "accept"));
  }

  function changeSet(pending: Pending, id: AddressSetId, change: AddressSetChange | undefined): void {
    const before = model.addressSets.get(id);
    const users = references.directionsOfSet(id);
    if (change?.kind === "delta") {
      changeSetMembers(pending, id, before, change, mayRefuse(users));
      return;
    }
    const after = change === undefined ? undefined : copySet(change.set);
    if (after === undefined) model.addressSets.delete(id);
    else model.addressSets.set(id, after);
    pending.sets.add(id);
    const isBlock = before?.kind === "block" || after?.kind === "block";
    if (isBlock) {
      for (const key of users) {
        pending.directions.add(key);
        judgePodsOf(pending, key);
      }
      return;
    }
    const [old, now] = [membersOf(before), membersOf(after)];
    for (const address of old) if (!now.has(address)) pending.judgeAgain.add(address);
    if (!mayRefuse(users)) return;
    for (const address of now) if (!old.has(address)) pending.judgeAgain.add(address);
  }

  function changeSetMembers(
    pending: Pending,
    id: AddressSetId,
    before: OwnAddressSet | undefined,
    { add, remove }: Extract<AddressSetChange, { readonly kind: "delta" }>,
    refuses: boolean,
  ): void {
    const members = before?.kind === "addresses" ? before.addresses : new Set<IpAddress>();
    for (const address of remove) members.delete(address);
    for (const address of add) members.add(address);
    model.addressSets.set(id, { kind: "addresses", addresses: members });
    for (const address of remove) if (!members.has(address)) pending.judgeAgain.add(address);
    if (refuses) for (const address of add) pending.judgeAgain.add(address);
    if (before?.kind !== "addresses") {
      pending.sets.add(id);
      return;
    }
    pending.deltas.set(setFragment(id), {
      add: add.map((address) => addressSetElement(id, address)),
      remove: remove.filter((address) => !members.has(address)).map((address) => addressSetElement(id, address)),
    });
  }

  function changePort(pending: Pending, key: string, after: readonly NamedPortTarget[] | undefined): void {
    const before = model.namedPorts.get(key) ?? [];
    if (after === undefined) model.namedPorts.delete(key);
    else model.namedPorts.set(key, after);
    pending.ports.add(key);
    const refuses = mayRefuse(references.directionsOfPort(key));
    for (const { address } of refuses ? [...before, ...(after ?? [])] : before) pending.judgeAgain.add(address);
  }

  function compilePending({ pods, directions, sets, ports, deltas, judgeAgain }: Pending): CompiledChange {
    const fragments = new Map<string, Fragment | undefined>();
    for (const id of sets) {
      const set = model.addressSets.get(id);
      fragments.set(setFragment(id), set && compileAddressSet(id, set));
    }
    for (const key of ports) {
      const targets = model.namedPorts.get(key);
      fragments.set(`port ${key}`, targets && compileNamedPort(key, targets));
    }
    for (const key of directions) {
      const direction = model.directions.get(key);
      fragments.set(`direction ${key}`, direction && compileDirection(direction, model.addressSets));
    }
    for (const id of pods) {
      const pod = model.pods.get(id);
      fragments.set(`pod ${id}`, pod && podFragment(pod));
    }
    return { fragments, deltas: new Map([...deltas].filter(([name]) => !fragments.has(name))), judgeAgain };
  }

  return {
    model,
    isPodAddress: (address) => owners.has(address),
    fragments() {
      return new Map<string, Fragment>([
        ...Array.from(model.addressSets, ([id, set]) => [setFragment(id), compileAddressSet(id, set)] as const),
        ...Array.from(model.namedPorts, ([key, targets]) => [`port ${key}`, compileNamedPort(key, targets)] as const),
        ...Array.from(
          model.directions,
          ([key, rules]) => [`direction ${key}`, compileDirection(rules, model.addressSets)] as const,
        ),
        ...Array.from(model.pods, ([id, pod]) => [`pod ${id}`, podFragment(pod)] as const),
      ]);
    },
    change(changes) {
      const pending: Pending = {
        pods: new Set(),
        directions: new Set(),
        sets: new Set(),
        ports: new Set(),
        deltas: new Map(),
        judgeAgain: new Set(),
      };
      for (const [id, change] of changes.addressSets) changeSet(pending, id, change);
      for (const [key, after] of changes.namedPorts) changePort(pending, key, after);
      for (const [key, after] of changes.directions) changeDirection(pending, key, after);
      for (const [id, after] of changes.pods) if (after === undefined) changePod(pending, id, after);
      for (const [id, after] of changes.pods) if (after !== undefined) changePod(pending, id, after);
      return compilePending(pending);
    },
  };
}

function setFragment(id: AddressSetId): string {
  return `set ${id}`;
}

function membersOf(set: AddressSet | undefined): ReadonlySet<IpAddress> {
  return set?.kind === "addresses" ? set.addresses : new Set();
}
