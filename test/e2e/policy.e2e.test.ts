/**
 * NetworkPolicies on a running cluster: what is denied stays so while agents are killed, what is allowed goes on, and pods
 * that start under default deny hear nothing of a peer that floods their addresses. Packets are counted inside the pods.
 */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { ClusterStatus } from "#cluster/keeper/cluster-status.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { kubectlOf, podwire, tryPodwire, useOwnClusterFolders } from "./podwire-command.ts";

const NAME = "e2e-policy";
const needs = requireRoot.skip ? requireRoot : { skip: findKubectls().supported.length === 0 && HOW_TO_PROVIDE };
const DEADLINE = "--timeout=60s";
/** More by the variable; these are what a test run has time for. */
const STORM_PODS = Number(process.env["PODWIRE_STORM_PODS"] ?? 12);
const AGENT_KILLS = Number(process.env["PODWIRE_AGENT_KILLS"] ?? 3);
/** UDP to every address that pods of both nodes can have next: one datagram each, over and over. */
const FLOOD = `flood() {
  while :; do
    for i in $(seq 2 ${30 + STORM_PODS}); do traceroute -n -q 1 -f 9 -m 9 -w 1 -p 9 10.244.$1.$i >/dev/null 2>&1 & done
    wait
  done
}
flood 0 & flood 1 & wait`;

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
const ALLOW = policyOf("allow", {
  podSelector: { matchLabels: { app: "web" } },
  policyTypes: ["Ingress"],
  ingress: [{ from: [{ podSelector: { matchLabels: { app: "client" } } }], ports: [{ protocol: "TCP", port: 80 }] }],
});

suite("policies on a cluster", needs, () => {
  let removeFolders: () => void;
  let kubectl: ReturnType<typeof kubectlOf>;
  let webAddress: string;
  const asks = async (pod: string): Promise<"answer" | "nothing"> => {
    const said = await kubectl([
      ...["exec", pod, "--", "sh", "-c"],
      `timeout 2 wget -q -O - http://${webAddress}/ || echo nothing`,
    ]);
    return said.includes("here") ? "answer" : "nothing";
  };
  const agentPids = async (): Promise<readonly number[]> => {
    const status: ClusterStatus = JSON.parse(await podwire("status", "--name", NAME, "-o", "json"));
    return status.nodes.flatMap((node) =>
      node.components.flatMap(({ name, pid }) => (name === "agent" && pid !== undefined ? [pid] : [])),
    );
  };

  before(async () => {
    removeFolders = useOwnClusterFolders();
    await podwire("up", "--name", NAME, "--nodes", "2");
    kubectl = kubectlOf((await podwire("kubeconfig", "--name", NAME, "--path")).trim());
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

  test("while agents are killed, what is closed stays closed and what is allowed goes on", async () => {
    for (let turn = 0; turn < AGENT_KILLS; turn++) {
      for (const pid of await agentPids()) process.kill(pid, "SIGKILL");
      assert.deepEqual(await Promise.all(["client", "near", "far"].map(asks)), ["answer", "nothing", "nothing"]);
    }
  });

  test("pods that start under default deny hear nothing of a flood", async () => {
    const flooders = [1, 2].map((node) =>
      podOf({ name: `flooder-${node}`, labels: { app: "flooder" }, command: FLOOD, node }),
    );
    await kubectl(["apply", "-f", "-"], listOf(flooders));
    await kubectl(["wait", "pods", "-l", "app=flooder", "--for=condition=Ready", DEADLINE]);
    const storm = Array.from({ length: STORM_PODS }, (_, index) =>
      podOf({ name: `storm-${index}`, labels: { app: "storm", guarded: "yes" }, command: IDLE }),
    );
    const open = [1, 2].map((node) => podOf({ name: `open-${node}`, labels: { app: "open" }, command: IDLE, node }));
    await kubectl(["apply", "-f", "-"], listOf([...storm, ...open]));
    await kubectl(["wait", "pods", "-l", "app in (storm, open)", "--for=condition=Ready", "--timeout=300s"]);
    const heard = await Promise.all(storm.map(({ metadata }) => datagramsOf(metadata.name)));
    assert.deepEqual(
      heard,
      storm.map(() => 0),
    );
    const control = await Promise.all(open.map(({ metadata }) => datagramsOf(metadata.name)));
    assert.ok(
      control.every((count) => count > 0),
      `the flood reaches pods without a policy: ${control}`,
    );
  });

  /** That arrived at the pod since it began, wanted or not. */
  async function datagramsOf(pod: string): Promise<number> {
    const text = await kubectl(["exec", pod, "--", "cat", "/proc/net/snmp"]);
    const [names = "", values = ""] = text.split("\n").filter((line) => line.startsWith("Udp: "));
    const counts = values.split(" ");
    const sum = (name: string): number => Number(counts[names.split(" ").indexOf(name)] ?? 0);
    return sum("InDatagrams") + sum("NoPorts");
  }
});
