/**
 * Sets of fields, in the very form in which managedFields carries them: nested objects whose keys are steps. A node
 * without keys is a field of the set, a node with keys is one only if it has the key ".". Sets are never changed in
 * place; operations cost as much as what the smaller set names and share the rest, because they run on every write.
 * Source: Kubernetes API reference, FieldsV1; structured-merge-diff.
 */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { parseStep, printStep, SELF } from "./path-element.ts";

export interface FieldNode {
  readonly [step: string]: FieldNode;
}

/** undefined: no field at all. */
export type FieldSet = FieldNode | undefined;

/** A node that is being built. */
export type MutableNode = Record<string, FieldNode>;

/** A field of the set that has none below it. */
export const FIELD: FieldNode = Object.freeze({});

export function isField(node: FieldNode): boolean {
  return isLeaf(node) || SELF in node;
}

function isLeaf(node: FieldNode): boolean {
  for (const _ in node) return false;
  return true;
}

/** The node under this step. Steps have a prefix, so they are never names of Object's own members. */
export function below(node: FieldSet, step: string): FieldSet {
  return node?.[step];
}

/** Steps in order; a field with fields below it gets its ".". */
export function nodeOf(children: MutableNode, self: boolean): FieldSet {
  const steps = Object.keys(children);
  if (steps.length === 0) return self ? FIELD : undefined;
  const node: MutableNode = {};
  if (self) node[SELF] = FIELD;
  for (const step of steps.length > 1 ? steps.sort() : steps) copyStep(node, children, step);
  return node;
}

function copyStep(target: MutableNode, source: FieldNode, step: string): void {
  const child = source[step];
  if (child !== undefined) target[step] = child;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === undefined || a === b) return b;
  if (b === undefined) return a;
  if (isLeaf(b)) return isField(a) ? a : nodeOf({ ...a }, true);
  if (isLeaf(a)) return SELF in b ? b : nodeOf({ ...b }, true);
  let result: MutableNode | undefined;
  let hasNewStep = false;
  for (const step in b) {
    const before = a[step];
    const after = union(before, b[step]);
    if (after === undefined || after === before) continue;
    result ??= { ...a };
    result[step] = after;
    hasNewStep ||= before === undefined;
  }
  if (result === undefined) return a;
  return hasNewStep ? sorted(result) : result;
}

function sorted(node: MutableNode): FieldNode {
  const ordered: MutableNode = {};
  for (const step of Object.keys(node).sort()) copyStep(ordered, node, step);
  return ordered;
}

/** Fields of `a` that are not in `b`; `a` itself when `b` has none of them. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (a === undefined || b === undefined) return a;
  if (a === b) return undefined;
  if (isLeaf(a)) return isField(b) ? undefined : a;
  if (isLeaf(b)) return SELF in a ? without(a, { [SELF]: undefined }) : a;
  let changes: Record<string, FieldSet> | undefined;
  for (const step in b) {
    const before = a[step];
    if (before === undefined) continue;
    const after = step === SELF ? undefined : difference(before, b[step]);
    if (after === before) continue;
    changes ??= {};
    changes[step] = after;
  }
  return changes === undefined ? a : without(a, changes);
}

/** `node` with these steps replaced, or removed where they are undefined. */
function without(node: FieldNode, changes: Readonly<Record<string, FieldSet>>): FieldSet {
  const rest: MutableNode = {};
  let self = false;
  let children = 0;
  for (const step in node) {
    const child = step in changes ? changes[step] : node[step];
    if (child === undefined) continue;
    rest[step] = child;
    if (step === SELF) self = true;
    else children += 1;
  }
  if (children > 0) return rest;
  return self ? FIELD : undefined;
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return a;
  if (isLeaf(a) || isLeaf(b)) return isField(a) && isField(b) ? FIELD : undefined;
  const common: MutableNode = {};
  for (const step in a) {
    if (step === SELF) continue;
    const both = intersection(a[step], b[step]);
    if (both !== undefined) common[step] = both;
  }
  return nodeOf(common, SELF in a && SELF in b);
}

export function setsEqual(a: FieldSet, b: FieldSet): boolean {
  return a === b || (difference(a, b) === undefined && difference(b, a) === undefined);
}

/** Paths of all fields as messages show them: those of one node before those further down. */
export function printPaths(set: FieldSet, prefix = ""): readonly string[] {
  if (set === undefined) return [];
  const steps = Object.entries(set).filter(([step]) => step !== SELF);
  return [
    ...steps.filter(([, node]) => isField(node)).map(([step]) => prefix + printStep(step)),
    ...steps.flatMap(([step, node]) => printPaths(node, prefix + printStep(step))),
  ];
}

/** Reads fieldsV1 from outside; unknown kinds of steps are left out. Throws on what is no set. */
export function parseFieldSet(value: JsonValue): FieldSet {
  const { [SELF]: _, ...root } = parseNode(value);
  return isLeaf(root) ? undefined : root;
}

function parseNode(value: JsonValue): FieldNode {
  if (!isJsonObject(value)) throw new Error("a node of fieldsV1 is no object");
  const children: MutableNode = {};
  let self = false;
  for (const [text, child] of Object.entries(value)) {
    if (child === undefined) continue;
    if (text === SELF) {
      self = true;
      continue;
    }
    const step = parseStep(text);
    if (step === undefined) continue;
    children[step] = union(children[step], parseNode(child)) ?? FIELD;
  }
  return nodeOf(children, self) ?? FIELD;
}
