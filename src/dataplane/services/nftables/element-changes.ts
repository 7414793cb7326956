/**
 * Elements that a plan adds and takes away, by set. They are packed while they come: a plan of everything is a hundred
 * thousand of them, and what is left of each is its bytes in the message.
 */
import type { NftOperation, PackedElements } from "#kernel/nfnetlink/operation.ts";
import { packElements } from "#kernel/nfnetlink/operation-messages.ts";
import type { ElementRun, NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import { contentText, keyText } from "./elements.ts";
import { SERVICE_TABLE } from "./service-table.ts";

/** An element with its data, also where it goes. */
export interface PlannedElement extends NftSetElement {
  readonly key: Buffer;
}

export interface ElementChanges {
  add(set: string, element: PlannedElement): void;
  delete(set: string, element: PlannedElement): void;
  /** What is deleted before what is added: the same key may be both. */
  operations(): readonly NftOperation[];
}

export function collectChanges(): ElementChanges {
  const deleted = new Map<string, Collected>();
  const added = new Map<string, Collected>();
  return {
    add: (set, element) => collectedIn(added, set).push(element),
    delete: (set, { key }) => collectedIn(deleted, set).push({ key }),
    operations: () => [
      ...[...deleted].map(([set, { elements }]): NftOperation => ({ do: "delete elements", ...inSet(set, elements) })),
      ...[...added].map(([set, { elements }]): NftOperation => ({ do: "create elements", ...inSet(set, elements) })),
    ],
  };
}

/**
 * What makes a table that has these elements one with those that are added, and no others. What is right in the kernel
 * is taken out of `present` (see ObservedTable), so that at the end it holds what is too much.
 */
export function compareChanges(present: ReadonlyMap<string, Map<string, string>>): ElementChanges {
  const changes = collectChanges();
  return {
    add(set, element) {
      const elements = present.get(set);
      const text = keyText(element.key);
      if (elements?.get(text) === contentText(element)) elements.delete(text);
      else changes.add(set, element);
    },
    delete: changes.delete,
    operations() {
      for (const [set, elements] of present) {
        for (const text of elements.keys()) changes.delete(set, { key: Buffer.from(text, "latin1") });
      }
      return changes.operations();
    },
  };
}

/** So many are kept as objects until they are packed. */
const PENDING = 500;

interface Collected {
  push(element: NftSetElement): void;
  readonly elements: readonly NftSetElement[] | PackedElements;
}

function createCollected(): Collected {
  const runs: ElementRun[] = [];
  let pending: NftSetElement[] = [];
  let length = 0;
  return {
    push(element) {
      pending.push(element);
      length++;
      if (pending.length < PENDING) return;
      runs.push(...packElements(pending));
      pending = [];
    },
    get elements() {
      return runs.length === 0 ? pending : { length, runs: [...runs, ...packElements(pending)] };
    },
  };
}

function collectedIn(sets: Map<string, Collected>, set: string): Collected {
  const known = sets.get(set);
  if (known !== undefined) return known;
  const collected = createCollected();
  sets.set(set, collected);
  return collected;
}

function inSet(set: string, elements: Collected["elements"]) {
  return { set: { ...SERVICE_TABLE, set }, elements };
}
