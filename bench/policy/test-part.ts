/** How long a policy test takes, with and without the start of its sandbox, next to the start of an empty one. */
import { policyTest } from "#policy-test/define-test.ts";
import { planSandbox } from "#policy-test/sandbox/plan-sandbox.ts";
import { startSandbox } from "#policy-test/sandbox/start-sandbox.ts";
import { sampleTest, TEST_NODES } from "./sample-test.ts";
import type { PolicyWorkerOptions, TestSamples } from "./worker-protocol.ts";

/** Rounds that do not count. */
const WARM_UP_ROUNDS = 1;

export async function measureTests(
  { rounds, each }: Pick<PolicyWorkerOptions, "rounds" | "each">,
  signal: AbortSignal,
): Promise<TestSamples> {
  const samples = { emptyBootMs: [] as number[], withBootMs: [] as number[], withoutBootMs: [] as number[] };
  const definition = sampleTest(each);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const emptyBootMs = await startEmpty(signal);
    const startedMs = performance.now();
    const { cases, phases } = await policyTest(definition, { signal });
    const withBootMs = performance.now() - startedMs;
    const bad = cases.find(({ status }) => status !== "passed");
    if (bad !== undefined) throw new Error(`Cannot measure policy tests: ${bad.title} ${bad.status}`);
    if (round < 0) continue;
    samples.emptyBootMs.push(emptyBootMs);
    samples.withBootMs.push(withBootMs);
    samples.withoutBootMs.push(withBootMs - (phases["boot"] ?? 0));
  }
  return { cases: each, ...samples };
}

async function startEmpty(signal: AbortSignal): Promise<number> {
  const startedMs = performance.now();
  await using _ = await startSandbox(planSandbox({ nodes: TEST_NODES, pods: [], cases: [] }), signal);
  return performance.now() - startedMs;
}
