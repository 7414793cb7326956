/** Which connections two sets of policies answer differently, by the model, and which tests would show it on the kernel. Pure. */
import { type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import { diff, type FlowChange as ModelChange } from "#policy/diff.ts";
import type { End } from "#policy/ends.ts";
import { causesOf, explainVerdict } from "#policy/explain-verdict.ts";
import { POLICY_PROTOCOLS, type PolicyProtocol } from "#policy/rule-model.ts";
import type { PortRange } from "#policy/stretches.ts";
import { outsideAddresses } from "./file/resolve-test.ts";
import type { Flow } from "./matrix.ts";
import { createTestModel, type TestModel } from "./model/test-world.ts";
import {
  describeTarget,
  type Expectation,
  type PolicyTest,
  podId,
  type TestEndpoint,
  type TestPort,
} from "./policy-test.ts";
import { isOutside, planSandbox } from "./sandbox/plan-sandbox.ts";

export interface FlowChange {
  /** One of them, at a port that the target declares where there is one. */
  readonly flow: Flow;
  /** All of them: `shop/web → shop/db:9000-9100`, `192.0.2.1 (in 192.0.2.0/24) → shop/db:1-65535/any`. */
  readonly title: string;
  readonly ports: PortRange;
  readonly protocols: readonly PolicyProtocol[];
  readonly families: readonly Family[];
  readonly was: Expectation;
  readonly now: Expectation;
  /** Policies whose rules allow it, on the side that does; empty where no policy has to. */
  readonly because: readonly string[];
  readonly explanation: readonly string[];
}

export interface TestDiff {
  readonly changes: readonly FlowChange[];
  /** Pairs of ends that were compared, at all ports. */
  readonly pairs: number;
  /** Pods that only one side has: nothing is said about them. */
  readonly onlyOld: readonly string[];
  readonly onlyNew: readonly string[];
}

interface Side {
  readonly test: PolicyTest;
  readonly model: TestModel;
}

export function diffTests(was: PolicyTest, now: PolicyTest): TestDiff {
  const [oldPods, newPods] = [new Set(was.pods.map(podId)), new Set(now.pods.map(podId))];
  const families = now.families.filter((family) => was.families.includes(family));
  const [before, after] = [sideOf(was), sideOf(now)];
  const given = families.flatMap((family) => outsideAddresses([...was.cases, ...now.cases], family));
  const found = diff(before.model.world, after.model.world, {
    given: [...new Set(given)],
    isOutside: (address) => families.includes(familyOf(address)) && isOutside(address),
  });
  return {
    changes: sameProtocols(found.changes, families).map((change) => describeChange(change, before, after)),
    pairs: found.pairs,
    onlyOld: [...oldPods].filter((id) => !newPods.has(id)),
    onlyNew: [...newPods].filter((id) => !oldPods.has(id)),
  };
}

/** The test with the changed connections as its cases: what `--verify` runs, once for each side. */
export function verifyingTest(test: PolicyTest, changes: readonly FlowChange[], side: "was" | "now"): PolicyTest {
  const source = { file: test.file, line: 1 };
  const cases = changes.map((change) => ({ ...change.flow, families: change.families, expect: change[side], source }));
  return { ...test, cases };
}

function sideOf(test: PolicyTest): Side {
  return { test, model: createTestModel(test, test.policies, planSandbox(test)) };
}

type Change = Omit<ModelChange, "protocol"> & { readonly protocols: readonly PolicyProtocol[] };

/** One change where all protocols change alike, as they do where a rule names no port. */
function sameProtocols(changes: readonly ModelChange[], asked: readonly Family[]): readonly Change[] {
  const groups = new Map<string, Change[]>();
  for (const { protocol, ...change } of changes) {
    const families = change.families.filter((family) => asked.includes(family));
    if (families.length === 0) continue;
    const { from, to, ports, after, because } = change;
    const key = JSON.stringify([from.name, to.name, ports, families, after, because]);
    groups.set(key, [...(groups.get(key) ?? []), { ...change, families, protocols: [protocol] }]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length < POLICY_PROTOCOLS.length) return group;
    return [{ ...first, protocols: POLICY_PROTOCOLS }];
  });
}

function describeChange(change: Change, before: Side, after: Side): FlowChange {
  const { from, to, ports, protocols, families } = change;
  const flow: Flow = { from: endpointOf(from, after), to: endpointOf(to, after), ...exampleOf(change, after) };
  const [family = 4] = families;
  const [old, next] = [before.model.verdict(flow, family), after.model.verdict(flow, family)];
  if (old === undefined || next === undefined)
    throw new Error(`Cannot compare ${from.name} and ${to.name}: no address`);
  const range = ports.first === ports.last ? String(ports.first) : `${ports.first}-${ports.last}`;
  const protocol = protocols.length > 1 ? "any" : (protocols[0] ?? "TCP");
  return {
    flow,
    title: `${from.name}${groupOf(from)} → ${describeTarget(to.name, range, protocol)}${groupOf(to)}`,
    ports,
    protocols,
    families,
    was: old.allowed ? "allow" : "deny",
    now: next.allowed ? "allow" : "deny",
    because: causesOf(next.allowed ? next : old),
    explanation: explainVerdict(after.model.world, next),
  };
}

function groupOf({ group }: End): string {
  return group === undefined ? "" : ` (${group})`;
}

function exampleOf({ to, ports, protocols }: Change, { test }: Side): Pick<TestPort, "port" | "protocol"> {
  const declared = test.pods.find((pod) => podId(pod) === to.name)?.ports ?? [];
  const isAmong = ({ port, protocol }: TestPort): boolean =>
    protocols.includes(protocol) && ports.first <= port && port <= ports.last;
  const { port, protocol } = declared.find(isAmong) ?? { port: ports.first, protocol: protocols[0] ?? "TCP" };
  return { port, protocol };
}

function endpointOf({ kind, name, addresses }: End, { test }: Side): TestEndpoint {
  if (kind === "outside") return { kind: "address", address: onlyAddress(addresses) };
  const pod = test.pods.find((one) => podId(one) === name);
  if (pod === undefined) throw new Error(`Cannot compare ${name}: the test has no such pod`);
  return { kind: "pod", namespace: pod.namespace, name: pod.name };
}

function onlyAddress([address]: readonly IpAddress[]): IpAddress {
  if (address === undefined) throw new Error("Cannot compare: an end outside has no address");
  return address;
}
