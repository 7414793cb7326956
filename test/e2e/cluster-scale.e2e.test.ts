/** A cluster as large as a small machine carries: PODWIRE_SCALE=1 runs it with 20 nodes and 200 pods. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { allPods, sleeperDeployment, startFaultCluster } from "./fault-cluster.ts";
import { clusterMemory } from "./node-memory.ts";
import { acrossNodes, brokenPairs } from "./reachability.ts";

const NAME = "scale";
const NODES = 20;
const PODS = 200;
const TIMEOUT = "--timeout=600s";

function skipReason(): string | false {
  if (process.env["PODWIRE_SCALE"] === undefined) return "takes minutes: set PODWIRE_SCALE=1";
  if (requireRoot.skip) return requireRoot.skip;
  return findKubectls().supported.length === 0 && HOW_TO_PROVIDE;
}

suite(`${NODES} nodes`, { skip: skipReason() }, () => {
  test(`${PODS} pods boot and reach each other`, async (context) => {
    const startedMs = performance.now();
    const seconds = (): string => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
    await using cluster = await startFaultCluster(NAME, NODES, ["--timeout", "600"]);
    context.diagnostic(`${NODES} nodes ready after ${seconds()}`);
    await cluster.apply(sleeperDeployment("many", PODS));
    await cluster.kubectl("rollout", "status", "deployment/many", TIMEOUT);
    context.diagnostic(`${PODS} pods ready after ${seconds()}`);
    const { perNodeBytes, perPodBytes, controlPlaneBytes } = clusterMemory(NAME, NODES, PODS);
    const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    context.diagnostic(
      `memory: ${mega(perNodeBytes)} per node, ${mega(perPodBytes)} per pod, control plane ${mega(controlPlaneBytes)}`,
    );
    using stack = new DisposableStack();
    const pods = (await allPods(cluster)).map((pod) => stack.use(pod));
    assert.equal(pods.length, PODS);
    assert.deepEqual(await brokenPairs(pods, acrossNodes), []);
    const pairs = pods.flatMap((from) => pods.filter((to) => acrossNodes(from, to))).length;
    context.diagnostic(`${pairs} pairs on different nodes reach each other after ${seconds()}`);
  });
});
