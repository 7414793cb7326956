/**
 * Puts a test file and its manifests together: patterns become pods, names of ports their numbers, and each combination
 * of source, target and port one case. Pure.
 */
import { familyOf, type IpAddress } from "#base/ip-address.ts";
import {
  type PolicyCase,
  type PolicyTest,
  podId,
  type Source,
  type TestEndpoint,
  type TestNamespace,
  type TestPod,
  type TestPolicy,
} from "../policy-test.ts";
import { type EndpointPattern, matchesPattern, type PortWish } from "./parse-target.ts";
import { createProblems, type Problems, suggestion } from "./read-fields.ts";
import type { Manifests } from "./read-manifests.ts";
import { type ExpectationWish, namespaceLabels, type TestFile } from "./test-file.ts";

/** Throws PolicyTestError. */
export function resolveTest(
  file: TestFile,
  manifests: Manifests,
  { checksBecause = true }: { readonly checksBecause?: boolean | undefined } = {},
): PolicyTest {
  const problems = createProblems();
  const notes = [...manifests.notes];
  const pods = mergePods(file, manifests);
  const policies = lastOfEach(manifests.policies, notes);
  for (const { namespace, name, node, source } of file.pods) {
    if (node !== undefined && node > file.nodes) {
      problems.add({ source }, `pods.${namespace}/${name}.node`, `there are ${file.nodes} nodes`);
    }
  }
  const cases = file.expectations.flatMap((wish) => resolveExpectation(wish, pods, problems));
  if (checksBecause) checkBecause(cases, policies, problems);
  problems.check(file.file);
  return {
    name: file.name,
    file: file.file,
    nodes: file.nodes,
    families: file.families,
    namespaces: mergeNamespaces(file, manifests, pods, policies),
    pods: pods.map(({ source: _, ...pod }) => pod),
    policies,
    cases,
    notes,
  };
}

type PlacedPod = TestPod & { readonly source: Source };

/** What the test file says of a pod counts more than what a manifest says. */
function mergePods(file: TestFile, manifests: Manifests): readonly PlacedPod[] {
  const pods = new Map<string, PlacedPod>();
  for (const pod of [...manifests.pods, ...file.pods]) pods.set(podId(pod), pod);
  return [...pods.values()];
}

function mergeNamespaces(
  file: TestFile,
  manifests: Manifests,
  pods: readonly TestPod[],
  policies: readonly TestPolicy[],
): readonly TestNamespace[] {
  const namespaces = new Map<string, TestNamespace>();
  const used = [
    ...pods.map(({ namespace }) => namespace),
    ...policies.flatMap(({ policy }) => policy.object.metadata.namespace ?? []),
  ];
  for (const name of used) namespaces.set(name, { name, labels: namespaceLabels(name, {}) });
  for (const namespace of [...manifests.namespaces, ...file.namespaces]) namespaces.set(namespace.name, namespace);
  return [...namespaces.values()];
}

/** As after `kubectl apply` of all files: of two with one name, the second one is there. */
function lastOfEach(policies: readonly TestPolicy[], notes: string[]): readonly TestPolicy[] {
  const byId = new Map<string, TestPolicy>();
  for (const policy of policies) {
    const { id } = policy.policy;
    const earlier = byId.get(id);
    if (earlier !== undefined) {
      const [was, is] = [earlier.source, policy.source].map(({ file, line }) => `${file}:${line}`);
      notes.push(`${id} is there twice: the one of ${is} replaces that of ${was}`);
    }
    byId.set(id, policy);
  }
  return [...byId.values()];
}

function resolveExpectation(
  wish: ExpectationWish,
  pods: readonly TestPod[],
  problems: Problems,
): readonly PolicyCase[] {
  const { source, field } = wish;
  const before = problems.count;
  const sources = wish.from.flatMap((pattern) => resolveEndpoint(pattern, pods, { wish, side: "from", problems }));
  const cases = wish.to.flatMap(({ endpoint, port }) =>
    resolveEndpoint(endpoint, pods, { wish, side: "to", problems }).flatMap((to): readonly PolicyCase[] => {
      const wishes = port === undefined ? wish.ports : [port];
      const ports = resolvePorts(to, wishes, pods, { wish, problems, isPattern: isPattern(endpoint) });
      return sources.flatMap((from): readonly PolicyCase[] => {
        if (describe(from) === describe(to)) return []; // a pattern that matches both: a pod always reaches itself
        if (from.kind === "address" && to.kind === "address") {
          problems.add({ source }, field, "both ends are outside: nothing of the cluster is between them");
          return [];
        }
        return ports.map((one) => ({ from, to, ...one, expect: wish.expect, because: wish.because, source }));
      });
    }),
  );
  if (cases.length === 0 && problems.count === before) {
    problems.add({ source }, field, "it stands for no connection at all");
  }
  return cases;
}

interface Side {
  readonly wish: ExpectationWish;
  readonly side: "from" | "to";
  readonly problems: Problems;
}

function resolveEndpoint(
  pattern: EndpointPattern,
  pods: readonly TestPod[],
  { wish: { source, field }, side, problems }: Side,
): readonly TestEndpoint[] {
  if (pattern.kind === "address") return [pattern];
  const found = pods.filter(
    ({ namespace, name }) => matchesPattern(pattern.namespace, namespace) && matchesPattern(pattern.name, name),
  );
  if (found.length === 0) {
    const written = `${pattern.namespace}/${pattern.name}`;
    const hint = pods.length === 0 ? "the test has no pods" : suggestion(written, pods.map(podId).slice(0, 30));
    problems.add({ source }, `${field}.${side}`, `there is no pod "${written}"; ${hint}`);
  }
  return found.map(({ namespace, name }) => ({ kind: "pod", namespace, name }));
}

type CasePort = Pick<PolicyCase, "port" | "portName" | "protocol">;

function resolvePorts(
  to: TestEndpoint,
  wishes: readonly PortWish[],
  pods: readonly TestPod[],
  { wish: { source, field }, problems, isPattern: isOneOfMany }: Omit<Side, "side"> & { readonly isPattern: boolean },
): readonly CasePort[] {
  const declared = to.kind === "pod" ? (pods.find((pod) => podId(pod) === podId(to))?.ports ?? []) : [];
  if (wishes.length === 0) {
    if (declared.length === 0 && !isOneOfMany) {
      problems.add({ source }, `${field}.port`, `is missing, and ${describe(to)} declares no ports`);
    }
    return declared.map(({ name, port, protocol }) => ({ port, portName: name, protocol }));
  }
  return wishes.flatMap(({ port, protocol }): readonly CasePort[] => {
    if (typeof port === "number") return [{ port, protocol: protocol ?? "TCP" }];
    const named = declared.find((one) => one.name === port && (protocol === undefined || one.protocol === protocol));
    if (named !== undefined) return [{ port: named.port, portName: port, protocol: named.protocol }];
    const names = declared.flatMap(({ name }) => name ?? []);
    const hint = names.length === 0 ? "it names no ports" : suggestion(port, names);
    if (!isOneOfMany) problems.add({ source }, `${field}.port`, `${describe(to)} has no port "${port}"; ${hint}`);
    return [];
  });
}

function checkBecause(cases: readonly PolicyCase[], policies: readonly TestPolicy[], problems: Problems): void {
  const ids = policies.map(({ policy }) => policy.id);
  const reported = new Set<string>();
  for (const { because, source } of cases) {
    const key = `${source.line} ${because}`;
    if (because === undefined || because === "isolation" || ids.includes(because) || reported.has(key)) continue;
    reported.add(key);
    const hint = ids.length === 0 ? "the test has no policies" : suggestion(because, ids);
    problems.add({ source }, "because", `there is no policy "${because}"; ${hint}`);
  }
}

function isPattern(endpoint: EndpointPattern): boolean {
  return endpoint.kind === "pods" && (endpoint.namespace.includes("*") || endpoint.name.includes("*"));
}

function describe(endpoint: TestEndpoint): string {
  return endpoint.kind === "pod" ? podId(endpoint) : endpoint.address;
}

/** Addresses outside that the cases name, of one family. */
export function outsideAddresses(cases: readonly PolicyCase[], family: 4 | 6): readonly IpAddress[] {
  const addresses = cases.flatMap(({ from, to }) =>
    [from, to].flatMap((end) => (end.kind === "address" && familyOf(end.address) === family ? [end.address] : [])),
  );
  return [...new Set(addresses)];
}
