/** Why a connection may be or not, by the model, with the smallest change that would turn it round. Pure. */
import type { Family } from "#base/ip-address.ts";
import { causesOf, explainVerdict } from "#policy/explain-verdict.ts";
import { parseTarget, TargetError } from "./file/parse-target.ts";
import { suggestion } from "./file/read-fields.ts";
import type { Flow } from "./matrix.ts";
import { smallestChange } from "./model/smallest-change.ts";
import { createTestModel } from "./model/test-world.ts";
import { describeCase, type Expectation, type PolicyTest, podId, type TestEndpoint } from "./policy-test.ts";
import { planSandbox } from "./sandbox/plan-sandbox.ts";

export interface FlowExplanation {
  readonly title: string;
  readonly families: readonly Family[];
  readonly verdict: Expectation;
  readonly because: readonly string[];
  readonly explanation: readonly string[];
  readonly change: readonly string[] | undefined;
}

/** Families that come to the same are one explanation. */
export function explainFlow(test: PolicyTest, flow: Flow): readonly FlowExplanation[] {
  const outside = { ...flow, expect: "allow", source: { file: test.file, line: 1 } } as const;
  const plan = planSandbox({ ...test, cases: [...test.cases, outside] });
  const model = createTestModel(test, test.policies, plan);
  const explanations = new Map<string, FlowExplanation>();
  for (const family of test.families) {
    const verdict = model.verdict(flow, family);
    if (verdict === undefined) continue;
    const explanation = explainVerdict(model.world, verdict);
    const known = explanations.get(explanation.join("\n"));
    const opposite = { ...outside, expect: verdict.allowed ? "deny" : "allow" } as const;
    explanations.set(explanation.join("\n"), {
      title: describeCase(flow),
      families: [...(known?.families ?? []), family],
      verdict: verdict.allowed ? "allow" : "deny",
      because: causesOf(verdict),
      explanation,
      change: known?.change ?? smallestChange(opposite, family, { test, plan }),
    });
  }
  return [...explanations.values()];
}

/** `FROM TO:PORT` of the command line. Throws TargetError. */
export function parseFlow(test: PolicyTest, from: string, to: string): Flow {
  const source = parseTarget(from, "default");
  const target = parseTarget(to, "default");
  if (source.port !== undefined) throw new TargetError(`"${from}" has a port: only the target has one`);
  const [fromEnd, toEnd] = [source, target].map(({ endpoint }) => endpointOf(test, endpoint));
  if (fromEnd === undefined || toEnd === undefined) throw new TargetError("both ends are needed");
  const { port } = target;
  if (port === undefined) throw new TargetError(`"${to}" has no port: write ${to}:80`);
  const pod = test.pods.find((one) => toEnd.kind === "pod" && podId(one) === podId(toEnd));
  if (typeof port.port === "number")
    return { from: fromEnd, to: toEnd, port: port.port, protocol: port.protocol ?? "TCP" };
  const named = pod?.ports.find(({ name }) => name === port.port);
  if (named === undefined) {
    const names = pod?.ports.flatMap(({ name }) => name ?? []) ?? [];
    throw new TargetError(`"${to}": there is no port "${port.port}"; ${suggestion(port.port, names)}`);
  }
  return { from: fromEnd, to: toEnd, port: named.port, protocol: named.protocol };
}

function endpointOf({ pods }: PolicyTest, endpoint: ReturnType<typeof parseTarget>["endpoint"]): TestEndpoint {
  if (endpoint.kind === "address") return endpoint;
  const { namespace, name } = endpoint;
  if (pods.some((pod) => podId(pod) === podId(endpoint))) return { kind: "pod", namespace, name };
  throw new TargetError(
    `there is no pod "${podId(endpoint)}"; ${suggestion(podId(endpoint), pods.map(podId).slice(0, 30))}`,
  );
}
