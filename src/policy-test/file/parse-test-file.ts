/**
 * A test file from its text. Everything that is wrong with it is reported at once, with line, field and what was
 * probably meant. The format is documented in docs/commands/policy.md and in docs/policy-test.schema.json.
 */
import { basename } from "node:path";
import type { Family } from "#base/ip-address.ts";
import { EXPECTATIONS, type TestNamespace, type TestPod, type TestPort } from "../policy-test.ts";
import { type Located, readDocuments } from "./located-yaml.ts";
import { type PortWish, parsePort, parseProtocol, parseTarget, type Target, TargetError } from "./parse-target.ts";
import {
  createProblems,
  describe,
  isNull,
  type Reading,
  readChoice,
  readEntries,
  readFields,
  readInteger,
  readItems,
  readOneOrMore,
  readText,
  readTexts,
} from "./read-fields.ts";
import {
  DEFAULT_NODES,
  ENDPOINT_KEYS,
  EXPECTATION_KEYS,
  type ExpectationWish,
  FILE_KEYS,
  MAX_NODES,
  namespaceLabels,
  POD_KEYS,
  TEST_API_VERSION,
  TEST_KIND,
  type TestFile,
} from "./test-file.ts";

const FAMILY_NAMES = { IPv4: 4, IPv6: 6 } as const satisfies Record<string, Family>;
const ALL_FAMILIES: readonly Family[] = [4, 6];
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const POD_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const BECAUSE = /^(isolation|networkpolicy\/[^/\s]+\/[^/\s]+|clusternetworkpolicy\/[^/\s]+)$/;

/** Throws PolicyTestError. `file`: how messages name it. */
export function parseTestFile(text: string, file: string): TestFile {
  const [document, second] = readDocuments(text, file);
  const problems = createProblems();
  if (document === undefined) {
    const source = { file, line: 1 };
    problems.add({ source }, "", `it is empty: a test starts with "apiVersion: ${TEST_API_VERSION}"`);
  } else if (second !== undefined) {
    problems.add(second, "", "a test file is one document; policies in several documents have files of their own");
  }
  const test = document && readTest({ value: document, field: "", problems }, file);
  problems.check(file);
  if (test === undefined) throw new Error(`Cannot read ${file}: nothing was found in it`);
  return test;
}

/** Whether a document is a test, of this or a later version, and not a manifest. */
export function isTestDocument(document: Located): boolean {
  if (document.kind !== "map") return false;
  const kind = document.entries.find(({ key }) => key === "kind")?.value;
  return (
    (kind?.kind === "scalar" && kind.value === TEST_KIND) || document.entries.some(({ key }) => key === "expectations")
  );
}

function readTest(reading: Reading, file: string): TestFile | undefined {
  const fields = readFields(reading, FILE_KEYS);
  if (fields === undefined) return undefined;
  requireHeader(fields, reading);
  const defaultNamespace = (fields.defaultNamespace && readText(fields.defaultNamespace)) ?? "default";
  const pods = fields.pods ? readEntries(fields.pods).flatMap((entry) => readPod(entry, defaultNamespace)) : [];
  return {
    file,
    name: (fields.name && readText(fields.name)) ?? basename(file).replace(/\.(ya?ml|json)$/, ""),
    nodes: (fields.nodes && readInteger(fields.nodes, { min: 1, max: MAX_NODES })) ?? DEFAULT_NODES,
    families: fields.ipFamilies ? readFamilies(fields.ipFamilies) : ALL_FAMILIES,
    defaultNamespace,
    namespaces: fields.namespaces ? readEntries(fields.namespaces).flatMap(readNamespace) : [],
    pods,
    ...readPolicies(fields.policies),
    expectations: fields.expectations
      ? readItems(fields.expectations).flatMap((item) => readExpectation(item, defaultNamespace))
      : [],
  };
}

function requireHeader(
  fields: { readonly apiVersion?: Reading; readonly kind?: Reading },
  { value, problems }: Reading,
): void {
  for (const [key, expected] of [
    ["apiVersion", TEST_API_VERSION],
    ["kind", TEST_KIND],
  ] as const) {
    const reading = fields[key];
    if (reading === undefined) problems.add(value, key, `it is missing: write "${key}: ${expected}"`);
    else if (reading.value.kind !== "scalar" || reading.value.value !== expected) {
      problems.add(reading.value, key, `must be ${expected}, not ${describe(reading.value)}`);
    }
  }
}

function readFamilies(reading: Reading): readonly Family[] {
  const names = Object.keys(FAMILY_NAMES).filter((name): name is keyof typeof FAMILY_NAMES => name in FAMILY_NAMES);
  const families = readOneOrMore(reading).flatMap((item): readonly Family[] => {
    const name = readChoice(item, names);
    return name === undefined ? [] : [FAMILY_NAMES[name]];
  });
  return ALL_FAMILIES.filter((family) => families.includes(family));
}

function readNamespace({ key, source, reading }: ReturnType<typeof readEntries>[number]): readonly TestNamespace[] {
  if (!NAMESPACE.test(key)) reading.problems.add({ source }, reading.field, "is no name of a namespace (a DNS label)");
  return [{ name: key, labels: namespaceLabels(key, readTexts(reading)) }];
}

function readPod({ key, source, reading }: ReturnType<typeof readEntries>[number], defaultNamespace: string) {
  const parts = key.split("/");
  const [namespace = "", name = ""] = parts.length === 1 ? [defaultNamespace, key] : parts;
  if (parts.length > 2 || !NAMESPACE.test(namespace) || !POD_NAME.test(name)) {
    reading.problems.add({ source }, reading.field, "is no pod: write NAMESPACE/NAME");
    return [];
  }
  const pod: TestPod & { source: typeof source } = { namespace, name, labels: {}, ports: [], source };
  if (isNull(reading.value)) return [pod];
  const fields = readFields(reading, POD_KEYS);
  if (fields === undefined) return [];
  return [
    {
      ...pod,
      labels: fields.labels ? readTexts(fields.labels) : {},
      ports: fields.ports ? readPorts(fields.ports) : [],
      node: fields.node && readInteger(fields.node, { min: 1, max: MAX_NODES }),
    },
  ];
}

/** A mapping from names to ports, or a list of ports without names. */
function readPorts(reading: Reading): readonly TestPort[] {
  if (reading.value.kind !== "map") return readOneOrMore(reading).flatMap((item) => readDeclaredPort(item, undefined));
  return readEntries(reading).flatMap(({ key, reading: item }) => readDeclaredPort(item, key));
}

function readDeclaredPort(reading: Reading, name: string | undefined): readonly TestPort[] {
  const wish = readPort(reading);
  if (wish === undefined) return [];
  const { port, protocol = "TCP" } = wish;
  if (typeof port === "number") return [{ name, port, protocol }];
  reading.problems.add(reading.value, reading.field, "must be a number, with /UDP or /SCTP where it is not TCP");
  return [];
}

function readPort(reading: Reading): PortWish | undefined {
  const { value, field, problems } = reading;
  const text = value.kind === "scalar" && (typeof value.value === "number" || typeof value.value === "string");
  if (!text) return problems.add(value, field, `must be a port (5432, http or 53/UDP), not ${describe(value)}`);
  return explained(reading, () => parsePort(String(value.value)));
}

function readPolicies(reading: Reading | undefined): Pick<TestFile, "references" | "inline"> {
  const references: TestFile["references"][number][] = [];
  const inline: Located[] = [];
  for (const item of reading === undefined ? [] : readOneOrMore(reading)) {
    if (item.value.kind === "map") {
      inline.push(item.value);
      continue;
    }
    const path = readText(item);
    if (path !== undefined) references.push({ path, source: item.value.source, field: item.field });
  }
  return { references, inline };
}

function readExpectation(reading: Reading, defaultNamespace: string): readonly ExpectationWish[] {
  const { value, field, problems } = reading;
  const fields = readFields(reading, EXPECTATION_KEYS);
  if (fields === undefined) return [];
  for (const key of ["from", "to", "expect"] as const) {
    if (fields[key] === undefined) problems.add(value, field, `"${key}" is missing`);
  }
  const { from, to, expect, port, protocol, because } = fields;
  const verdict = expect && readChoice(expect, EXPECTATIONS);
  const sources = from ? readOneOrMore(from).flatMap((item) => readEndpoint(item, defaultNamespace)) : [];
  const targets = to ? readOneOrMore(to).flatMap((item) => readEndpoint(item, defaultNamespace)) : [];
  const given = protocol && readProtocol(protocol);
  const ports = (port ? readOneOrMore(port) : []).flatMap((item): readonly PortWish[] => {
    const wish = readPort(item);
    return wish === undefined ? [] : [{ ...wish, protocol: wish.protocol ?? given }];
  });
  for (const source of sources) {
    if (source.port !== undefined) problems.add(from?.value ?? value, `${field}.from`, "the port is one of `to`");
  }
  if (verdict === undefined) return [];
  return [
    {
      from: sources.map(({ endpoint }) => endpoint),
      to: targets.map((target) =>
        target.port === undefined
          ? target
          : { ...target, port: { ...target.port, protocol: target.port.protocol ?? given } },
      ),
      ports,
      expect: verdict,
      because: because && readBecause(because),
      source: value.source,
      field,
    },
  ];
}

function readBecause(reading: Reading): string | undefined {
  const text = readText(reading);
  if (text === undefined || BECAUSE.test(text.toLowerCase())) return text?.toLowerCase();
  const wanted = "networkpolicy/NAMESPACE/NAME, clusternetworkpolicy/NAME or isolation";
  return reading.problems.add(reading.value, reading.field, `must be ${wanted}, not ${describe(reading.value)}`);
}

function readProtocol(reading: Reading): PortWish["protocol"] {
  const text = readText(reading);
  return text === undefined ? undefined : explained(reading, () => parseProtocol(text));
}

/** `shop/web`, `203.0.113.10`, `{pod: shop/web}`, `{ip: 203.0.113.10}` */
function readEndpoint(reading: Reading, defaultNamespace: string): readonly Target[] {
  if (reading.value.kind !== "map") return readTarget(reading, defaultNamespace);
  const fields = readFields(reading, ENDPOINT_KEYS);
  if (fields === undefined) return [];
  const given = Object.entries(fields);
  if (given.length !== 1) reading.problems.add(reading.value, reading.field, 'must have "pod" or "ip", and one alone');
  return given.flatMap(([kind, field]) =>
    readTarget(field, defaultNamespace).filter(({ endpoint }) => {
      const isAsNamed = (kind === "ip") === (endpoint.kind === "address");
      if (!isAsNamed)
        field.problems.add(field.value, field.field, kind === "ip" ? "must be an address" : "must be a pod");
      return isAsNamed;
    }),
  );
}

function readTarget(reading: Reading, defaultNamespace: string): readonly Target[] {
  const text = readText(reading);
  const target = text === undefined ? undefined : explained(reading, () => parseTarget(text, defaultNamespace));
  return target === undefined ? [] : [target];
}

function explained<T>({ value, field, problems }: Reading, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    return problems.add(value, field, error.message);
  }
}
