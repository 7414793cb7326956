/** `podwire check network` and `podwire trace` on a cluster of this machine, sound and with a fault. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { readPcapng } from "#trace/pcapng/read-pcapng.ts";
import { kubectlOf, podwire, tryPodwire } from "./podwire-command.ts";

const NAME = "looks";
/** Without root that is the reason; else whether there is a kubectl. */
const needs = requireRoot.skip ? requireRoot : { skip: findKubectls().supported.length === 0 && HOW_TO_PROVIDE };

interface PodPlace {
  readonly name: string;
  readonly ip: string;
  readonly node: string;
}

suite("podwire check network and trace", needs, () => {
  let pods: readonly PodPlace[] = [];
  const onNode = (node: string): PodPlace => pods.find((pod) => pod.node === node) ?? assert.fail(`no pod on ${node}`);

  before(async () => {
    await podwire("up", "--name", NAME, "--nodes", "2", "--dual-stack");
    const kubectl = kubectlOf((await podwire("kubeconfig", "--name", NAME, "--path")).trim());
    await kubectl(["create", "deployment", "web", "--image=busybox", "--replicas=4", "--", "sleep", "3600"]);
    await kubectl(["rollout", "status", "deployment/web", "--timeout=60s"]);
    const { items } = JSON.parse(await kubectl(["get", "pods", "-o", "json"]));
    pods = items.map((pod: { metadata: { name: string }; status: { podIP: string }; spec: { nodeName: string } }) => ({
      name: pod.metadata.name,
      ip: pod.status.podIP,
      node: pod.spec.nodeName,
    }));
  });
  after(async () => {
    await tryPodwire(["down", "--name", NAME]);
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
