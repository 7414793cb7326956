/**
 * JSON patch: a list of operations that are all done or none. A patch that is no patch is a 400; one that does not
 * fit the object (a missing path, a failed test) is a 422, as the API server answers.
 * Source: RFC 6902; of evanphx/json-patch, which the API server uses, also: negative indices count from the end, and
 * `test` with null holds for a member that is not there.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { jsonEqual } from "../schema/json-equal.ts";
import { goJsonKind } from "./go-text.ts";
import { getMember, isJsonList, type MutableObject, setMember } from "./json-members.ts";
import { listIndex, parseJsonPointer } from "./json-pointer.ts";
import { badPatchError, rejectedPatchError, tooLargePatchError } from "./patch-error.ts";

const MAX_OPERATIONS = 10_000;
/** Characters of JSON that all copies of one patch may add up to: copies of copies grow exponentially. */
const MAX_COPIED_LENGTH = 3 * 1024 * 1024;

type Operation =
  | { readonly op: "add" | "replace" | "test"; readonly path: Path; readonly value: JsonValue }
  | { readonly op: "remove"; readonly path: Path }
  | { readonly op: "move" | "copy"; readonly path: Path; readonly from: Path };

type Path = readonly string[];

/** The patched copy is this module's own until it is returned, and is changed in place. */
type Container = MutableObject | JsonValue[];

interface Document {
  root: JsonValue;
  copiedLength: number;
}

export function applyJsonPatch(object: JsonValue, patch: JsonValue): JsonValue {
  const operations = parseOperations(patch);
  const document: Document = { root: structuredClone(object), copiedLength: 0 };
  for (const operation of operations) applyOperation(document, operation);
  return document.root;
}

function parseOperations(patch: JsonValue): readonly Operation[] {
  if (!isJsonList(patch)) {
    throw badPatchError(`json: cannot unmarshal ${goJsonKind(patch)} into Go value of type jsonpatch.Patch`);
  }
  if (patch.length > MAX_OPERATIONS) {
    throw tooLargePatchError(
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  return patch.map(parseOperation);
}

function parseOperation(operation: JsonValue): Operation {
  if (!isJsonObject(operation)) {
    throw badPatchError(`json: cannot unmarshal ${goJsonKind(operation)} into Go value of type jsonpatch.Operation`);
  }
  const op = operation["op"];
  const path = parsePath(operation, "path");
  switch (op) {
    case "add":
    case "replace":
    case "test": {
      const value = operation["value"];
      // Go cannot tell an absent value from null.
      if (value === undefined && op !== "test") throw badPatchError(`json patch operation "${op}" has no value`);
      return { op, path, value: value ?? null };
    }
    case "remove":
      return { op, path };
    case "move":
    case "copy":
      return { op, path, from: parsePath(operation, "from") };
    default:
      throw rejectedPatchError(`unexpected kind of operation: ${JSON.stringify(op)}`);
  }
}

function parsePath(operation: JsonObject, member: "path" | "from"): Path {
  const text = operation[member];
  const path = typeof text === "string" ? parseJsonPointer(text) : undefined;
  if (path === undefined) {
    throw badPatchError(`json patch operation has no valid ${JSON.stringify(member)}: ${JSON.stringify(text)}`);
  }
  return path;
}

function applyOperation(document: Document, operation: Operation): void {
  const { path } = operation;
  switch (operation.op) {
    case "add":
      add(document, path, structuredClone(operation.value));
      break;
    case "replace":
      replace(document, path, structuredClone(operation.value));
      break;
    case "remove":
      remove(document, path);
      break;
    case "test":
      test(document, path, operation.value);
      break;
    case "move":
      move(document, operation.from, path);
      break;
    case "copy":
      copy(document, operation.from, path);
      break;
  }
}

function move(document: Document, from: Path, path: Path): void {
  if (isInside(from, path)) throw missing("move a value into itself at", path);
  const value = get(document, from);
  remove(document, from);
  add(document, path, value);
}

function copy(document: Document, from: Path, path: Path): void {
  const value = get(document, from);
  document.copiedLength += JSON.stringify(value).length;
  if (document.copiedLength > MAX_COPIED_LENGTH) throw rejectedPatchError("the copies of the patch are too large");
  add(document, path, structuredClone(value));
}

function isInside(outer: Path, inner: Path): boolean {
  return inner.length > outer.length && outer.every((token, index) => inner[index] === token);
}

function add(document: Document, path: Path, value: JsonValue): void {
  const last = path.at(-1);
  if (last === undefined) {
    document.root = value;
    return;
  }
  const parent = parentOf(document, path);
  if (!Array.isArray(parent)) {
    setMember(parent, last, value);
    return;
  }
  const index = listIndex(last, parent.length);
  if (index === undefined || index < 0 || index > parent.length) throw missing("add", path);
  parent.splice(index, 0, value);
}

function replace(document: Document, path: Path, value: JsonValue): void {
  const last = path.at(-1);
  if (last === undefined) {
    document.root = value;
    return;
  }
  const parent = parentOf(document, path);
  if (childOf(parent, last) === undefined) throw missing("replace", path);
  if (Array.isArray(parent)) parent[listIndex(last, parent.length) ?? 0] = value;
  else setMember(parent, last, value);
}

function remove(document: Document, path: Path): void {
  const last = path.at(-1);
  if (last === undefined) throw missing("remove", path);
  const parent = parentOf(document, path);
  if (childOf(parent, last) === undefined) throw missing("remove", path);
  if (!Array.isArray(parent)) {
    delete parent[last];
    return;
  }
  parent.splice(listIndex(last, parent.length) ?? 0, 1);
}

function test(document: Document, path: Path, expected: JsonValue): void {
  const last = path.at(-1);
  const actual = last === undefined ? document.root : childOf(parentOf(document, path), last);
  if (!jsonEqual(actual ?? null, expected)) throw rejectedPatchError(`testing value /${path.join("/")} failed`);
}

function get(document: Document, path: Path): JsonValue {
  const last = path.at(-1);
  const value = last === undefined ? document.root : childOf(parentOf(document, path), last);
  if (value === undefined) throw missing("read", path);
  return value;
}

function parentOf(document: Document, path: Path): Container {
  let value: JsonValue | undefined = document.root;
  for (const token of path.slice(0, -1)) {
    value = isContainer(value) ? childOf(value, token) : undefined;
  }
  if (!isContainer(value)) throw missing("reach", path);
  return value;
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

function childOf(parent: Container, token: string): JsonValue | undefined {
  if (!Array.isArray(parent)) return getMember(parent, token);
  const index = listIndex(token, parent.length);
  return index === undefined ? undefined : parent[index];
}

function missing(what: string, path: Path): Error {
  return rejectedPatchError(`cannot ${what} path "/${path.join("/")}": missing value`);
}
