/**
 * Which pods the selections in use mean, kept up to date as pods and namespaces change. A change of one label costs as
 * much as there are selections that mention it, however many others there are.
 */
import { type LabelMatcher, labelMatcher } from "#api/selectors/parse-label-selector.ts";
import type { WorldNamespace, WorldPod } from "../policy-world.ts";
import type { PodId } from "../rule-model.ts";
import type { PodSelection } from "../selection.ts";
import { addTo, createSelectorIndex, removeFrom, type SelectorIndex } from "../selector-index.ts";
import { createPodTable } from "./pod-table.ts";

/** `before` undefined: the pod is new in the selection; `after` undefined: it is no more; both: it has other addresses. */
export type SelectionListener = (before: WorldPod | undefined, after: WorldPod | undefined) => void;

export interface SelectedPods {
  readonly pods: Iterable<WorldPod>;
  /** Ends the listening; the last one ends the selection. */
  release(): void;
}

export interface PodSelections {
  setNamespace(namespace: WorldNamespace): void;
  deleteNamespace(name: string): void;
  /** Only pods that policies apply to. */
  setPod(pod: WorldPod): void;
  deletePod(id: PodId): void;
  acquire(selection: PodSelection, listener: SelectionListener): SelectedPods;
}

/** One selection of pods, in the namespaces of its scope. */
interface Entry {
  readonly id: string;
  readonly scope: Scope;
  readonly matcher: LabelMatcher;
  readonly members: Set<Row>;
  readonly listeners: Set<SelectionListener>;
}

/** Namespaces that are meant together: one by name, or those that a selector matches. */
interface Scope {
  readonly id: string;
  readonly matcher: LabelMatcher | undefined;
  readonly namespaces: Set<string>;
  readonly entries: SelectorIndex<Entry>;
}

interface Row {
  readonly pod: WorldPod;
  readonly namespace: string;
  readonly labels: WorldPod["labels"];
  readonly entries: Set<Entry>;
}

export function createPodSelections(): PodSelections {
  const rows = new Map<PodId, Row>();
  const table = createPodTable<Row>();
  const namespaces = new Map<string, WorldNamespace>();
  const entries = new Map<string, Entry>();
  const scopes = new Map<string, Scope>();
  const scopeIndex = createSelectorIndex<Scope>();
  const scopesOfNamespace = new Map<string, Set<Scope>>();

  /** A listener may acquire and release others: who has joined through that, and what has ended, is left alone. */
  function join(entry: Entry, row: Row): void {
    if (row.entries.has(entry) || entries.get(entry.id) !== entry) return;
    entry.members.add(row);
    row.entries.add(entry);
    tell(entry, undefined, row.pod);
  }

  function leave(entry: Entry, row: Row): void {
    entry.members.delete(row);
    row.entries.delete(entry);
    tell(entry, row.pod, undefined);
  }

  function enterScope(scope: Scope, name: string): void {
    if (scope.namespaces.has(name)) return;
    scope.namespaces.add(name);
    addTo(scopesOfNamespace, name, scope);
    for (const row of table.ofNamespace(name)) joinMatching(scope.entries.candidates(row.labels), row);
  }

  function leaveScope(scope: Scope, name: string): void {
    if (!scope.namespaces.delete(name)) return;
    removeFrom(scopesOfNamespace, name, scope);
    for (const row of table.ofNamespace(name)) {
      for (const entry of row.entries) if (entry.scope === scope) leave(entry, row);
    }
  }

  function joinMatching(candidates: Iterable<Entry>, row: Row): void {
    for (const entry of candidates) if (entry.matcher.matches(row.labels)) join(entry, row);
  }

  function scopeOf({ namespaces: selection }: PodSelection, id: string): Scope {
    const known = scopes.get(id);
    if (known !== undefined) return known;
    const matcher = selection.kind === "one" ? undefined : labelMatcher(selection.requirements);
    const scope: Scope = { id, matcher, namespaces: new Set(), entries: createSelectorIndex() };
    scopes.set(id, scope);
    if (selection.kind === "one") {
      enterScope(scope, selection.name);
    } else {
      scopeIndex.add(scope, selection.requirements);
      for (const { name, labels } of namespaces.values()) if (matcher?.matches(labels)) enterScope(scope, name);
    }
    return scope;
  }

  function createEntry(selection: PodSelection): Entry {
    const scope = scopeOf(selection, scopeId(selection));
    const entry: Entry = {
      id: selection.id,
      scope,
      matcher: labelMatcher(selection.pods),
      members: new Set(),
      listeners: new Set(),
    };
    entries.set(entry.id, entry);
    scope.entries.add(entry, selection.pods);
    for (const name of scope.namespaces) {
      for (const row of table.candidates(name, selection.pods)) if (entry.matcher.matches(row.labels)) join(entry, row);
    }
    return entry;
  }

  function deleteEntry(entry: Entry): void {
    entries.delete(entry.id);
    for (const row of entry.members) row.entries.delete(entry);
    const { scope } = entry;
    scope.entries.delete(entry);
    if (scope.entries.size > 0) return;
    scopes.delete(scope.id);
    scopeIndex.delete(scope);
    for (const name of scope.namespaces) removeFrom(scopesOfNamespace, name, scope);
  }

  /** The pod has other labels or addresses. */
  function replaceRow(old: Row, pod: WorldPod): void {
    const row: Row = { pod, namespace: pod.namespace, labels: pod.labels, entries: new Set() };
    const affected = new Set<Entry>();
    for (const scope of scopesOfNamespace.get(pod.namespace) ?? []) {
      for (const entry of scope.entries.affected(old.labels, pod.labels)) affected.add(entry);
    }
    const joining: Entry[] = [];
    for (const entry of affected) {
      const matches = entry.matcher.matches(pod.labels);
      if (old.entries.has(entry) && !matches) leave(entry, old);
      else if (!old.entries.has(entry) && matches) joining.push(entry);
    }
    const hasMoved = !sameAddresses(old.pod, pod);
    for (const entry of old.entries) {
      entry.members.delete(old);
      entry.members.add(row);
      row.entries.add(entry);
      if (hasMoved) tell(entry, old.pod, pod);
    }
    table.delete(old);
    table.add(row);
    rows.set(pod.id, row);
    for (const entry of joining) join(entry, row);
  }

  return {
    setNamespace(namespace) {
      const { name, labels } = namespace;
      const old = namespaces.get(name);
      namespaces.set(name, namespace);
      const affected = old === undefined ? scopeIndex.candidates(labels) : scopeIndex.affected(old.labels, labels);
      for (const scope of affected) {
        if (scope.matcher?.matches(labels)) enterScope(scope, name);
        else leaveScope(scope, name);
      }
    },
    deleteNamespace(name) {
      if (!namespaces.delete(name)) return;
      for (const scope of [...(scopesOfNamespace.get(name) ?? [])]) {
        if (scope.matcher !== undefined) leaveScope(scope, name);
      }
    },
    setPod(pod) {
      const old = rows.get(pod.id);
      if (old !== undefined) {
        replaceRow(old, pod);
        return;
      }
      const row: Row = { pod, namespace: pod.namespace, labels: pod.labels, entries: new Set() };
      rows.set(pod.id, row);
      table.add(row);
      for (const scope of scopesOfNamespace.get(pod.namespace) ?? []) {
        joinMatching(scope.entries.candidates(pod.labels), row);
      }
    },
    deletePod(id) {
      const row = rows.get(id);
      if (row === undefined) return;
      rows.delete(id);
      table.delete(row);
      for (const entry of row.entries) leave(entry, row);
    },
    acquire(selection, listener) {
      const entry = entries.get(selection.id) ?? createEntry(selection);
      entry.listeners.add(listener);
      return {
        pods: [...entry.members].map(({ pod }) => pod),
        release() {
          if (entry.listeners.delete(listener) && entry.listeners.size === 0) deleteEntry(entry);
        },
      };
    },
  };
}

/** Only those who listen already: who begins to while others are told sees the pods as they are. */
function tell({ listeners }: Entry, before: WorldPod | undefined, after: WorldPod | undefined): void {
  for (const listener of [...listeners]) if (listeners.has(listener)) listener(before, after);
}

function scopeId({ namespaces }: PodSelection): string {
  return namespaces.kind === "one"
    ? namespaces.name
    : `[${namespaces.requirements.map(({ key, operator, values }) => `${key} ${operator} ${values.join(",")}`).join(";")}]`;
}

function sameAddresses({ addresses: one }: WorldPod, { addresses: other }: WorldPod): boolean {
  return one.length === other.length && one.every((address, index) => address === other[index]);
}
