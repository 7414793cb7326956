import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Connectivity } from "#dataplane/contract.ts";
import { createHostGw } from "#dataplane/host-gw/apply.ts";
import type { NodeKernel } from "#dataplane/run-operations.ts";
import { createUdp } from "#dataplane/udp/apply.ts";
import { createVxlan } from "#dataplane/vxlan/apply.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { formatTrace } from "./format-trace.ts";
import { readPcapng } from "./pcapng/read-pcapng.ts";
import { encodePcapng } from "./pcapng/write-pcapng.ts";
import { runTrace } from "./run-trace.ts";
import { createClusterWorld } from "./testing/cluster-world.ts";

const PLANES: readonly [Connectivity["backend"], (kernel: NodeKernel) => Connectivity, readonly string[]][] = [
  [
    "vxlan",
    (kernel) => createVxlan(kernel),
    [
      "pod default/node1-0 eth0 out",
      "node1 veth10 in",
      "node1 cni0 in",
      "node1 flannel.1 out",
      "node1 eth0 out",
      "underlay node1 in",
      "underlay node2 out",
      "node2 eth0 in",
      "node2 flannel.1 in",
      "node2 cni0 out",
      "node2 veth10 out",
      "pod default/node2-0 eth0 in",
    ],
  ],
  [
    "host-gw",
    createHostGw,
    [
      "pod default/node1-0 eth0 out",
      "node1 veth10 in",
      "node1 cni0 in",
      "node1 eth0 out",
      "underlay node1 in",
      "underlay node2 out",
      "node2 eth0 in",
      "node2 cni0 out",
      "node2 veth10 out",
      "pod default/node2-0 eth0 in",
    ],
  ],
  [
    "udp",
    (kernel) => createUdp(kernel),
    [
      "pod default/node1-0 eth0 out",
      "node1 veth10 in",
      "node1 cni0 in",
      "node1 flannel0 out",
      "node1 eth0 out",
      "underlay node1 in",
      "underlay node2 out",
      "node2 eth0 in",
      "node2 flannel0 in",
      "node2 cni0 out",
      "node2 veth10 out",
      "pod default/node2-0 eth0 in",
    ],
  ],
];
const signal = () => AbortSignal.timeout(20_000);

for (const [backend, create, expected] of PLANES) {
  test(`runTrace sees each predicted hop, and no other, on ${backend}`, requireRoot, async () => {
    await using net = await createClusterWorld(create, backend);
    for (const protocol of ["icmp", "udp", "tcp"] as const) {
      const { report } = await runTrace(net.access, {
        from: "default/node1-0",
        to: "default/node2-0",
        protocol,
        signal: signal(),
      });
      const text = formatTrace(report);
      assert.equal(report.arrived, true, text);
      assert.deepEqual(report.unproven, []);
      assert.deepEqual(
        report.hops.map(({ namespace, link, direction }) => `${namespace} ${link} ${direction}`),
        expected,
        text,
      );
      for (const { seen, predicted } of report.hops) assert.ok(seen && predicted, text);
      const tunnel =
        report.hops.find(({ namespace, link }) => namespace === "underlay" && link === "node2")?.seen?.headers ?? "";
      if (backend === "vxlan") {
        assert.match(
          tunnel,
          /^192\.168\.50\.1 → 192\.168\.50\.2 ttl 64 udp 8472 vni 1 \[10\.244\.1\.10 → 10\.244\.2\.10 ttl 63 /,
        );
      }
      if (protocol === "icmp")
        assert.match(report.answers[0]?.headers ?? "", /10\.244\.2\.10 → 10\.244\.1\.10 .*echo reply/, text);
    }
  });
}

test("runTrace follows IPv6, and packets to the outside through masquerade", requireRoot, async () => {
  await using net = await createClusterWorld(createVxlan, "vxlan");
  const inner = await runTrace(net.access, {
    from: "fd00:10:244:1::10",
    to: "fd00:10:244:2::11",
    protocol: "udp",
    signal: signal(),
  });
  assert.equal(inner.report.arrived, true, formatTrace(inner.report));
  for (const { seen, predicted } of inner.report.hops) assert.ok(seen && predicted, formatTrace(inner.report));
  const { report } = await runTrace(net.access, {
    from: "default/node1-0",
    to: "outside",
    protocol: "tcp",
    port: 443,
    signal: signal(),
  });
  const text = formatTrace(report);
  assert.equal(report.arrived, true, text);
  for (const { seen, predicted } of report.hops) assert.ok(seen && predicted, text);
  assert.match(report.hops.at(-1)?.seen?.headers ?? "", /^192\.168\.50\.1 → 203\.0\.113\.10 .*tcp 443/, text);
});

test("runTrace goes between nodes and pods, and within a node", requireRoot, async () => {
  await using net = await createClusterWorld(createVxlan, "vxlan");
  for (const [from, to] of [
    ["node1", "default/node2-0"],
    ["default/node2-0", "node1"],
    ["default/node1-0", "default/node1-1"],
    ["default/node1-0", "node1"],
  ] as const) {
    const { report } = await runTrace(net.access, { from, to, protocol: "icmp", signal: signal() });
    assert.equal(report.arrived, true, formatTrace(report));
    for (const { seen, predicted } of report.hops) assert.ok(seen && predicted, formatTrace(report));
  }
});

test("runTrace shows where a packet stops, and why", requireRoot, async () => {
  await using net = await createClusterWorld(createVxlan, "vxlan");
  await net.run(
    net.node(2).netns,
    "nft add table inet planted",
    "nft 'add chain inet planted forward { type filter hook forward priority 0; }'",
    "nft add rule inet planted forward ip daddr 10.244.2.10 drop",
  );
  const { report } = await runTrace(net.access, {
    from: "default/node1-0",
    to: "default/node2-0",
    protocol: "icmp",
    arrivalTimeoutMs: 300,
    signal: signal(),
  });
  const text = formatTrace(report);
  assert.equal(report.arrived, false, text);
  assert.equal(report.lastSeen, "node2 flannel.1 in", text);
  assert.equal(report.diagnosis?.cause, "firewall drop", text);
  assert.match(text, /it stopped behind node2 flannel\.1 in\ncause: {4}firewall drop at node2\n/);
});

test("runTrace: what the sender's kernel refuses is told, with the diagnosis", requireRoot, async () => {
  await using net = await createClusterWorld(createVxlan, "vxlan");
  const { report } = await runTrace(net.access, {
    from: "default/node1-0",
    to: "default/node2-0",
    protocol: "udp",
    bytes: 1431,
    signal: signal(),
  });
  assert.match(report.refused ?? "", /message too long/);
  assert.equal(report.diagnosis?.cause, "MTU hole");
  assert.equal(report.arrived, false);
});

test("runTrace names what there is when an endpoint is unknown", requireRoot, async () => {
  await using net = await createClusterWorld(createVxlan, "vxlan");
  await assert.rejects(
    runTrace(net.access, { from: "default/nobody", to: "node1", protocol: "icmp", signal: signal() }),
    (error) => {
      assert.ok(error instanceof Error && "known" in error && Array.isArray(error.known));
      assert.ok(error.known.includes("default/node1-0") && error.known.includes("outside"));
      return true;
    },
  );
});

test("the pcapng of a trace has an interface for each link, and tcpdump reads it", requireRoot, async () => {
  await using net = await createClusterWorld(createVxlan, "vxlan");
  const { report, capture } = await runTrace(net.access, {
    from: "default/node1-0",
    to: "default/node2-0",
    protocol: "icmp",
    signal: signal(),
  });
  const bytes = encodePcapng(capture);
  const file = readPcapng(bytes);
  assert.deepEqual(file, capture);
  assert.ok(file.packets.length >= report.hops.length);
  const names = file.interfaces.map(({ name }) => name);
  for (const { namespace, link } of report.hops) assert.ok(names.includes(`${namespace} ${link}`));
  assert.ok(file.packets.some(({ comment }) => comment?.startsWith("hop 1: ")));
  if (!existsSync("/usr/bin/tcpdump")) return;
  const folder = mkdtempSync(join(tmpdir(), "podwire-trace-"));
  try {
    const path = join(folder, "way.pcapng");
    writeFileSync(path, bytes);
    const lines = execFileSync("tcpdump", ["-nr", path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      .trim()
      .split("\n");
    assert.equal(lines.filter((line) => /^\d\d:/.test(line)).length, file.packets.length);
    assert.match(lines.join("\n"), /192\.168\.50\.1\.\d+ > 192\.168\.50\.2\.8472: OTV|VXLAN/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
