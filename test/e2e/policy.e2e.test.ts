/**
 * NetworkPolicies on a running cluster: what is denied stays so while agents are killed, what is allowed goes on, and pods
 * that start under default deny hear nothing of a peer that floods their addresses. Packets are counted inside the pods.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { namespace as namespaceKind } from "#api/kinds/namespace.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { allPods, deadline, type FaultCluster, startFaultCluster } from "./fault-cluster.ts";
import { kubectlOf, podwire, startPodwire, tryPodwire, useOwnClusterFolders } from "./podwire-command.ts";
import { startUdpFlood } from "./udp-flood.ts";

const NAME = "e2e-policy";
const needs = requireRoot.skip ? requireRoot : { skip: findKubectls().supported.length === 0 && HOW_TO_PROVIDE };
const DEADLINE = "--timeout=60s";
/** More by the variables; these are what a test run has time for. */
const STORM_PODS = Number(process.env["PODWIRE_STORM_PODS"] ?? 40);
const AGENT_KILLS = Number(process.env["PODWIRE_AGENT_KILLS"] ?? 10);
/** A node has room for 110 pods. */
const NODES = Math.max(2, Math.ceil((STORM_PODS + 20) / 100));

interface PodOptions {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly command: string;
  readonly node?: number;
}

function podOf({ name, labels, command, node }: PodOptions) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: {
      terminationGracePeriodSeconds: 0,
      ...(node !== undefined && { nodeSelector: { "kubernetes.io/hostname": `${NAME}-${node}` } }),
      containers: [{ name: "main", image: "busybox", command: ["sh", "-c", command] }],
    },
  };
}

function policyOf(name: string, spec: object) {
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name }, spec };
}

const listOf = (items: readonly object[]): string => JSON.stringify({ apiVersion: "v1", kind: "List", items });
const SERVE = "mkdir /www; echo here >/www/index.html; exec httpd -f -p 80 -h /www";
const IDLE = "exec sleep 3600";
const DENY_ALL = policyOf("deny-all", {
  podSelector: { matchLabels: { guarded: "yes" } },
  policyTypes: ["Ingress", "Egress"],
});
/** Namespaces are selected by name, and a policy of the whole cluster is about nobody else's pods. */
const POLICY_TEST = `
apiVersion: podwire.io/v1
kind: PolicyTest
namespaces: {shop: {team: shop}}
pods:
  shop/web: {labels: {app: web}, ports: {http: 8080, dns: 53/UDP, sig: 2905/SCTP}, node: 1}
  shop/client: {labels: {app: client}, node: 2}
  bank/client: {labels: {app: client}, node: 1}
policies:
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {namespace: shop, name: web}
    spec:
      podSelector: {matchLabels: {app: web}}
      ingress:
        - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}]
          ports: [{port: http}, {port: dns, protocol: UDP}, {port: sig, protocol: SCTP}]
  - apiVersion: policy.networking.k8s.io/v1alpha2
    kind: ClusterNetworkPolicy
    metadata: {name: no-finger}
    spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 79}}}]}]}
expectations:
  - {from: shop/client, to: shop/web, expect: allow, because: networkpolicy/shop/web}
  - {from: shop/client, to: "shop/web:8081", expect: deny, because: isolation}
  - {from: bank/client, to: shop/web, expect: deny, because: isolation}
  - {from: shop/web, to: ["bank/client:80", "shop/client:80"], expect: allow}
  - {from: shop/web, to: "bank/client:79", expect: deny, because: clusternetworkpolicy/no-finger}
  - {from: 203.0.113.10, to: shop/web, expect: deny}
`;
const ALLOW = policyOf("allow", {
  podSelector: { matchLabels: { app: "web" } },
  policyTypes: ["Ingress"],
  ingress: [{ from: [{ podSelector: { matchLabels: { app: "client" } } }], ports: [{ protocol: "TCP", port: 80 }] }],
});

suite("policies on a cluster", needs, () => {
  let removeFolders: () => void;
  let cluster: FaultCluster;
  let kubectl: ReturnType<typeof kubectlOf>;
  let webAddress: string;
  const asks = async (pod: string): Promise<"answer" | "nothing"> => {
    const said = await kubectl([
      ...["exec", pod, "--", "sh", "-c"],
      `timeout 2 wget -q -O - http://${webAddress}/ || echo nothing`,
    ]);
    return said.includes("here") ? "answer" : "nothing";
  };
  before(async () => {
    removeFolders = useOwnClusterFolders();
    cluster = await startFaultCluster(NAME, NODES);
    kubectl = kubectlOf(cluster.kubeconfig);
    const pods = [
      podOf({ name: "web", labels: { app: "web", guarded: "yes" }, command: SERVE, node: 1 }),
      podOf({ name: "client", labels: { app: "client" }, command: IDLE, node: 2 }),
      podOf({ name: "near", labels: { app: "other" }, command: IDLE, node: 1 }),
      podOf({ name: "far", labels: { app: "other" }, command: IDLE, node: 2 }),
    ];
    await kubectl(["apply", "-f", "-"], listOf(pods));
    await kubectl(["wait", "pods", "--all", "--for=condition=Ready", DEADLINE]);
    webAddress = await kubectl(["get", "pod", "web", "-o", "jsonpath={.status.podIP}"]);
  });
  after(async () => {
    await tryPodwire(["down", "--all"]);
    removeFolders();
  });

  test("default deny closes, an allow opens for whom it names, and taking both away opens for all", async () => {
    assert.deepEqual(await Promise.all(["client", "near", "far"].map(asks)), ["answer", "answer", "answer"]);
    await kubectl(["apply", "-f", "-"], listOf([DENY_ALL]));
    await podwire("wait", "policy", "default/deny-all", "--name", NAME);
    assert.deepEqual(await Promise.all(["client", "near", "far"].map(asks)), ["nothing", "nothing", "nothing"]);
    await kubectl(["apply", "-f", "-"], listOf([ALLOW]));
    await kubectl(["wait", "networkpolicy/allow", "--for=condition=Programmed", DEADLINE]);
    assert.deepEqual(await Promise.all(["client", "near", "far"].map(asks)), ["answer", "nothing", "nothing"]);
    assert.match(
      await kubectl(["apply", "-f", "-"], listOf([ALLOW])),
      /allow unchanged/,
      "its status is no difference",
    );
  });

  test("a policy test on the cluster proves each case, leaves nothing, and takes away what a killed one has left", async () => {
    const folder = mkdtempSync(join(tmpdir(), "policy-"));
    using _folder = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
    const file = join(folder, "shop.test.yaml");
    writeFileSync(file, POLICY_TEST);
    const args = ["policy", "test", file, "--cluster", "--name", NAME, "-o", "json"];
    const left = (): Promise<string> =>
      kubectl(["get", "namespaces", "-l", "policy-test.podwire.io/run", "-o", "name"]);
    const killed = startPodwire(args);
    const end = once(killed, "exit");
    await firstNamespace(cluster.kubeconfig);
    killed.kill("SIGKILL");
    await end;
    assert.notEqual(await left(), "");
    const { code, stdout, stderr } = await tryPodwire(args);
    assert.equal(code, 0, stderr + stdout);
    assert.match(stderr, /removed what killed runs had left: \w{6}/);
    const [report] = JSON.parse(stdout).tests;
    assert.equal(report.cases.length, 10);
    assert.match(JSON.stringify(report.notes), /addresses outside are left out \(3\)/);
    assert.equal(await left(), "");
    // As on a cluster elsewhere: by exec, without the kernel's word.
    const elsewhere = await podwire("policy", "test", file, "--kubeconfig", cluster.kubeconfig, "-o", "json");
    const { status, tests } = JSON.parse(elsewhere);
    assert.deepEqual([status, tests[0].cases.length], ["passed", 6], elsewhere);
    assert.equal(await left(), "");
  });

  test("while agents are killed, what is closed stays closed and what is allowed goes on", async () => {
    for (const node of cluster.nodeNames) {
      const killed = cluster.kill("agent", node);
      assert.deepEqual(await Promise.all(["client", "near", "far"].map(asks)), ["answer", "nothing", "nothing"]);
      await killed;
    }
  });

  test(`${STORM_PODS} pods that start under default deny hear nothing of a flood, while agents are killed ${AGENT_KILLS} times`, async (context) => {
    const flooders = [1, 2].map((node) =>
      podOf({ name: `flooder-${node}`, labels: { app: "flooder" }, command: IDLE, node }),
    );
    const open = [1, 2].map((node) => podOf({ name: `open-${node}`, labels: { app: "open" }, command: IDLE, node }));
    await kubectl(["apply", "-f", "-"], listOf([...flooders, ...open]));
    await kubectl(["wait", "pods", "-l", "app in (flooder, open)", "--for=condition=Ready", DEADLINE]);
    using stack = new DisposableStack();
    const { nodes } = await openClusterAccess(NAME, deadline());
    const sources = (await allPods(cluster)).map((pod) => stack.use(pod));
    const flood = stack.use(
      startUdpFlood(
        sources.filter(({ name }) => name.startsWith("flooder-")),
        nodes.flatMap(({ podCidrs }) => podCidrs.filter(({ family }) => family === 4)),
        Math.ceil(STORM_PODS / NODES) + 20,
      ),
    );
    const storm = Array.from({ length: STORM_PODS }, (_, index) =>
      podOf({ name: `storm-${index}`, labels: { app: "storm", guarded: "yes" }, command: IDLE }),
    );
    await kubectl(["apply", "-f", "-"], listOf(storm));
    const ready = kubectl([
      "wait",
      "pods",
      "-l",
      "app=storm",
      "--for=condition=Ready",
      `--timeout=${60 + 3 * STORM_PODS}s`,
    ]);
    for (let turn = 0; turn < AGENT_KILLS; turn++) await cluster.kill("agent", cluster.nodeNames[turn % NODES]);
    await ready;
    const pods = (await allPods(cluster)).map((pod) => stack.use(pod));
    const heardBy = (prefix: string): readonly number[] =>
      pods.filter(({ name }) => name.startsWith(prefix)).map(({ netns }) => datagramsIn(netns));
    const heard = heardBy("storm-");
    context.diagnostic(`${flood.sent} datagrams were sent`);
    assert.deepEqual(
      heard,
      Array.from({ length: STORM_PODS }, () => 0),
    );
    const control = heardBy("open-");
    assert.ok(
      control.length > 0 && control.every((count) => count > 0),
      `the flood reaches pods without a policy: ${control}`,
    );
  });
});

/** Of a policy test that has begun. */
async function firstNamespace(kubeconfig: string): Promise<void> {
  using client = createHttpClient(loadKubeconfig(kubeconfig), { userAgent: "podwire-test" });
  const found = Promise.withResolvers<void>();
  const query = { labelSelector: "policy-test.podwire.io/run" };
  await using namespaces = createInformer({ client, kind: namespaceKind, query, onError: found.reject });
  using _ = namespaces.subscribe({ onAdd: () => found.resolve() });
  await found.promise;
}

/** UDP that arrived there since it began, wanted or not. */
function datagramsIn(netns: Netns): number {
  const text = inNetns(netns, () => readFileSync("/proc/thread-self/net/snmp", "utf8"));
  const [names = "", values = ""] = text.split("\n").filter((line) => line.startsWith("Udp: "));
  const counts = values.split(" ");
  const sum = (name: string): number => Number(counts[names.split(" ").indexOf(name)] ?? 0);
  return sum("InDatagrams") + sum("NoPorts");
}
