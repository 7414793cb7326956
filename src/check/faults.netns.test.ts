import assert from "node:assert/strict";
import { test } from "node:test";
import { createHostGw } from "#dataplane/host-gw/apply.ts";
import { vtepMac } from "#dataplane/vtep-mac.ts";
import { createVxlan } from "#dataplane/vxlan/apply.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import type { Cause } from "#trace/path/path.ts";
import { type ClusterWorld, createClusterWorld } from "#trace/testing/cluster-world.ts";
import { checkNetwork } from "./check-network.ts";
import type { CheckName } from "./plan-probes.ts";

interface Fault {
  readonly title: string;
  readonly cause: Cause;
  readonly hop: RegExp;
  /** In the evidence of the first failure. */
  readonly evidence: RegExp;
  readonly check: CheckName;
  readonly backend?: "host-gw";
  readonly plant: (net: ClusterWorld) => Promise<void>;
}

const node2Mac = vtepMac("node2", 4);

const FAULTS: readonly Fault[] = [
  {
    title: "an FDB entry that leads to another node",
    cause: "wrong FDB entry",
    hop: /^node1 flannel\.1$/,
    evidence: new RegExp(`${node2Mac} dev flannel\\.1 dst 192\\.168\\.50\\.3`),
    check: "pod-to-pod-other-node",
    plant: (net) => net.run(net.node(1).netns, `bridge fdb replace ${node2Mac} dev flannel.1 dst 192.168.50.3`),
  },
  {
    title: "an FDB entry that leads nowhere",
    cause: "wrong FDB entry",
    hop: /^node1 flannel\.1$/,
    evidence: /dst 192\.168\.50\.99/,
    check: "pod-to-pod-other-node",
    plant: (net) => net.run(net.node(1).netns, `bridge fdb replace ${node2Mac} dev flannel.1 dst 192.168.50.99`),
  },
  {
    title: "a missing route",
    cause: "missing route",
    hop: /^node1$/,
    evidence: /default via 192\.168\.50\.254 dev eth0/,
    check: "pod-to-pod-other-node",
    plant: (net) => net.run(net.node(1).netns, "ip route delete 10.244.2.0/24"),
  },
  {
    title: "a port of the underlay with a smaller MTU",
    cause: "MTU hole",
    hop: /^underlay node2$/,
    evidence: /node2 <UP> mtu 1400/,
    check: "full-size",
    plant: (net) => net.run(net.world.underlay, "ip link set node2 mtu 1400"),
  },
  {
    title: "a rule that masquerades pods on their way to pods",
    cause: "masqueraded",
    hop: /^node1$/,
    evidence: /table ip planted chain post.*ip saddr 10\.244\.1\.0\/24.*masquerade/,
    check: "pod-to-pod-other-node",
    plant: (net) =>
      net.run(
        net.node(1).netns,
        "nft add table ip planted",
        "nft 'add chain ip planted post { type nat hook postrouting priority 90; }'",
        "nft add rule ip planted post ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 masquerade",
      ),
  },
  {
    title: "a peer without carrier",
    cause: "dead peer",
    hop: /^underlay node2$/,
    evidence: /node2 <DOWN/,
    check: "pod-to-pod-other-node",
    plant: (net) => net.run(net.world.underlay, "ip link set node2 down"),
  },
  {
    title: "a strict reverse path filter where answers leave by another link",
    cause: "rp_filter",
    hop: /^node2 flannel\.1$/,
    evidence: /rp_filter = 1/,
    check: "pod-to-pod-other-node",
    plant: (net) =>
      net.run(
        net.node(2).netns,
        "ip route replace 10.244.1.0/24 via 192.168.50.1 dev eth0",
        "sysctl -qw net.ipv4.conf.flannel/1.rp_filter=1",
      ),
  },
  {
    title: "a bridge that is down",
    cause: "bridge down",
    hop: /^node2 cni0$/,
    evidence: /cni0 <DOWN/,
    check: "pod-to-pod-same-node",
    plant: (net) => net.run(net.node(2).netns, "ip link set cni0 down"),
  },
  {
    title: "two pods with one address",
    cause: "duplicate address",
    hop: /^pod default\/node1-1 eth0$/,
    evidence: /pod default\/node1-1: 10\.244\.1\.10 dev eth0/,
    check: "pod-to-pod-same-node",
    plant: (net) => net.run(net.pod(1, 1).netns, "ip address add 10.244.1.10/24 dev eth0"),
  },
  {
    title: "a firewall rule that drops",
    cause: "firewall drop",
    hop: /^node2$/,
    evidence: /table inet planted chain forward handle \d+: .*ip daddr 10\.244\.2\.10.* drop/,
    check: "pod-to-pod-other-node",
    plant: (net) =>
      net.run(
        net.node(2).netns,
        "nft add table inet planted",
        "nft 'add chain inet planted forward { type filter hook forward priority 0; }'",
        "nft add rule inet planted forward ip daddr 10.244.2.10 drop",
      ),
  },
  {
    title: "a pod whose gateway nobody is",
    cause: "wrong gateway",
    hop: /^pod default\/node1-0 eth0$/,
    evidence: /default via 10\.244\.1\.99 dev eth0/,
    check: "pod-to-pod-other-node",
    plant: (net) => net.run(net.pod(1, 0).netns, "ip route replace default via 10.244.1.99"),
  },
  {
    title: "a route to a node that is not there",
    cause: "wrong gateway",
    hop: /^node1 eth0$/,
    evidence: /via 192\.168\.50\.99 dev eth0/,
    check: "pod-to-pod-other-node",
    backend: "host-gw",
    plant: (net) => net.run(net.node(1).netns, "ip route replace 10.244.2.0/24 via 192.168.50.99"),
  },
  {
    title: "a node that does not forward",
    cause: "forwarding off",
    hop: /^node2 flannel/,
    evidence: /net\.ipv4\.ip_forward = 0/,
    check: "pod-to-pod-other-node",
    plant: (net) => net.run(net.node(2).netns, "sysctl -qw net.ipv4.ip_forward=0"),
  },
  {
    title: "a neighbour entry that is gone",
    cause: "wrong neighbour",
    hop: /^node1 flannel\.1$/,
    evidence: /10\.244\.2\.0/,
    check: "pod-to-pod-other-node",
    plant: (net) => net.run(net.node(1).netns, "ip neighbour delete 10.244.2.0 dev flannel.1"),
  },
];

for (const { title, cause, hop, evidence, check, backend = "vxlan", plant } of FAULTS) {
  test(`checkNetwork names ${title}: ${cause}`, requireRoot, async () => {
    await using net = await createClusterWorld(backend === "vxlan" ? createVxlan : createHostGw, backend);
    await plant(net);
    const report = await checkNetwork(net.access, { answerTimeoutMs: 1000, signal: AbortSignal.timeout(60_000) });
    const failed = report.checks.find(
      ({ name, family, status }) => name === check && family === 4 && status === "failed",
    );
    const [first] = failed?.failures ?? [];
    const isUnique = report.checks.find(({ name }) => name === "address-unique")?.status;
    assert.equal(isUnique, cause === "duplicate address" ? "failed" : "passed");
    const text = JSON.stringify(
      report.checks.filter(({ status }) => status !== "passed"),
      undefined,
      1,
    );
    assert.ok(first?.diagnosis, text);
    assert.equal(first.diagnosis.cause, cause, text);
    assert.match(first.diagnosis.hop, hop, text);
    assert.match(first.evidence.join("\n"), evidence, text);
    const causes = report.checks.flatMap(({ failures }) => failures.flatMap(({ diagnosis }) => diagnosis?.cause ?? []));
    assert.deepEqual([...new Set(causes)], [cause], text);
  });
}
