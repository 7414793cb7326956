import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkPolicy } from "#api/kinds/network-policy.ts";
import { parseAddress } from "#base/ip-address.ts";
import { createPolicyIndex } from "#policy/index/policy-index.ts";
import { namespaceNamed, worldNamespace, worldNetworkPolicy, worldPod } from "#policy/policy-world.ts";
import { verdict } from "#policy/verdict.ts";
import {
  ALLOW_FRIENDS,
  POLICY_PORT as CLUSTER_PORT,
  changedPolicy,
  FRIEND,
  fillerPolicy,
  ISOLATE,
  LABEL_PORT,
  NAMESPACE,
} from "./cluster/cluster-policies.ts";
import { policyFigures } from "./policy-figures.ts";
import { printPolicyBench } from "./print-policy-bench.ts";
import {
  clientPod,
  otherPods,
  PODS,
  PODS_HERE,
  SERVER,
  sampleNamespaces,
  samplePolicies,
  serverPod,
} from "./sample-policies.ts";
import { sampleTest } from "./sample-test.ts";

const CLIENT_ADDRESSES = [parseAddress("10.244.1.10")];
const KIND = { allowToKernelMs: [1, 2], forbidToKernelMs: [3] };

test("samplePolicies isolate the server's pod, and a label of the client's decides", () => {
  const index = createPolicyIndex({ node: `node-${SERVER.node}` });
  for (const one of sampleNamespaces()) index.setNamespace(worldNamespace(one));
  for (const { pod } of otherPods()) index.setPod(worldPod(pod));
  index.setPod(worldPod(serverPod([parseAddress("10.244.2.10")])));
  index.setPod(worldPod(clientPod(CLIENT_ADDRESSES, false)));
  for (const one of samplePolicies(PODS + 1)) index.setPolicy(worldNetworkPolicy(one));
  index.takeChanges();
  const isolating = index.podRules("ns-0/pod-0")?.ingress.network ?? [];
  assert.deepEqual(isolating.toSorted(), ["networkpolicy/ns-0/policy-0", "networkpolicy/ns-0/policy-500"]);
  index.setPod(worldPod(clientPod(CLIENT_ADDRESSES, true)));
  const { addressSets } = index.takeChanges();
  const added = [...addressSets.values()].flatMap((one) => (one?.kind === "delta" ? one.add : []));
  assert.deepEqual(added, CLIENT_ADDRESSES);
});

test("otherPods have addresses of their own, and fill the server's node", () => {
  const all = otherPods();
  const addresses = all.flatMap((one) => one.addresses);
  assert.equal(new Set(addresses).size, 2 * (PODS - 1));
  assert.equal(all.filter(({ pod }) => pod.spec.nodeName === `node-${SERVER.node}`).length, PODS_HERE - 1);
});

test("sampleTest has as many cases as are asked for, of both kinds", () => {
  const { expectations } = sampleTest(100);
  assert.equal(new Set(expectations.map(({ from, to }) => `${from} ${to}`)).size, 100);
  assert.deepEqual([...new Set(expectations.map(({ expect }) => expect))].toSorted(), ["allow", "deny"]);
  assert.throws(() => sampleTest(1000), /there are 132 pairs/);
});

test("changedPolicy decides whether the client reaches servers, and a friend does so without it", () => {
  const index = createPolicyIndex();
  index.setNamespace(namespaceNamed(NAMESPACE, {}));
  const ends = { client: parseAddress("10.244.0.2"), server: parseAddress("10.244.1.2") };
  const pod = (name: keyof typeof ends, labels: Readonly<Record<string, string>>) =>
    worldPod({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace: NAMESPACE, name, labels: { app: name, ...labels } },
      spec: { containers: [] },
      status: { phase: "Running", podIPs: [{ ip: ends[name] }] },
    });
  index.setPod(pod("server", {}));
  index.setPod(pod("client", {}));
  const set = (draft: Omit<NetworkPolicy, "apiVersion" | "kind">) =>
    index.setPolicy(worldNetworkPolicy({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", ...draft }));
  for (const one of [ISOLATE, ALLOW_FRIENDS, fillerPolicy(0)]) set(one);
  const flow = { family: 4, source: ends.client, destination: ends.server, protocol: "UDP" } as const;
  const isAllowed = (port: number): boolean => {
    index.takeChanges();
    return verdict(index.model(), { ...flow, port }).allowed;
  };
  assert.deepEqual([isAllowed(CLUSTER_PORT), isAllowed(LABEL_PORT)], [false, false]);
  set(changedPolicy(true));
  assert.deepEqual([isAllowed(CLUSTER_PORT), isAllowed(LABEL_PORT)], [true, false]);
  set(changedPolicy(false));
  index.setPod(pod("client", FRIEND));
  assert.deepEqual([isAllowed(CLUSTER_PORT), isAllowed(LABEL_PORT)], [false, true]);
});

test("policyFigures takes changes through the API together, and compares sizes", () => {
  const samples = (enforced: number) => ({
    answeredMs: [1],
    firstNodeMs: [2],
    enforcedMs: [enforced],
    programmedMs: [9],
  });
  const changes = (of: number) => ({
    "policy created": samples(of),
    "policy opens": samples(of),
    "policy closes": samples(of + 1),
    "policy deleted": { ...samples(of + 2), programmedMs: [] },
    "label allows": samples(of),
    "label forbids": samples(of),
  });
  const { cluster, clusterGrowth, starts } = policyFigures({
    cluster: {
      changes: [
        { policies: 10, changes: changes(4), transactionMs: [2], labelCpuMs: [1, 2] },
        { policies: 5000, changes: changes(6), transactionMs: [2], labelCpuMs: [2, 2] },
      ],
      starts: {
        "no policy": { sandboxToPacketMs: [10], createToPacketMs: [50] },
        "default deny": { sandboxToPacketMs: [12], createToPacketMs: [53] },
      },
    },
  });
  const any = cluster.find(({ policies, change }) => policies === 10 && change === "any policy change");
  assert.deepEqual(any?.enforcedMs, { median: 4.5, min: 4, max: 6, p99: 6 });
  assert.deepEqual([any?.changes, any?.programmedMs?.median, any?.ratioToTransaction.median], [4, 9, 2.25]);
  assert.deepEqual(clusterGrowth, { enforced: 1.5, cpu: { median: 1.5, min: 1, max: 2 } });
  assert.deepEqual(
    starts.map(({ kind, sandboxToPacketMs }) => [kind, sandboxToPacketMs.median]),
    [
      ["no policy", 10],
      ["default deny", 12],
    ],
  );
});

test("policyFigures compares rounds of the same run, and printPolicyBench shows it", () => {
  const figures = policyFigures({
    loop: [
      {
        policies: 5000,
        label: { ...KIND, allowToPacketMs: [4, 4] },
        policy: { ...KIND, allowToPacketMs: [6] },
        transactionMs: [2],
        labelWallMs: [3, 2],
        labelCpuMs: [2, 2],
      },
      {
        policies: 10,
        label: { ...KIND, allowToPacketMs: [2] },
        policy: { ...KIND, allowToPacketMs: [2] },
        transactionMs: [1],
        labelWallMs: [2, 2],
        labelCpuMs: [1, 2],
      },
    ],
    traffic: [
      { contestant: "no table", gigabitsPerSecond: [10, 20], cpuSecondsPerGigabyte: [1, 1], connectUs: [100, 50] },
      { contestant: 1000, gigabitsPerSecond: [9, 19], cpuSecondsPerGigabyte: [1.5, 2], connectUs: [110, 60] },
    ],
    test: {
      cases: 100,
      clusterBootMs: [100, 100],
      emptyBootMs: [10, 20],
      withBootMs: [50, 80],
      withoutBootMs: [20, 30],
    },
  });
  assert.deepEqual(figures.growth?.wall, { median: 1.25, min: 1, max: 1.5 });
  const [most] = figures.loop;
  assert.deepEqual([most?.label.ratioToTransaction, most?.policy.ratioToTransaction], [2, 3]);
  assert.equal(figures.traffic[0]?.throughputRatio, undefined);
  assert.deepEqual(figures.traffic[1]?.throughputRatio, { median: 0.925, min: 0.9, max: 0.95 });
  assert.equal(figures.traffic[1]?.cpuRatio?.median, 1.75);
  assert.deepEqual(figures.test?.ratioToEmptyBoot, { median: 4.5, min: 4, max: 5 });
  assert.deepEqual(figures.test?.ratioToClusterBoot, { median: 0.65, min: 0.5, max: 0.8 });
  const machine = { cpu: "cpu", cores: 2, kernel: "6.1", loadAverage: 1 };
  const part = { sizes: [], rounds: 2, each: 1 };
  const options = { parts: [], each: { cluster: part, loop: part, traffic: part, test: part } };
  const text = printPolicyBench({
    benchmark: "policy",
    startedAt: "",
    durationMs: 1,
    machine: { ...machine, architecture: "", memoryBytes: 0, node: "", iptables: "", stateFilesystem: "" },
    options,
    figures,
  });
  assert.match(text, /most policies by fewest: +allowing 1\.00, both 1\.25 \(1\.00-1\.50\), CPU 1\.50 \(1\.00-2\.00\)/);
  assert.match(text, /^no table +15\.00 \(10\.00-20\.00\)/m);
  assert.match(text, /^1000 .* 0\.925 \(0\.900-0\.950\)/m);
});
