/**
 * How long a policy test takes, with and without the start of its sandbox, next to the start of an empty cluster of as
 * many nodes, and of an empty sandbox.
 */
import { policyTest } from "#policy-test/define-test.ts";
import { planSandbox } from "#policy-test/sandbox/plan-sandbox.ts";
import { startSandbox } from "#policy-test/sandbox/start-sandbox.ts";
import { startBenchCluster } from "../cluster/bench-cluster.ts";
import { sampleTest, TEST_NODES } from "./sample-test.ts";
import type { PolicyWorkerOptions, TestSamples } from "./worker-protocol.ts";

/** Rounds that do not count. */
const WARM_UP_ROUNDS = 1;

export async function measureTests(
  { podwire, rounds, each }: PolicyWorkerOptions,
  signal: AbortSignal,
): Promise<TestSamples> {
  const samples = {
    clusterBootMs: [] as number[],
    emptyBootMs: [] as number[],
    withBootMs: [] as number[],
    withoutBootMs: [] as number[],
  };
  const definition = sampleTest(each);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const clusterBootMs = await timeOf(() => startBenchCluster({ podwire, name: "bench", nodes: TEST_NODES }, signal));
    const emptyBootMs = await timeOf(() =>
      startSandbox(planSandbox({ nodes: TEST_NODES, pods: [], cases: [] }), signal),
    );
    const startedMs = performance.now();
    const { cases, phases } = await policyTest(definition, { signal });
    const withBootMs = performance.now() - startedMs;
    const bad = cases.find(({ status }) => status !== "passed");
    if (bad !== undefined) throw new Error(`Cannot measure policy tests: ${bad.title} ${bad.status}`);
    if (round < 0) continue;
    samples.clusterBootMs.push(clusterBootMs);
    samples.emptyBootMs.push(emptyBootMs);
    samples.withBootMs.push(withBootMs);
    samples.withoutBootMs.push(withBootMs - (phases["boot"] ?? 0));
  }
  return { cases: each, ...samples };
}

/** Of the start alone: taking it down again is not in it. */
async function timeOf(start: () => Promise<AsyncDisposable>): Promise<number> {
  const startedMs = performance.now();
  await using _ = await start();
  return performance.now() - startedMs;
}
