/**
 * Field selectors as text, as in `?fieldSelector=metadata.name=web-0,status.phase!=Running`: only = , == and !=, on the
 * fields that a kind names. In values `\`, `,` and `=` are written with a `\` before them.
 * Source: Kubernetes documentation, "Field Selectors"; texts of k8s.io/apimachinery's fields package.
 */
import { badRequestError } from "../api-error.ts";
import type { FieldReader, Kind, KubeObject } from "../kind.ts";

export interface FieldRequirement {
  /** "spec.nodeName". */
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

export interface FieldMatcher<O = KubeObject> {
  /** All must hold. */
  readonly requirements: readonly FieldRequirement[];
  /** True when there are no requirements. */
  readonly selectsAll: boolean;
  /** The one value that the field must have; undefined when the selector leaves it open. */
  pinned(field: string): string | undefined;
  matches(object: O): boolean;
}

type Selectable<O> = Pick<Kind<O>, "fieldSelectors" | "isNamespaced">;

/** Throws ApiError 400 with Kubernetes' text. An empty text selects everything. */
export function parseFieldSelector<O extends KubeObject>(kind: Selectable<O>, text: string): FieldMatcher<O> {
  const requirements = parseFieldRequirements(text);
  const tests = requirements.map(({ field, operator, value }) => {
    const read = readerOf(kind, field);
    return operator === "=" ? (object: O) => read(object) === value : (object: O) => read(object) !== value;
  });
  return {
    requirements,
    selectsAll: tests.length === 0,
    pinned: (field) => requirements.find((one) => one.operator === "=" && one.field === field)?.value,
    matches: (object) => tests.every((test) => test(object)),
  };
}

/** The terms alone, whatever the kind. */
export function parseFieldRequirements(text: string): readonly FieldRequirement[] {
  return splitTerms(text)
    .filter((term) => term !== "")
    .sort()
    .map((term) => {
      const [, field, operator, value] = /^(.*?)(!=|==|=)(.*)$/s.exec(term) ?? [];
      if (field === undefined || value === undefined) {
        throw badRequestError(`invalid selector: '${text}'; can't understand '${term}'`);
      }
      return { field, operator: operator === "!=" ? "!=" : "=", value: unescapeValue(value) };
    });
}

export function formatFieldRequirements(requirements: readonly FieldRequirement[]): string {
  return requirements.map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`).join(",");
}

/** For building selectors: `involvedObject.name=${escapeFieldValue(name)}`. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, "\\$&");
}

function readerOf<O extends KubeObject>(kind: Selectable<O>, field: string): FieldReader<O> {
  const { fieldSelectors, isNamespaced } = kind;
  const hasOwnFields = Object.keys(fieldSelectors).length > 0;
  if (field === "metadata.name") return ({ metadata }) => metadata.name ?? "";
  if (field === "metadata.namespace" && (isNamespaced || !hasOwnFields))
    return ({ metadata }) => metadata.namespace ?? "";
  const read = Object.hasOwn(fieldSelectors, field) ? fieldSelectors[field] : undefined;
  if (read !== undefined) return read;
  throw badRequestError(
    hasOwnFields
      ? `field label not supported: ${field}`
      : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

/** At each comma without a `\` before it. */
function splitTerms(text: string): string[] {
  return text.match(/(?:\\[\s\S]|\\$|[^\\,])+/g) ?? [];
}

function unescapeValue(value: string): string {
  return value.replace(/\\([\s\S]?)|[,=]/gu, (match, escaped: string | undefined) => {
    if (escaped === undefined) {
      throw badRequestError(`invalid field selector: unescaped character in value: ${match.charCodeAt(0)}`);
    }
    if (escaped !== "\\" && escaped !== "," && escaped !== "=") {
      throw badRequestError(`invalid field selector: invalid escape sequence: \\${escaped}`);
    }
    return escaped;
  });
}
