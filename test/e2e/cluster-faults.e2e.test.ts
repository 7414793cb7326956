/** What goes wrong on a running cluster, and that it is right again: processes, kernel objects, links, nodes, storms. */
import assert from "node:assert/strict";
import { after, before, suite, type TestContext, test } from "node:test";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { parseAddress } from "#base/ip-address.ts";
import { checkNetwork } from "#check/check-network.ts";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import { ask, ECHO_PORT, startEcho } from "#dataplane/conformance/echo.ts";
import { startTraffic } from "#dataplane/conformance/traffic.ts";
import { openNetns } from "#kernel/netns/netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import {
  addressOf,
  containersOf,
  deadline,
  type FaultCluster,
  type FaultPod,
  sleeperPod,
  startFaultCluster,
  untilPod,
} from "./fault-cluster.ts";
import { startForeignNode } from "./foreign-node.ts";
import { hasIperf, startIperf } from "./iperf-load.ts";
import { countCluster } from "./node-leaks.ts";
import { measureRepair, untilInNode } from "./node-network.ts";
import { type ConnectionsReport, openConnections, startTcpEcho } from "./open-connections.ts";
import { runSoak, runStorm } from "./pod-soak.ts";
import { tracesOf } from "./podwire-command.ts";
import { brokenPairs } from "./reachability.ts";

const NAME = "mishap";
const NODES = 3;
const needs = requireRoot.skip ? requireRoot : { skip: findKubectls().supported.length === 0 && HOW_TO_PROVIDE };
const SOAK_PODS = Number(process.env["PODWIRE_SOAK_PODS"] ?? 60);
/** More of them: PODWIRE_STORM_PODS=200. */
const STORM_PODS = Number(process.env["PODWIRE_STORM_PODS"] ?? 100);
const TRANSFER_BYTES = 8 * 1024 * 1024;

const NOTHING = { links: [], mounts: [], cgroups: [], processes: [] };

suite("a running cluster", needs, () => {
  let cluster: FaultCluster;
  let [first, second, third] = ["", "", ""];

  before(async () => {
    cluster = await startFaultCluster(NAME, NODES);
    [first = "", second = "", third = ""] = cluster.nodeNames;
    await cluster.apply(...cluster.nodeNames.map((node) => sleeperPod(podOn(node), node)));
    await ready(...cluster.nodeNames.map(podOn));
  });
  after(async () => {
    await cluster[Symbol.asyncDispose]();
    assert.deepEqual(tracesOf(NAME), NOTHING);
  });

  const podOn = (node: string): string => `on-${node}`;
  const ready = async (...pods: readonly string[]): Promise<void> => {
    await cluster.kubectl("wait", "pod", ...pods, "--for=condition=Ready", "--timeout=60s");
  };
  const none: ConnectionsReport["ended"] = [];

  async function withPods<T>(body: (pods: readonly FaultPod[]) => Promise<T>, names = cluster.nodeNames.map(podOn)) {
    using stack = new DisposableStack();
    const pods: FaultPod[] = [];
    for (const name of names) pods.push(stack.use(await cluster.pod(name)));
    return await body(pods);
  }

  async function until(node: string, script: string): Promise<void> {
    await untilInNode((await cluster.node(node)).initPid, script, deadline(30_000));
  }

  /** A pod that is new reaches those that are there, and goes without a trace. */
  async function requireNewPodWorks(node: string): Promise<void> {
    const name = `new-on-${node}`;
    await cluster.apply(sleeperPod(name, node));
    await ready(name);
    await withPods(
      async (pods) => assert.deepEqual(await brokenPairs(pods), []),
      [...cluster.nodeNames.map(podOn), name],
    );
    await cluster.kubectl("delete", "pod", name, "--timeout=60s");
  }

  for (const component of ["agent", "kubelet", "containerd", "control-plane"]) {
    test(`${component} killed: it comes back, pods and a connection stay, new pods work`, () =>
      withPods(async ([from, to]) => {
        assert.ok(from && to);
        await using connection = await openConnections(from.netns, to, 1);
        const containers = await containersOf(cluster);
        await cluster.kill(component, component === "control-plane" ? undefined : second);
        assert.deepEqual(await connection.ask(), { alive: 1, ended: none });
        await requireNewPodWorks(second);
        assert.deepEqual(await containersOf(cluster), containers);
        assert.deepEqual(await connection.ask(), { alive: 1, ended: none });
        const notReady = ["events", "--field-selector=reason=NodeNotReady", "-o", "name"];
        assert.equal(await cluster.kubectl("get", ...notReady), "");
      }));
  }

  /**
   * As one is left when containerd is killed between the start of a shim and the note of its address: the next
   * containerd (1.6) removes the folder, and leaves the process.
   */
  test("a shim that a new containerd does not know is ended by its start", async () => {
    const shims = async (): Promise<number> =>
      Number(await cluster.inNode(second, "ps -A -o args= | grep -c 'containerd-shim-runc-v2.* -id [o]rphan' || true"));
    const folder = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/orphan";
    const start = "containerd-shim-runc-v2 -namespace k8s.io -id orphan -address /run/containerd/containerd.sock start";
    const script = `mkdir ${folder}; cd ${folder}; echo '{}' >config.json; mkfifo log; cat log >/dev/null 2>&1 & ${start}`;
    await cluster.inNode(second, script);
    assert.equal(await shims(), 1);
    await cluster.kill("containerd", second);
    assert.equal(await shims(), 0);
  });

  /** As one is left when containerd is killed while it makes a container: for a day it would keep the snapshot. */
  test("the lease of a containerd that was killed goes with its next start", async () => {
    await cluster.inNode(second, "ctr -n k8s.io leases create -x 24h left=behind");
    await cluster.kill("containerd", second);
    assert.equal(await cluster.inNode(second, "ctr -n k8s.io leases ls -q"), "");
  });

  test("all components of all nodes killed at once: pods stay", () =>
    withPods(async ([from, to]) => {
      assert.ok(from && to);
      await using connection = await openConnections(from.netns, to, 1);
      const containers = await containersOf(cluster);
      const kills = cluster.nodeNames.flatMap((node) =>
        ["agent", "kubelet", "containerd"].map((component) => cluster.kill(component, node)),
      );
      await Promise.all([...kills, cluster.kill("control-plane")]);
      for (const node of cluster.nodeNames) await requireNewPodWorks(node);
      assert.deepEqual(await containersOf(cluster), containers);
      assert.deepEqual(await connection.ask(), { alive: 1, ended: none });
    }));

  test("a node crashed and started again: its pods run again, no address is lost, a pod deleted meanwhile is gone", async () => {
    await cluster.apply(sleeperPod("doomed", second));
    await ready("doomed");
    const old = await containersOf(cluster);
    await cluster.inNode(second, "touch /var/lib/kubelet/kept");
    await cluster.ask({ op: "node", action: "crash", node: second });
    await cluster.kubectl("delete", "pod", "doomed", "--wait=false");
    await cluster.ask({ op: "node", action: "start", node: second });
    await cluster.kubectl("wait", "pod", "doomed", "--for=delete", "--timeout=60s");
    const isAnother = ({ status }: Pod): boolean => {
      const [container] = status?.containerStatuses ?? [];
      return container?.ready === true && !old.includes(`${podOn(second)} ${container.containerID}`);
    };
    await untilPod(cluster, podOn(second), isAnother, deadline());
    await cluster.inNode(second, "rm /var/lib/kubelet/kept");
    const reserved = await cluster.inNode(second, "find /var/lib/cni/networks -type f -name '*.*.*.*' | wc -l");
    assert.equal(Number(reserved), 1);
    await withPods(async (pods) => assert.deepEqual(await brokenPairs(pods), []));
  });

  /** Scripts of a person in node 1; PEER is the pod prefix of node 2. */
  const DAMAGES: Readonly<Record<string, string>> = {
    "flannel.1": "ip link delete flannel.1",
    "flannel.1 down": "ip link set flannel.1 down",
    cni0: "ip link delete cni0",
    "cni0 down": "ip link set cni0 down",
    "a pod's veth off the bridge":
      "ip link set $(ip -o link show type veth master cni0 | cut -d: -f2 | cut -d@ -f1 | head -n 1) nomaster",
    "a pod route": "ip route delete PEER",
    "an FDB entry":
      "bridge fdb show dev flannel.1 | head -n 1 | while read mac rest; do bridge fdb delete $mac dev flannel.1; done",
    "neighbour entries": "ip neighbour flush dev flannel.1 nud permanent",
    "a masquerade element": "nft flush set inet podwire node_pods4",
    "the chain of masquerade": "nft flush chain inet podwire pod-networks",
    "the nft table": "nft delete table inet podwire",
    "the whole ruleset": "nft flush ruleset",
  };

  for (const [what, script] of Object.entries(DAMAGES)) {
    test(`${what} deleted by hand: repaired, and traffic flows`, (context) =>
      withPods(async (pods) => {
        const { initPid } = await cluster.node(first);
        const [prefix = ""] = (await cluster.node(second)).podCidrs;
        const durationMs = await measureRepair(initPid, script.replace("PEER", prefix), deadline(10_000));
        context.diagnostic(`${what}: repaired ${durationMs} ms after the command was started`);
        assert.deepEqual(await brokenPairs(pods), []);
        assert.equal(await seenOutside(pods[0]), addressOf(await cluster.node(first)));
      }));
  }

  /** Whom the place outside sees when a pod talks to it. */
  async function seenOutside(pod: FaultPod | undefined): Promise<string> {
    assert.ok(pod);
    const { outside } = await cluster.status();
    const address = parseAddress(outside.addresses[0] ?? "");
    using netns = openNetns(outside.netnsPath);
    using _echo = startEcho(netns, address);
    return await ask(pod.netns, pod.address, address);
  }

  test("a link to the underlay down and up: connections go on", () =>
    withPods(async (pods) => {
      const [from, to] = pods;
      assert.ok(from && to);
      await using connection = await openConnections(from.netns, to, 1);
      await cluster.ask({ op: "link", node: second, up: false });
      assert.match((await brokenPairs(pods)).join(), new RegExp(`${from.name} to ${to.name}: timeout`));
      await cluster.ask({ op: "link", node: second, up: true });
      assert.deepEqual(await connection.ask(), { alive: 1, ended: none });
      assert.deepEqual(await brokenPairs(pods), []);
    }));

  test("a partition between two nodes, healed: others see nothing, connections go on", () =>
    withPods(async (pods) => {
      const [from, to, other] = pods;
      assert.ok(from && to && other);
      await using connection = await openConnections(from.netns, to, 1);
      await cluster.ask({ op: "partition", nodes: [first, second] });
      assert.deepEqual(await brokenPairs(pods), [
        `${from.name} to ${to.name}: timeout`,
        `${to.name} to ${from.name}: timeout`,
      ]);
      await cluster.ask({ op: "heal", nodes: [first, second] });
      assert.deepEqual(await connection.ask(), { alive: 1, ended: none });
      assert.deepEqual(await brokenPairs(pods), []);
    }));

  test("a loss of 5 %: a transfer by TCP completes", (context) =>
    withPods(async ([from, to]) => {
      assert.ok(from && to);
      await using connection = await openConnections(from.netns, to, 1);
      const clean = await connection.transfer(TRANSFER_BYTES, 60_000);
      await cluster.inUnderlay(LOSSY);
      try {
        const lossy = await connection.transfer(TRANSFER_BYTES, 120_000);
        const dropped = /packets (\d+)/.exec(await cluster.inUnderlay("nft list table bridge loss"))?.[1];
        context.diagnostic(
          `${TRANSFER_BYTES} bytes there and back: ${clean.durationMs} ms, ${lossy.durationMs} ms with ${dropped} packets lost`,
        );
        assert.ok(Number(dropped) > 0);
      } finally {
        await cluster.inUnderlay("nft delete table bridge loss");
      }
    }));

  test("a node's address changed: pods of other nodes reach it", async (context) => {
    const { addresses } = await cluster.node(first);
    const [old = ""] = addresses;
    const change = (from: string, to: string): string => `ip address delete ${from}/24 dev eth0
ip address add ${to}/24 dev eth0
ip route replace default via ${from.replace(/\d+$/, "254")}`;
    const changed = old.replace(/\d+$/, "77");
    for (const [from, to] of [
      [old, changed],
      [changed, old],
    ] as const) {
      const startedMs = performance.now();
      const announced = cluster.kubectl(
        "wait",
        "node",
        first,
        `--for=jsonpath={.metadata.annotations.flannel\\.alpha\\.coreos\\.com/public-ip}=${to}`,
        "--timeout=30s",
      );
      await cluster.inNode(first, change(from, to));
      await announced;
      context.diagnostic(`announced after ${Math.round(performance.now() - startedMs)} ms`);
      for (const node of [second, third]) await until(node, pathTo(to));
      await withPods(async (pods) => assert.deepEqual(await brokenPairs(pods), []));
    }
  });

  /** Resolves when every node's ways are of that one alone. */
  async function changeTo(backend: keyof typeof ONLY): Promise<void> {
    const conf = JSON.stringify({ Network: "10.244.0.0/16", Backend: { Type: backend } });
    const patch = JSON.stringify({ data: { "net-conf.json": conf } });
    await cluster.kubectl("patch", "configmap", "podwire", "-n", "kube-system", "--type=merge", "-p", patch);
    for (const node of cluster.nodeNames) await until(node, ONLY[backend]);
  }

  test("vxlan to host-gw to vxlan: no connection ends, no pod restarts", (context) =>
    withPods(async ([from, to]) => {
      assert.ok(from && to);
      await using idle = await openConnections(from.netns, to, 200);
      using _echo = startEcho(to.netns, to.address);
      using _server = startTcpEcho(to.netns, 7001);
      await using traffic = await startTraffic(from.netns, { address: to.address, tcpPort: 7001, udpPort: ECHO_PORT });
      await using iperf = hasIperf ? await startIperf(from.netns, to) : undefined;
      const containers = await containersOf(cluster);
      await changeTo("host-gw");
      await changeTo("vxlan");
      const report = await traffic.finish();
      context.diagnostic(`while it changed: ${JSON.stringify(report)}`);
      context.diagnostic(`iperf3: ${JSON.stringify(await iperf?.finish())}`);
      assert.equal(report.tcpEnd, "");
      assert.deepEqual(await idle.ask(), { alive: 200, ended: none });
      assert.deepEqual(await containersOf(cluster), containers);
    }));

  test("check network passes on every back end that a running cluster is changed to", async () => {
    for (const backend of ["host-gw", "udp", "vxlan"] as const) {
      await changeTo(backend);
      const { checks } = await checkNetwork(await openClusterAccess(NAME, deadline()), { signal: deadline() });
      assert.deepEqual(
        checks.filter(({ status }) => status !== "passed" && status !== "skipped"),
        [],
        backend,
      );
    }
  });

  test("a node as flanneld makes it: pods reach its pods and it reaches theirs", () =>
    withPods(async (pods) => {
      await using foreign = await startForeignNode(cluster, "flanneld");
      for (const node of cluster.nodeNames) await until(node, pathTo(foreign.address));
      assert.deepEqual(await brokenPairs([...pods, foreign.pod]), []);
    }));

  test(`a storm of ${STORM_PODS} pods at once leaves nothing`, async (context) => {
    const before = await countCluster(cluster);
    context.diagnostic(JSON.stringify(await runStorm(cluster, STORM_PODS)));
    assert.deepEqual(await countCluster(cluster), before);
    await withPods(async (pods) => assert.deepEqual(await brokenPairs(pods), []));
  });

  test(`${SOAK_PODS} pods come and go while components are killed: nothing is left`, (context: TestContext) =>
    withPods(async ([from, to]) => {
      assert.ok(from && to);
      await using connection = await openConnections(from.netns, to, 1);
      const before = await countCluster(cluster);
      const containers = await containersOf(cluster);
      context.diagnostic(JSON.stringify(await runSoak(cluster, SOAK_PODS)));
      assert.deepEqual(await countCluster(cluster), before);
      assert.deepEqual(await containersOf(cluster), containers);
      assert.deepEqual(await connection.ask(), { alive: 1, ended: none });
    }));
});

const pathTo = (address: string): string => `bridge fdb show dev flannel.1 | grep -q "dst ${address} "`;

/** A node's way to the others is of one back end alone. */
const ONLY = {
  "host-gw": `! ip link show flannel.1 2>/dev/null; test "$(ip route show proto 113 | wc -l)" = ${NODES - 1}`,
  udp: `! ip link show flannel.1 2>/dev/null; test "$(ip route show proto 114 dev flannel0 | wc -l)" = ${NODES - 1}`,
  vxlan: `test "$(ip route show proto 112 dev flannel.1 | wc -l)" = ${NODES - 1}
test -z "$(ip route show proto 113)$(ip route show proto 114)"`,
} as const;

/** netem is missing in some kernels; nf_tables drops by chance as well. */
const LOSSY = `nft -f - <<'END'
table bridge loss {
  chain forward {
    type filter hook forward priority 0; policy accept;
    numgen random mod 100 < 5 counter drop
  }
}
END`;
