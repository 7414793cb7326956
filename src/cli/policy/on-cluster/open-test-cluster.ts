/** The cluster that `podwire policy test --cluster` runs on: opened once for all tests, swept of what killed runs have left. */
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import { familyOf, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { clusterPaths } from "#cluster/cluster-paths.ts";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import { FAMILIES } from "#dataplane/contract.ts";
import { testForCluster } from "#policy-test/cluster/test-for-cluster.ts";
import type { PolicyTest } from "#policy-test/policy-test.ts";
import type { StartProbeWorld } from "#policy-test/probe-world.ts";
import { clusterStatus } from "../../cluster/cluster-name.ts";
import { removeLeftRuns } from "./remove-runs.ts";
import { startClusterWorld } from "./start-cluster-world.ts";
import { startRemoteWorld } from "./start-remote-world.ts";

export interface OpenTestClusterOptions {
  readonly name: string;
  /** Of a cluster elsewhere. */
  readonly kubeconfig?: string | undefined;
  readonly image: string;
  readonly deadlineSeconds: number;
}

export interface TestCluster extends AsyncDisposable {
  /** What of it the cluster can show. */
  testFor(test: PolicyTest): PolicyTest;
  readonly startWorld: StartProbeWorld;
}

export async function openTestCluster(
  { name, kubeconfig, ...options }: OpenTestClusterOptions,
  signal: AbortSignal,
): Promise<TestCluster> {
  if (kubeconfig === undefined) await clusterStatus(name, signal); // says so when it is not up
  const access = kubeconfig === undefined ? await openClusterAccess(name, signal) : undefined;
  const cluster = loadKubeconfig(kubeconfig ?? clusterPaths(name, process.env).kubeconfig);
  await using stack = new AsyncDisposableStack();
  const client = stack.use(createHttpClient(cluster, { userAgent: "podwire-policy-test" }));
  const removed = await removeLeftRuns(client, signal);
  if (removed.length > 0) process.stderr.write(`removed what killed runs had left: ${removed.join(", ")}\n`);
  const { items } = await client.list(nodeKind, {}, signal);
  const ready = items.filter(isUsable);
  const families = familiesOf(ready);
  const nodes = ready.map(({ metadata }) => metadata.name ?? "");
  const owned = stack.move();
  return {
    testFor: (test) => testForCluster(test, families, access === undefined ? ["TCP"] : undefined),
    startWorld: (test, until) =>
      access === undefined
        ? startRemoteWorld(test, { ...options, client, cluster, nodes }, until)
        : startClusterWorld(test, { ...options, client, access }, until),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function isUsable({ spec, status }: Node): boolean {
  const isReady = status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True");
  return (
    isReady === true &&
    spec?.unschedulable !== true &&
    !spec?.taints?.some(({ effect }) => effect !== "PreferNoSchedule")
  );
}

/** Of pods, by the nodes' pod CIDRs; where another IPAM gives addresses, as the nodes' own. */
function familiesOf(nodes: readonly Node[]) {
  const prefixes = nodes.flatMap(({ spec }) => spec?.podCIDRs ?? []).map((text) => parsePrefix(text).address);
  const own = nodes.flatMap(({ status }) => status?.addresses ?? []).filter(({ type }) => type === "InternalIP");
  const addresses = prefixes.length > 0 ? prefixes : own.map(({ address }) => parseAddress(address));
  const found = new Set(addresses.map(familyOf));
  return FAMILIES.filter((family) => found.has(family));
}
