import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { createPolicyIndex } from "#policy/index/policy-index.ts";
import { worldNamespace, worldNetworkPolicy, worldPod } from "#policy/policy-world.ts";
import { createMemoryInformer } from "./memory-informer.ts";
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

test("createMemoryInformer tells subscribers what is there and what changes", () => {
  const [one] = sampleNamespaces();
  assert.ok(one);
  const informer = createMemoryInformer([one]);
  const heard: string[] = [];
  const say = (what: string) => (object: typeof one) => void heard.push(`${what} ${object.metadata.name}`);
  using _ = informer.subscribe({ onAdd: say("add"), onUpdate: say("update") });
  informer.set(one);
  informer.set({ ...one, metadata: { name: "new" } });
  assert.deepEqual(heard, ["add ns-0", "update ns-0", "add new"]);
  assert.equal(informer.get(undefined, "new")?.metadata.name, "new");
});

test("policyFigures compares rounds of the same run, and printPolicyBench shows it", () => {
  const figures = policyFigures({
    change: [
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
      { contestant: "no table", gigabitsPerSecond: [10, 20], connectUs: [100, 50] },
      { contestant: 1000, gigabitsPerSecond: [9, 19], connectUs: [110, 60] },
    ],
    test: { cases: 100, emptyBootMs: [10, 20], withBootMs: [50, 80], withoutBootMs: [20, 30] },
  });
  assert.deepEqual(figures.growth?.wall, { median: 1.25, min: 1, max: 1.5 });
  const [most] = figures.change;
  assert.deepEqual([most?.label.ratioToTransaction, most?.policy.ratioToTransaction], [2, 3]);
  assert.equal(figures.traffic[0]?.throughputRatio, undefined);
  assert.deepEqual(figures.traffic[1]?.throughputRatio, { median: 0.925, min: 0.9, max: 0.95 });
  assert.deepEqual(figures.test?.ratioToEmptyBoot, { median: 4.5, min: 4, max: 5 });
  const machine = { cpu: "cpu", cores: 2, kernel: "6.1", loadAverage: 1 };
  const options = {
    parts: [],
    sizes: [],
    trafficSizes: [],
    rounds: 2,
    changes: 1,
    connections: 1,
    seconds: 1,
    cases: 1,
  };
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
  assert.match(text, /^1000 .* 0\.93 \(0\.90-0\.95\)|^1000 .* 0\.92 \(0\.90-0\.95\)/m);
});
