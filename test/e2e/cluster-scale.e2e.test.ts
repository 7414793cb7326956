/** A cluster as large as a small machine carries: PODWIRE_SCALE=1 runs it with 20 nodes and 200 pods. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { checkNetwork } from "#check/check-network.ts";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { deadline, sleeperDeployment, startFaultCluster } from "./fault-cluster.ts";
import { clusterMemory } from "./node-memory.ts";

const NAME = "scale";
const NODES = 20;
const PODS = 200;
const TIMEOUT = "--timeout=600s";
const CHECK_MS = 300_000;

function skipReason(): string | false {
  if (process.env["PODWIRE_SCALE"] === undefined) return "takes minutes: set PODWIRE_SCALE=1";
  if (requireRoot.skip) return requireRoot.skip;
  return findKubectls().supported.length === 0 && HOW_TO_PROVIDE;
}

suite(`${NODES} nodes`, { skip: skipReason() }, () => {
  test(`${PODS} pods boot and pass the check`, async (context) => {
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
    const report = await checkNetwork(await openClusterAccess(NAME, deadline()), { signal: deadline(CHECK_MS) });
    context.diagnostic(`check network: ${report.probes} packets, ${report.note}: ${seconds()}`);
    assert.equal(report.pods, PODS);
    assert.deepEqual(
      report.checks.filter(({ status }) => status !== "passed"),
      [],
    );
  });
});
