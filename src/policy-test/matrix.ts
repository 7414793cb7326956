/** Who can reach whom, by the model: every pod and port that is declared or tested, from every pod and outside address. Pure. */
import type { Family } from "#base/ip-address.ts";
import { createTestModel } from "./model/test-world.ts";
import {
  describeEndpoint,
  describeTarget,
  type Expectation,
  type PolicyCase,
  type PolicyTest,
  podId,
  type TestEndpoint,
} from "./policy-test.ts";
import type { Places } from "./probe-world.ts";
import { planSandbox } from "./sandbox/plan-sandbox.ts";

export interface MatrixCell {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly protocol: PolicyCase["protocol"];
  /** `partly`: one family, and not the other. */
  readonly verdict: Expectation | "partly";
}

export interface Matrix {
  readonly sources: readonly string[];
  /** `shop/db:5432` */
  readonly targets: readonly string[];
  readonly cells: readonly MatrixCell[];
}

/** Where a pod declares no ports and none is tested, one is taken for all that nobody names. */
const ANY_PORT = 1;

export type Flow = Pick<PolicyCase, "from" | "to" | "port" | "protocol">;

/** All connections of the matrix; a pod to itself is none. */
export function matrixFlows(test: PolicyTest): readonly Flow[] {
  const outside = outsideEndpoints(test);
  const pods = test.pods.map(({ namespace, name }): TestEndpoint => ({ kind: "pod", namespace, name }));
  const targets = [...pods, ...outside].flatMap((to) => portsOf(test, to).map((port) => ({ to, ...port })));
  return [...pods, ...outside].flatMap((from) =>
    targets.flatMap((target) => {
      const isSelf = describeEndpoint(from) === describeEndpoint(target.to);
      const isOutside = from.kind === "address" && target.to.kind === "address";
      return isSelf || isOutside ? [] : [{ from, ...target }];
    }),
  );
}

export function createMatrix(test: PolicyTest): Matrix {
  const verdictOf = flowVerdicts(test, planSandbox(test));
  const cells = matrixFlows(test).map(({ from, to, port, protocol }): MatrixCell => {
    const ends = { from: describeEndpoint(from), to: describeEndpoint(to) };
    return { ...ends, port, protocol, verdict: verdictOf({ from, to, port, protocol }) };
  });
  const sources = [...new Set(cells.map(({ from }) => from))];
  const byTarget = cells.toSorted((a, b) => sources.indexOf(a.to) - sources.indexOf(b.to));
  return { sources, targets: [...new Set(byTarget.map(targetName))], cells };
}

export function flowVerdicts(test: PolicyTest, plan: Places): (flow: Flow) => MatrixCell["verdict"] {
  const model = createTestModel(test, test.policies, plan);
  return (flow) => {
    const answers = test.families.flatMap((family: Family) => model.verdict(flow, family) ?? []);
    const allowed = answers.filter((answer) => answer.allowed).length;
    return allowed === answers.length ? "allow" : allowed === 0 ? "deny" : "partly";
  };
}

export function targetName({ to, port, protocol }: Pick<MatrixCell, "to" | "port" | "protocol">): string {
  return describeTarget(to, port === ANY_PORT ? "*" : port, protocol);
}

function outsideEndpoints({ cases }: PolicyTest): readonly TestEndpoint[] {
  const ends = cases.flatMap(({ from, to }) => [from, to]).filter(({ kind }) => kind === "address");
  return [...new Map(ends.map((end) => [describeEndpoint(end), end])).values()];
}

function portsOf({ pods, cases }: PolicyTest, to: TestEndpoint): readonly Pick<Flow, "port" | "protocol">[] {
  const name = describeEndpoint(to);
  const declared = pods.filter((pod) => podId(pod) === name).flatMap(({ ports }) => ports);
  const tested = cases.filter((one) => describeEndpoint(one.to) === name);
  const all = [...declared, ...tested].map(({ port, protocol }) => ({ port, protocol }));
  const ports = [...new Map(all.map((one) => [`${one.port}/${one.protocol}`, one])).values()];
  return ports.length > 0
    ? ports.sort((a, b) => a.port - b.port)
    : to.kind === "pod"
      ? [{ port: ANY_PORT, protocol: "TCP" }]
      : [];
}
