/** `podwire check network` and `podwire trace` on a cluster of this machine, sound and with a fault. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { checkNetwork } from "#check/check-network.ts";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { readPcapng } from "#trace/pcapng/read-pcapng.ts";
import { deadline, type FaultCluster, sleeperPod, startFaultCluster } from "./fault-cluster.ts";
import { untilInNode } from "./node-network.ts";
import { findPlaces, plantedFaults, runWhere } from "./planted-faults.ts";
import { podwire, tryPodwire } from "./podwire-command.ts";

const NAME = "looks";
/** Without root that is the reason; else whether there is a kubectl. */
const needs = requireRoot.skip ? requireRoot : { skip: findKubectls().supported.length === 0 && HOW_TO_PROVIDE };

interface PodPlace {
  readonly name: string;
  readonly ip: string;
  readonly node: string;
}

suite("podwire check network and trace", needs, () => {
  let cluster: FaultCluster;
  let pods: readonly PodPlace[] = [];
  const onNode = (node: string): PodPlace => pods.find((pod) => pod.node === node) ?? assert.fail(`no pod on ${node}`);

  before(async () => {
    cluster = await startFaultCluster(NAME, 2, ["--dual-stack"]);
    const { kubectl } = cluster;
    await kubectl("create", "deployment", "web", "--image=busybox", "--replicas=4", "--", "sleep", "3600");
    await kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    const { items } = JSON.parse(await kubectl("get", "pods", "-o", "json"));
    pods = items.map((pod: { metadata: { name: string }; status: { podIP: string }; spec: { nodeName: string } }) => ({
      name: pod.metadata.name,
      ip: pod.status.podIP,
      node: pod.spec.nodeName,
    }));
  });
  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  test("check network passes on a sound cluster, for both families", async () => {
    const report = JSON.parse(await podwire("check", "network", "--name", NAME, "-o", "json"));
    assert.equal(report.verdict, "passed");
    assert.equal(report.pods, 4);
    assert.deepEqual(
      new Set(report.checks.map(({ family }: { family?: number }) => family)),
      new Set([undefined, 4, 6]),
    );
    assert.ok(report.checks.every(({ count }: { count: number }) => count > 0));
  });

  test("check network leaves out a pod that is being deleted, and one that goes away meanwhile", async () => {
    const { kubectl } = cluster;
    const leaving = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "leaving" },
      // A process 1 that asks for no signal does not end at SIGTERM.
      spec: {
        terminationGracePeriodSeconds: 5,
        containers: [{ name: "c", image: "busybox", command: ["sleep", "60"] }],
      },
    };
    await cluster.apply(leaving, sleeperPod("vanishing"));
    await kubectl("wait", "pod/leaving", "pod/vanishing", "--for=condition=Ready", "--timeout=60s");
    const access = await openClusterAccess(NAME, deadline());
    await kubectl("delete", "pod", "vanishing", "--timeout=60s");
    const vanished = await checkNetwork(access, { signal: deadline() });
    assert.deepEqual(vanished.skippedPods, [{ pod: "default/vanishing", reason: "went away during the check" }]);
    await kubectl("delete", "pod", "leaving", "--wait=false");
    const left = await checkNetwork(await openClusterAccess(NAME, deadline()), { signal: deadline() });
    assert.deepEqual(left.skippedPods, [{ pod: "default/leaving", reason: "being deleted" }]);
    for (const { checks } of [vanished, left]) {
      assert.deepEqual(
        checks.filter(({ status }) => status !== "passed"),
        [],
      );
    }
    await kubectl("wait", "pod/leaving", "--for=delete", "--timeout=60s");
  });

  test("trace sees every predicted hop between pods of two nodes, and writes them for Wireshark", async () => {
    const folder = mkdtempSync(join(tmpdir(), "podwire-trace-"));
    try {
      const file = join(folder, "way.pcapng");
      const ends = [`default/${onNode(`${NAME}-1`).name}`, `default/${onNode(`${NAME}-2`).name}`];
      const report = JSON.parse(await podwire("trace", ...ends, "--name", NAME, "-o", "json", "--pcapng", file));
      assert.equal(report.arrived, true);
      assert.deepEqual(report.unproven, []);
      assert.equal(report.hops.length, 12);
      for (const { seen, predicted } of report.hops)
        assert.ok(seen && predicted, JSON.stringify(report.hops, undefined, 1));
      const { interfaces, packets } = readPcapng(readFileSync(file));
      assert.ok(interfaces.length >= 12 && packets.length >= 12);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a planted rule is named by check, and by trace where the packet stops", async () => {
    const target = onNode(`${NAME}-2`);
    const nft = (...words: readonly string[]) =>
      podwire("node", "shell", `${NAME}-2`, "--name", NAME, "--", "nft", ...words);
    await nft("add", "table", "inet", "planted");
    await nft("add", "chain", "inet", "planted", "forward", "{ type filter hook forward priority 0; }");
    await nft("add", "rule", "inet", "planted", "forward", "ip", "daddr", target.ip, "drop");
    try {
      const check = await tryPodwire(["check", "network", "--name", NAME, "-o", "junit"]);
      assert.equal(check.code, 1);
      assert.match(check.stdout, /cause: {4}firewall drop at looks-2/);
      assert.match(check.stdout, /table inet planted chain forward handle \d+: .*drop/);
      const source = `default/${onNode(`${NAME}-1`).name}`;
      const trace = await tryPodwire(["trace", source, target.ip, "--name", NAME, "--protocol", "tcp"]);
      assert.equal(trace.code, 1);
      assert.match(trace.stdout, /it stopped behind looks-2 flannel\.1 in\ncause: {4}firewall drop at looks-2/);
    } finally {
      await nft("delete", "table", "inet", "planted");
    }
  });

  async function signalAgents(signal: NodeJS.Signals): Promise<void> {
    const { nodes } = await cluster.status();
    for (const { components } of nodes) {
      process.kill(components.find(({ name }) => name === "agent")?.pid ?? assert.fail("no agent"), signal);
    }
  }

  test("check names each of ten faults that are planted while the agents are stopped", async (context) => {
    const access = await openClusterAccess(NAME, deadline());
    const places = await findPlaces(cluster, access);
    const check = (answerTimeoutMs?: number) => checkNetwork(access, { answerTimeoutMs, signal: deadline() });
    const faults = plantedFaults(places);
    assert.equal(new Set(faults.map(({ cause }) => cause)).size, 10);
    await signalAgents("SIGSTOP");
    try {
      for (const { title, cause, check: name, hop, evidence, where, plant, mend } of faults) {
        await runWhere(cluster, places, where, plant);
        const { checks, durationMs } = await check(500);
        await runWhere(cluster, places, where, mend);
        const failed = checks.find((one) => one.name === name && one.family === 4)?.failures ?? [];
        const found = failed.find(({ diagnosis }) => diagnosis?.cause === cause);
        const all = JSON.stringify(
          checks.filter(({ status }) => status !== "passed"),
          undefined,
          1,
        );
        assert.ok(found, `${title}: ${all}`);
        assert.match(found.hop, hop, all);
        assert.match(found.evidence.join("\n"), evidence, all);
        context.diagnostic(`${title}: ${cause} at ${found.hop} after ${durationMs} ms`);
      }
    } finally {
      await signalAgents("SIGCONT");
    }
    for (const name of cluster.nodeNames) {
      const { initPid } = await cluster.node(name);
      // For ten minutes nodes would remember the MTU of the hole, of which a router has told them.
      await cluster.inNode(name, "ip route flush cache; ip -6 route flush cache");
      await untilInNode(initPid, "ip -6 address show dev cni0 scope global | grep -q inet6", deadline(10_000));
    }
    assert.deepEqual(
      (await check()).checks.filter(({ status }) => status !== "passed"),
      [],
    );
  });

  test("check finds what a container that nobody knows has left: address, record and link", async () => {
    const attach = (
      command: string,
    ): string => `export CNI_COMMAND=${command} CNI_CONTAINERID=nobody CNI_NETNS=/run/netns/nobody
export CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin
echo '{"cniVersion":"1.0.0","name":"cbr0","type":"flannel","delegate":{"isDefaultGateway":true}}' | /opt/cni/bin/flannel`;
    const [node = ""] = cluster.nodeNames;
    const leaks = async () => {
      const report = await checkNetwork(await openClusterAccess(NAME, deadline()), { signal: deadline() });
      const found = report.checks.find(({ name }) => name === "leaks");
      return found?.failures.flatMap(({ evidence }) => evidence) ?? assert.fail();
    };
    await cluster.inNode(node, `ip netns add nobody\n${attach("ADD")}`);
    try {
      const found = (await leaks()).toSorted();
      assert.match(
        found.join("\n"),
        /^host-local: container nobody eth0\nip link: veth\S+ master cni0 .*\nledger: network cbr0 container nobody eth0$/,
      );
    } finally {
      await cluster.inNode(node, `${attach("DEL")}\nip netns delete nobody`);
    }
    assert.deepEqual(await leaks(), []);
  });

  test("trace and check tell what is wrong with their arguments", async () => {
    const unknown = await tryPodwire(["trace", "default/nobody", "outside", "--name", NAME]);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /Cannot find "default\/nobody"[\s\S]*there are: .*outside/);
    const port = await tryPodwire(["trace", `${NAME}-1`, "outside", "--name", NAME, "--port", "80"]);
    assert.equal(port.code, 2);
    assert.match(port.stderr, /ICMP has no ports/);
    const cluster = await tryPodwire(["check", "network", "--name", "nothing"]);
    assert.equal(cluster.code, 1);
    assert.match(cluster.stderr, /"nothing" is not up/);
  });
});
