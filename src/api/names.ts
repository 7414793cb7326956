/**
 * What names, label keys and the like may look like. Each check says what is wrong, in Kubernetes' words.
 * Source: RFC 1123 sections 2.1; Kubernetes documentation, "Object Names and IDs" and "Labels and Selectors".
 */
import type { Check } from "./schema/schema.ts";

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const LABEL_1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const QUALIFIED_TEXT =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const CONFIG_KEY_TEXT = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";

export const checkDnsSubdomain: Check<string> = (name) => [
  ...tooLong(name, 253),
  ...unlike(name, SUBDOMAIN, SUBDOMAIN_TEXT, ["example.com"]),
];

export const checkDnsLabel: Check<string> = (name) => [
  ...tooLong(name, 63),
  ...unlike(name, LABEL, LABEL_TEXT, ["my-name", "123-abc"]),
];

/** As `checkDnsLabel`, but the first character is a letter: names of Services. */
export const checkDnsLabel1035: Check<string> = (name) => [
  ...tooLong(name, 63),
  ...unlike(name, "[a-z]([-a-z0-9]*[a-z0-9])?", LABEL_1035_TEXT, ["my-name", "abc-123"]),
];

/** A label's or annotation's key: an optional DNS subdomain and "/", then a name. */
export const checkQualifiedName: Check<string> = (key) => {
  const parts = key.split("/");
  const [prefix, name] = parts.length === 1 ? [undefined, key] : [parts[0], parts[1] ?? ""];
  if (parts.length > 2) {
    return [
      `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character${examples(["MyName", "my.name", "123-abc"], QUALIFIED)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  return [
    ...(prefix === undefined
      ? []
      : prefix === ""
        ? ["prefix part must be non-empty"]
        : prefixed(checkDnsSubdomain(prefix))),
    ...(name === "" ? ["name part must be non-empty"] : tooLong(name, 63, "name part ")),
    ...unlike(name, QUALIFIED, QUALIFIED_TEXT, ["MyName", "my.name", "123-abc"]),
  ];
};

export const checkLabelValue: Check<string> = (value) => [
  ...tooLong(value, 63),
  ...unlike(value, `(${QUALIFIED})?`, LABEL_VALUE_TEXT, ["MyValue", "my_value", "12345"]),
];

/** A key of a ConfigMap or Secret: it may become a file's name. */
export const checkConfigMapKey: Check<string> = (key) => [
  ...tooLong(key, 253),
  ...unlike(key, "[-._a-zA-Z0-9]+", CONFIG_KEY_TEXT, ["key.name", "KEY_NAME", "key-name"]),
  ...(key === "." ? ["must not be '.'"] : []),
  ...(key === ".." ? ["must not be '..'"] : key.startsWith("..") ? ["must not start with '..'"] : []),
];

function tooLong(text: string, max: number, what = ""): readonly string[] {
  return text.length > max ? [`${what}must be no more than ${max} characters`] : [];
}

function unlike(text: string, pattern: string, problem: string, sample: readonly string[]): readonly string[] {
  return new RegExp(`^(?:${pattern})$`).test(text) ? [] : [`${problem}${examples(sample, pattern)}`];
}

function examples(sample: readonly string[], pattern: string): string {
  const list = sample.map((text) => `'${text}', `).join(" or ");
  return ` (e.g. ${list}regex used for validation is '${pattern}')`;
}

function prefixed(problems: readonly string[]): readonly string[] {
  return problems.map((problem) => `prefix part ${problem}`);
}
