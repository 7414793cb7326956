/**
 * Label selectors as text, as in `?labelSelector=app=web,tier in (a,b),!canary`. The grammar, what it forgives and its
 * error texts are those of Kubernetes: an empty value is a value, `in` and `notin` are words only where an operator
 * stands, white space separates. Source: Kubernetes documentation, "Labels and Selectors" (API, LIST and WATCH).
 */
import { badRequestError } from "../api-error.ts";
import { checkQualifiedName } from "../names.ts";
import {
  compileRequirement,
  describeRequirementProblems,
  formatRequirement,
  type LabelOperator,
  type LabelRequirement,
  type Labels,
  sortRequirements,
  valueSet,
} from "./label-requirement.ts";

export interface LabelMatcher {
  /** All must hold; sorted by key. */
  readonly requirements: readonly LabelRequirement[];
  /** True when there are no requirements. */
  readonly selectsAll: boolean;
  /** Absent labels are none. */
  matches(labels: Labels | undefined): boolean;
}

/** Throws ApiError 400 with the text that Kubernetes gives. An empty text selects everything. */
export function parseLabelSelector(text: string): LabelMatcher {
  return labelMatcher(parseRequirements(text));
}

export function labelMatcher(requirements: readonly LabelRequirement[]): LabelMatcher {
  const sorted = sortRequirements(requirements);
  const tests = sorted.map(compileRequirement);
  return {
    requirements: sorted,
    selectsAll: tests.length === 0,
    matches: (labels = {}) => tests.every((test) => test(labels)),
  };
}

/** As Kubernetes prints a selector: "app=web,tier in (a,b)". */
export function formatRequirements(requirements: readonly LabelRequirement[]): string {
  return requirements.map(formatRequirement).join(",");
}

type TokenType = "end" | "word" | "(" | ")" | "," | "!" | LabelOperator;

interface Token {
  readonly type: TokenType;
  /** As it stands in the selector; empty at the end. */
  readonly text: string;
}

const SYMBOLS: ReadonlyMap<string, TokenType> = new Map([
  ["(", "("],
  [")", ")"],
  [",", ","],
  ["!", "!"],
  ["=", "="],
  ["==", "=="],
  ["!=", "!="],
  [">", "gt"],
  ["<", "lt"],
  ["in", "in"],
  ["notin", "notin"],
]);

const OPERATORS: readonly LabelOperator[] = ["in", "notin", "=", "==", "!=", "gt", "lt"];

/** A NUL ends the text, as it does in Kubernetes. */
function scan(text: string): readonly Token[] {
  const [start = ""] = text.split("\0", 1);
  const parts = start.match(/==|!=|[=!(),<>]|[^=!(),<> \t\r\n]+/g) ?? [];
  return parts.map((part) => ({ type: SYMBOLS.get(part) ?? "word", text: part }));
}

const END: Token = { type: "end", text: "" };

interface Cursor {
  /** The token that comes next, where a key or a value may stand: `in` and `notin` are plain words there. */
  peek(): Token;
  next(): Token;
  /** The same token where an operator must stand. */
  nextOperator(): Token;
}

function cursorOver(tokens: readonly Token[]): Cursor {
  let position = 0;
  const peek = (): Token => {
    const token = tokens[position] ?? END;
    return token.type === "in" || token.type === "notin" ? { type: "word", text: token.text } : token;
  };
  return {
    peek,
    next() {
      const token = peek();
      position += 1;
      return token;
    },
    nextOperator() {
      position += 1;
      return tokens[position - 1] ?? END;
    },
  };
}

function parseRequirements(text: string): readonly LabelRequirement[] {
  const cursor = cursorOver(scan(text));
  const requirements: LabelRequirement[] = [];
  const start = cursor.peek();
  if (start.type === "end") return requirements;
  if (start.type !== "word" && start.type !== "!") throw unexpected(start, "!, identifier, or 'end of string'");
  for (;;) {
    requirements.push(parseRequirement(cursor));
    const separator = cursor.next();
    if (separator.type === "end") return requirements;
    if (separator.type !== ",") throw unexpected(separator, "',' or 'end of string'");
    const following = cursor.peek();
    if (following.type !== "word" && following.type !== "!") throw unexpected(following, "identifier after ','");
  }
}

function parseRequirement(cursor: Cursor): LabelRequirement {
  const first = cursor.next();
  const isNegated = first.type === "!";
  const key = isNegated ? cursor.next() : first;
  if (key.type !== "word") throw inRequirement(unexpected(key, "identifier").message);
  const keyProblems = checkQualifiedName(key.text);
  if (keyProblems.length > 0) {
    throw inRequirement(`<nil>: Invalid value: ${JSON.stringify(key.text)}: ${keyProblems.join("; ")}`);
  }
  const requirement: LabelRequirement = isNegated
    ? { key: key.text, operator: "!", values: [] }
    : { key: key.text, ...parseCondition(cursor) };
  const problems = describeRequirementProblems(requirement);
  if (problems !== "") throw inRequirement(problems);
  return requirement;
}

function parseCondition(cursor: Cursor): Pick<LabelRequirement, "operator" | "values"> {
  const following = cursor.peek().type;
  if (following === "end" || following === ",") return { operator: "exists", values: [] };
  const token = cursor.nextOperator();
  const operator = OPERATORS.find((name) => name === token.type);
  if (operator === undefined) throw inRequirement(unexpected(token, OPERATORS.join(", ")).message);
  const isSet = operator === "in" || operator === "notin";
  return { operator, values: isSet ? parseValues(cursor) : [parseValue(cursor)] };
}

function parseValue(cursor: Cursor): string {
  const { type } = cursor.peek();
  if (type === "end" || type === ",") return "";
  const token = cursor.next();
  if (token.type !== "word") throw inRequirement(unexpected(token, "identifier").message);
  return token.text;
}

/** "(a,b)": empty places between commas are empty values, "()" is one. */
function parseValues(cursor: Cursor): readonly string[] {
  const open = cursor.next();
  if (open.type !== "(") throw inRequirement(`found '${open.text}' expected: '('`);
  const values: string[] = [];
  const first = cursor.peek();
  if (first.type === ")") {
    cursor.next();
    return [""];
  }
  if (first.type !== "word" && first.type !== ",") {
    throw inRequirement(unexpected(first, "',', ')' or identifier").message);
  }
  for (;;) {
    const token = cursor.next();
    if (token.type === "word") {
      values.push(token.text);
      const following = cursor.peek();
      if (following.type === ")") break;
      if (following.type !== ",") throw inRequirement(unexpected(following, "',' or ')'").message);
    } else if (token.type === ",") {
      const following = cursor.peek().type;
      if (values.length === 0 || following === "," || following === ")") values.push("");
      if (following === ")") break;
    } else {
      throw inRequirement(unexpected(token, "',', or identifier").message);
    }
  }
  cursor.next();
  return valueSet(values);
}

function unexpected(token: Token, expected: string) {
  return badRequestError(`found '${token.text}', expected: ${expected}`);
}

function inRequirement(problem: string) {
  return badRequestError(`unable to parse requirement: ${problem}`);
}
