/**
 * The part of JSONPath that printer columns and selectable fields use: members, indexes, slices, wildcards, recursive
 * descent and filters that compare. Source: Kubernetes documentation, "JSONPath Support".
 */

import { jsonEqual } from "#api/schema/json-equal.ts";
import { isJsonObject, type JsonValue } from "#base/json.ts";

type Operator = "==" | "!=" | "<=" | ">=" | "<" | ">";

/** Relative to the item that is filtered, or a value that is written out. */
type Operand = { readonly path: JsonPath } | { readonly value: JsonValue };

type Step =
  | { readonly type: "member"; readonly name: string }
  | { readonly type: "index"; readonly index: number }
  | { readonly type: "slice"; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly type: "all" }
  | { readonly type: "descend" }
  | { readonly type: "union"; readonly steps: readonly Step[] }
  | { readonly type: "exists"; readonly path: JsonPath }
  | { readonly type: "compare"; readonly left: Operand; readonly operator: Operator; readonly right: Operand };

export type JsonPath = readonly Step[];

/** `.spec.ports[0].name`; also without the dot in front. undefined for what is no path, or one that is not known. */
export function parseJsonPath(text: string): JsonPath | undefined {
  const steps: Step[] = [];
  let rest = text === "." ? "" : text.startsWith(".") || text.startsWith("[") ? text : `.${text}`;
  while (rest !== "") {
    const found = rest.startsWith("[") ? readBracket(rest) : readMember(rest);
    if (found === undefined) return undefined;
    steps.push(...found.steps);
    rest = found.rest;
  }
  return steps;
}

interface Read {
  readonly steps: readonly Step[];
  readonly rest: string;
}

const NAME = /^(?:\\[\s\S]|[^.[\]\\\s'"?@(){}*,])+/;

function readMember(text: string): Read | undefined {
  if (!text.startsWith(".")) return undefined;
  if (text.startsWith("..")) {
    const next = text.slice(text[2] === "[" ? 2 : 1);
    return next === "." ? undefined : { steps: [{ type: "descend" }], rest: next };
  }
  if (text.startsWith(".*")) return { steps: [{ type: "all" }], rest: text.slice(2) };
  if (text.startsWith(".[")) return { steps: [], rest: text.slice(1) };
  const name = NAME.exec(text.slice(1))?.[0];
  if (name === undefined) return undefined;
  return { steps: [{ type: "member", name: name.replace(/\\([\s\S])/g, "$1") }], rest: text.slice(1 + name.length) };
}

/** Quoted text may have brackets in it. */
const BRACKET = /^\[((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\[[^\]]*\]|[^\]"'])*)\]/;

function readBracket(text: string): Read | undefined {
  const [whole = "", content = ""] = BRACKET.exec(text) ?? [];
  if (whole === "") return undefined;
  const filter = /^\?\((.*)\)$/s.exec(content)?.[1];
  const step = filter === undefined ? readSelection(content) : readFilter(filter.trim());
  return step === undefined ? undefined : { steps: [step], rest: text.slice(whole.length) };
}

function readSelection(content: string): Step | undefined {
  const parts = content.match(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^,"']+/g) ?? [];
  const steps = parts.map((part) => readPart(part.trim()));
  const known = steps.filter((step) => step !== undefined);
  const [first] = known;
  if (first === undefined || known.length < steps.length) return undefined;
  return known.length === 1 ? first : { type: "union", steps: known };
}

function readPart(part: string): Step | undefined {
  if (part === "*") return { type: "all" };
  if (/^-?\d+$/.test(part)) return { type: "index", index: Number(part) };
  const quoted = readQuoted(part);
  if (quoted !== undefined) return { type: "member", name: quoted };
  const [, from, to] = /^(-?\d*):(-?\d*)$/.exec(part) ?? [];
  if (from === undefined || to === undefined) return undefined;
  return { type: "slice", from: from === "" ? undefined : Number(from), to: to === "" ? undefined : Number(to) };
}

function readQuoted(text: string): string | undefined {
  const inner = /^"((?:\\.|[^"\\])*)"$/s.exec(text)?.[1] ?? /^'((?:\\.|[^'\\])*)'$/s.exec(text)?.[1];
  return inner?.replace(/\\([\s\S])/g, "$1");
}

const OPERAND = String.raw`(@(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^=!<>"'])*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^=!<>@"'\s]+)`;
const COMPARISON = new RegExp(String.raw`^${OPERAND}\s*(?:(==|!=|<=|>=|<|>)\s*${OPERAND})?$`, "s");

function readFilter(text: string): Step | undefined {
  const [, leftText, operator, rightText] = COMPARISON.exec(text) ?? [];
  const left = leftText === undefined ? undefined : readOperand(leftText.trim());
  if (left === undefined) return undefined;
  if (operator === undefined) return "path" in left ? { type: "exists", path: left.path } : undefined;
  const right = rightText === undefined ? undefined : readOperand(rightText.trim());
  // The expression has no other operators.
  return right === undefined ? undefined : { type: "compare", left, operator: operator as Operator, right };
}

function readOperand(text: string): Operand | undefined {
  if (text.startsWith("@")) {
    const path = text === "@" ? [] : parseJsonPath(text.slice(1));
    return path === undefined ? undefined : { path };
  }
  const quoted = readQuoted(text);
  if (quoted !== undefined) return { value: quoted };
  if (text === "true" || text === "false") return { value: text === "true" };
  return /^-?\d+(\.\d+)?$/.test(text) ? { value: Number(text) } : undefined;
}

/** All values at the path, in order; none where it does not lead anywhere. */
export function valuesAt(path: JsonPath, root: JsonValue): readonly JsonValue[] {
  let values: readonly JsonValue[] = [root];
  for (const step of path) {
    values = values.flatMap((value) => follow(step, value));
    if (values.length === 0) return values;
  }
  return values;
}

function follow(step: Step, value: JsonValue): readonly JsonValue[] {
  switch (step.type) {
    case "member": {
      const member = isJsonObject(value) && Object.hasOwn(value, step.name) ? value[step.name] : undefined;
      return member === undefined ? [] : [member];
    }
    case "index": {
      const item = itemsOf(value).at(step.index);
      return item === undefined ? [] : [item];
    }
    case "slice":
      return itemsOf(value).slice(step.from, step.to);
    case "all":
      return childrenOf(value);
    case "descend":
      return [value, ...childrenOf(value).flatMap((child) => follow(step, child))];
    case "union":
      return step.steps.flatMap((one) => follow(one, value));
    case "exists":
      return itemsOf(value).filter((item) => valuesAt(step.path, item).length > 0);
    case "compare":
      return itemsOf(value).filter((item) =>
        holds(step.operator, operandOf(step.left, item), operandOf(step.right, item)),
      );
    default:
      return step satisfies never;
  }
}

function itemsOf(value: JsonValue): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function childrenOf(value: JsonValue): readonly JsonValue[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value) ? Object.values(value).filter((member) => member !== undefined) : [];
}

function operandOf(operand: Operand, item: JsonValue): JsonValue | undefined {
  return "path" in operand ? valuesAt(operand.path, item)[0] : operand.value;
}

function holds(operator: Operator, left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  if (operator === "==") return jsonEqual(left, right);
  if (operator === "!=") return !jsonEqual(left, right);
  const areNumbers = typeof left === "number" && typeof right === "number";
  const areTexts = typeof left === "string" && typeof right === "string";
  if (!areNumbers && !areTexts) return false;
  switch (operator) {
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    default:
      return operator satisfies never;
  }
}
