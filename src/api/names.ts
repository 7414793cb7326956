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

interface Format {
  readonly expression: RegExp;
  /** What is said of a text that is not like it. */
  readonly problem: string;
}

const subdomain = format(SUBDOMAIN, SUBDOMAIN_TEXT, ["example.com"]);
const label = format(LABEL, LABEL_TEXT, ["my-name", "123-abc"]);
const label1035 = format("[a-z]([-a-z0-9]*[a-z0-9])?", LABEL_1035_TEXT, ["my-name", "abc-123"]);
const qualified = format(QUALIFIED, QUALIFIED_TEXT, ["MyName", "my.name", "123-abc"]);
const labelValue = format(`(${QUALIFIED})?`, LABEL_VALUE_TEXT, ["MyValue", "my_value", "12345"]);
const configKey = format("[-._a-zA-Z0-9]+", CONFIG_KEY_TEXT, ["key.name", "KEY_NAME", "key-name"]);

export const checkDnsSubdomain: Check<string> = (name) => [...tooLong(name, 253), ...unlike(name, subdomain)];

export const checkDnsLabel: Check<string> = (name) => [...tooLong(name, 63), ...unlike(name, label)];

/** As `checkDnsLabel`, but the first character is a letter: names of Services. */
export const checkDnsLabel1035: Check<string> = (name) => [...tooLong(name, 63), ...unlike(name, label1035)];

/** A label's or annotation's key: an optional DNS subdomain and "/", then a name. */
export const checkQualifiedName: Check<string> = (key) => {
  const parts = key.split("/");
  if (parts.length > 2) {
    const problem = qualified.problem.replace(/^name part/, "a qualified name");
    return [`${problem} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const [prefix, name] = parts.length === 1 ? [undefined, key] : [parts[0], parts[1] ?? ""];
  return [
    ...(prefix === undefined ? [] : checkPrefix(prefix)),
    ...(name === "" ? ["name part must be non-empty"] : tooLong(name, 63, "name part ")),
    ...unlike(name, qualified),
  ];
};

function checkPrefix(prefix: string): readonly string[] {
  if (prefix === "") return ["prefix part must be non-empty"];
  return checkDnsSubdomain(prefix).map((problem) => `prefix part ${problem}`);
}

export const checkLabelValue: Check<string> = (value) => [...tooLong(value, 63), ...unlike(value, labelValue)];

/** A key of a ConfigMap or Secret: it may become a file's name. */
export const checkConfigMapKey: Check<string> = (key) => [
  ...tooLong(key, 253),
  ...unlike(key, configKey),
  ...(key === "." ? ["must not be '.'"] : []),
  ...(key === ".." ? ["must not be '..'"] : key.startsWith("..") ? ["must not start with '..'"] : []),
];

function tooLong(text: string, max: number, what = ""): readonly string[] {
  return text.length > max ? [`${what}must be no more than ${max} characters`] : [];
}

function unlike(text: string, { expression, problem }: Format): readonly string[] {
  return expression.test(text) ? [] : [problem];
}

function format(pattern: string, problem: string, examples: readonly string[]): Format {
  const list = examples.map((text) => `'${text}', `).join(" or ");
  const text = `${problem} (e.g. ${list}regex used for validation is '${pattern}')`;
  return { expression: new RegExp(`^(?:${pattern})$`), problem: text };
}
