import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { FAMILIES } from "#dataplane/contract.ts";
import { loadTestText } from "../file/load-test.ts";
import { formatOwner, isLeftOver } from "./owner.ts";
import { nameOfTest, planClusterObjects, RUN_LABEL } from "./plan-cluster-objects.ts";
import { testForCluster } from "./test-for-cluster.ts";

const TEST = `
apiVersion: podwire.io/v1
kind: PolicyTest
namespaces: {shop: {team: shop}}
pods:
  shop/web: {labels: {app: web}, ports: {http: 8080}}
  bank/db: {labels: {app: db}, node: 2}
policies:
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {namespace: bank, name: db}
    spec:
      podSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}
      ingress:
        - from:
            - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop, team: shop}}
            - namespaceSelector:
                matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [shop, kube-system]}]
            - podSelector: {}
  - apiVersion: policy.networking.k8s.io/v1alpha2
    kind: ClusterNetworkPolicy
    metadata: {name: deny}
    spec:
      tier: Admin
      priority: 1
      subject: {namespaces: {}}
      ingress: [{action: Deny, from: [{pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, podSelector: {}}}]}]
expectations:
  - {from: shop/web, to: "bank/db:5432", expect: deny}
  - {from: 203.0.113.10, to: "bank/db:5432", expect: deny}
`;
const run = { id: "a1", owner: "o", image: "busybox", nodes: ["n1", "n2", "n3"], commandOf: () => ["sleep"] };

test("planClusterObjects gives namespaces, and selectors of them, names of the run, and no others", () => {
  const objects = planClusterObjects(loadTestText(TEST, "t.yaml"), run);
  assert.deepEqual(
    objects.namespaces.map(({ metadata }) => [metadata.name, metadata.labels]),
    [
      ["pwt-a1-shop", { team: "shop", [RUN_LABEL]: "a1" }],
      ["pwt-a1-bank", { [RUN_LABEL]: "a1" }],
    ],
  );
  const [policy] = objects.networkPolicies;
  assert.equal(policy?.metadata.namespace, "pwt-a1-bank");
  assert.deepEqual(policy?.spec.podSelector, { matchLabels: { "kubernetes.io/metadata.name": "shop" } }, "of pods");
  assert.deepEqual(policy?.spec.ingress?.[0]?.from, [
    { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "pwt-a1-shop", team: "shop" } } },
    {
      namespaceSelector: {
        matchExpressions: [
          { key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["pwt-a1-shop", "kube-system"] },
        ],
      },
    },
    { podSelector: {} },
  ]);
});

test("planClusterObjects holds a ClusterNetworkPolicy to the namespaces of the run", () => {
  const [policy] = planClusterObjects(loadTestText(TEST, "t.yaml"), run).clusterNetworkPolicies;
  assert.equal(policy?.metadata.name, "pwt-a1-deny");
  assert.deepEqual(policy?.spec.subject, { namespaces: { matchLabels: { [RUN_LABEL]: "a1" } } });
  assert.deepEqual(policy?.spec.ingress?.[0]?.from[0]?.pods?.namespaceSelector, {
    matchLabels: { "kubernetes.io/metadata.name": "pwt-a1-shop" },
  });
  assert.equal(nameOfTest(run, "clusternetworkpolicy/pwt-a1-deny ingress 0"), "clusternetworkpolicy/deny ingress 0");
});

test("planClusterObjects places pods on nodes as the test says, with labels and ports of their own", () => {
  const { pods } = planClusterObjects(loadTestText(TEST, "t.yaml"), run);
  const placed = pods.map(({ metadata, spec }) => [metadata.name, spec.nodeSelector["kubernetes.io/hostname"]]);
  assert.deepEqual(new Map(placed.map(([name, node]) => [name, node])).get("db"), "n2");
  const web = pods.find(({ metadata }) => metadata.name === "web");
  assert.deepEqual(web?.metadata.labels, { app: "web" }, "no label that a selector could see");
  assert.deepEqual(web?.spec.containers[0]?.ports, [{ containerPort: 8080, protocol: "TCP", name: "http" }]);
});

test("planClusterObjects refuses a name that leaves no room for the run's", () => {
  const long = loadTestText(TEST.replaceAll("bank", "b".repeat(60)), "t.yaml");
  assert.throws(() => planClusterObjects(long, run), { name: "PolicyTestError", message: /is too long/ });
});

test("testForCluster leaves out who is outside and families that pods do not have, and says so", () => {
  const whole = loadTestText(TEST, "t.yaml");
  const same = testForCluster(whole, FAMILIES);
  assert.deepEqual([same.cases.length, same.families], [1, [4, 6]]);
  assert.match(same.notes.join(), /addresses outside are left out \(1\)/);
  const tcp = testForCluster({ ...whole, cases: whole.cases.map((one) => ({ ...one, protocol: "UDP" })) }, FAMILIES, [
    "TCP",
  ]);
  assert.equal(tcp.cases.length, 0);
  assert.match(tcp.notes.join(), /of other protocols than TCP are left out \(1\)/);
  const single = testForCluster(whole, [4]);
  assert.deepEqual(single.families, [4]);
  assert.match(single.notes.join(), /IPv6 is left out/);
});

test("isLeftOver knows a process that has ended, and leaves alone one that runs or is elsewhere", () => {
  const now = Date.now() / 1000;
  const own = formatOwner(now + 60);
  assert.equal(isLeftOver(own, now), false);
  assert.equal(isLeftOver(own, now + 61), true, "its time is over");
  assert.equal(isLeftOver("", now), true);
  const { pid } = spawnSync("true");
  const [boot = "", pids = "", , start = "", deadline = ""] = own.split(" ");
  assert.equal(isLeftOver([boot, pids, pid, start, deadline].join(" "), now), true, "ended");
  assert.equal(isLeftOver([boot, pids, process.pid, "1", deadline].join(" "), now), true, "another with its number");
  assert.equal(isLeftOver(["other", pids, pid, start, deadline].join(" "), now), false, "another machine");
});
