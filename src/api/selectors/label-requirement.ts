/**
 * One condition on a label, whichever way it was written: what is wrong with it, whether labels meet it, its text.
 * Source: Kubernetes documentation, "Labels and Selectors"; the texts are those of k8s.io/apimachinery's labels package.
 */
import { describeFieldError, indexPath, invalid, keyPath } from "../field-error.ts";
import { checkLabelValue, checkQualifiedName } from "../names.ts";

export type Labels = Readonly<Record<string, string | undefined>>;

export type LabelOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** One for =, ==, !=, gt and lt; any number for in and notin; none for exists and !. Sorted, without repeats. */
  readonly values: readonly string[];
}

/** Everything that is wrong with a requirement, as Kubernetes says it; empty when it is right. */
export function describeRequirementProblems({ key, operator, values }: LabelRequirement): string {
  const keyProblems = checkQualifiedName(key);
  const problems = [
    ...(keyProblems.length === 0 ? [] : [invalid("key", key, keyProblems.join("; "))]),
    ...(operator === "gt" || operator === "lt" ? integerProblems(values) : []),
    ...values.flatMap((value, index) => {
      const texts = checkLabelValue(value);
      return texts.length === 0 ? [] : [invalid(keyPath(indexPath("values", index), key), value, texts.join("; "))];
    }),
  ].map(describeFieldError);
  return problems.length === 1 ? (problems[0] ?? "") : problems.length === 0 ? "" : `[${problems.join(", ")}]`;
}

function integerProblems(values: readonly string[]) {
  return values.flatMap((value, index) =>
    int64Of(value) === undefined
      ? [invalid(indexPath("values", index), value, "for 'Gt', 'Lt' operators, the value must be an integer")]
      : [],
  );
}

/** Makes the test once, so that matching many labels does as little as possible. */
export function compileRequirement({ key, operator, values }: LabelRequirement): (labels: Labels) => boolean {
  const [first] = values;
  switch (operator) {
    case "=":
    case "==":
    case "in": {
      if (values.length === 1) return (labels) => labelOf(labels, key) === first;
      const wanted = new Set<string | undefined>(values);
      return (labels) => wanted.has(labelOf(labels, key));
    }
    case "!=":
    case "notin": {
      if (values.length === 1) return (labels) => labelOf(labels, key) !== first;
      const unwanted = new Set<string | undefined>(values);
      return (labels) => !unwanted.has(labelOf(labels, key));
    }
    case "exists":
      return (labels) => labelOf(labels, key) !== undefined;
    case "!":
      return (labels) => labelOf(labels, key) === undefined;
    case "gt":
    case "lt": {
      const limit = int64Of(first);
      return (labels) => {
        const value = int64Of(labelOf(labels, key));
        if (value === undefined || limit === undefined) return false;
        return operator === "gt" ? value > limit : value < limit;
      };
    }
    default:
      return unreachable(operator);
  }
}

/** "app=web", "tier in (a,b)", "!canary". */
export function formatRequirement({ key, operator, values }: LabelRequirement): string {
  const list = values.join(",");
  switch (operator) {
    case "=":
    case "==":
    case "!=":
      return `${key}${operator}${list}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${list})`;
    case "gt":
      return `${key}>${list}`;
    case "lt":
      return `${key}<${list}`;
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    default:
      return unreachable(operator);
  }
}

/** In the order in which Kubernetes prints them: by key. */
export function sortRequirements(requirements: readonly LabelRequirement[]): readonly LabelRequirement[] {
  return requirements.toSorted((a, b) => compareText(a.key, b.key));
}

/** Sorted, each once. */
export function valueSet(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort(compareText);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Labels are data from outside: a key such as "constructor" must not find what every object inherits. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function int64Of(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?[0-9]{1,20}$/.test(text)) return undefined;
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function unreachable(value: never): never {
  throw new Error(`Unknown operator: ${String(value)}`);
}
