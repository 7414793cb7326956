import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNftablesServiceProxy } from "#dataplane/services/nftables/create-nftables-service-proxy.ts";
import { createVxlan } from "#dataplane/vxlan/apply.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import type { ServicePort } from "#service/service-port.ts";
import { formatTrace } from "./format-trace.ts";
import { runTrace } from "./run-trace.ts";
import { type ClusterWorld, createClusterWorld } from "./testing/cluster-world.ts";

const CLUSTER_IP = parseAddress("10.96.0.10");
const EMPTY_IP = parseAddress("10.96.0.11");
const BACKENDS = ["10.244.1.11", "10.244.2.10", "10.244.3.10"];
const PORT = { family: 4, protocol: "TCP", local: [] } as const;
const SERVICES: readonly ServicePort[] = [
  {
    ...PORT,
    id: "default/web:http/TCP/4",
    frontends: [
      { kind: "clusterIP", address: CLUSTER_IP, port: 80, traffic: "cluster" },
      { kind: "nodePort", port: 30080, traffic: "cluster" },
    ],
    cluster: BACKENDS.map((address) => ({ address: parseAddress(address), port: 8080 })),
  },
  {
    ...PORT,
    id: "default/sticky:http/TCP/4",
    frontends: [{ kind: "clusterIP", address: parseAddress("10.96.0.12"), port: 80, traffic: "cluster" }],
    cluster: BACKENDS.map((address) => ({ address: parseAddress(address), port: 8080 })),
    affinityTimeoutSeconds: 60,
  },
  {
    ...PORT,
    id: "default/empty:http/TCP/4",
    frontends: [{ kind: "clusterIP", address: EMPTY_IP, port: 80, traffic: "cluster" }],
    cluster: [],
  },
];

function startProxies({ world }: ClusterWorld, stack: AsyncDisposableStack): void {
  for (const [index, { netns }] of world.nodes.entries()) {
    const proxy = stack.use(createNftablesServiceProxy({ nft: stack.use(createNftSocket(netns)) }));
    const node = {
      podNetworks: [parsePrefix("10.244.0.0/16")],
      nodePods: [parsePrefix(`10.244.${index + 1}.0/24`)],
      nodePortAddresses: [],
      serviceNetworks: [parsePrefix("10.96.0.0/16")],
    };
    proxy.sync(node, new Map(SERVICES.map((port) => [port.id, port])));
  }
}

const to = (host: string) => `${host}:8080`;

test("runTrace shows a Service's translation and the way of the answers", requireRoot, async () => {
  await using net = await createClusterWorld((kernel) => createVxlan(kernel), "vxlan");
  await using stack = new AsyncDisposableStack();
  startProxies(net, stack);
  const trace = async (from: string, destination: string, port: number) => {
    const signal = AbortSignal.timeout(30_000);
    const { report } = await runTrace(net.access, { from, to: destination, protocol: "tcp", port, signal });
    return { report, text: formatTrace(report) };
  };

  const chosen = new Set<string>();
  for (let turn = 0; turn < 6; turn++) {
    const { report, text } = await trace("default/node1-0", CLUSTER_IP, 80);
    assert.equal(report.arrived, true, text);
    for (const { namespace, link, seen, predicted } of report.hops) {
      // To a pod of the same bridge, br_netfilter hands the translated frame over inside the bridge.
      const mayPassUnseen = namespace === "node1" && link === "cni0";
      assert.ok(predicted && (seen || mayPassUnseen), text);
    }
    const [service, ...rest] = report.translations;
    assert.deepEqual(rest, [], text);
    assert.equal(service?.kind, "destination");
    assert.equal(service.namespace, "node1");
    assert.equal(service.frontend, "default/web:http/TCP/4");
    assert.equal(service.from, "10.96.0.10:80");
    assert.deepEqual(service.backends?.toSorted(), BACKENDS.map(to));
    assert.ok(BACKENDS.map(to).includes(service.to), text);
    assert.match(service.connection?.original ?? "", /^10\.244\.1\.10:\d+ → 10\.96\.0\.10:80 tcp$/);
    assert.ok(service.connection?.reply.startsWith(`${service.to} → 10.244.1.10:`), text);
    assert.match(text, /^service: {2}node1: default\/web:http\/TCP\/4: 10\.96\.0\.10:80 → .*, one of 3: /m);
    chosen.add(service.to);
  }
  assert.ok(chosen.size > 1, "of three backends, six connections reach more than one");

  const sticky = await trace("default/node1-0", "10.96.0.12", 80);
  const again = await trace("default/node1-0", "10.96.0.12", 80);
  assert.equal(again.report.arrived, true, again.text);
  assert.equal(again.report.translations[0]?.to, sticky.report.translations[0]?.to, again.text);
  assert.equal(
    again.report.translations[0]?.backends,
    undefined,
    "nothing is left to chance for a client that is known",
  );

  const nodePort = await trace("outside", "node1", 30080);
  assert.equal(nodePort.report.arrived, true, nodePort.text);
  assert.deepEqual(
    nodePort.report.translations.map(({ kind, namespace }) => `${kind} ${namespace}`),
    ["destination node1", "source node1"],
    nodePort.text,
  );
  assert.equal(nodePort.report.translations[0]?.frontend, "default/web:http/TCP/4");

  const fromNode = await trace("node2", CLUSTER_IP, 80);
  assert.equal(fromNode.report.arrived, true, fromNode.text);
  assert.equal(fromNode.report.translations[0]?.namespace, "node2", fromNode.text);

  const empty = await trace("default/node1-0", EMPTY_IP, 80);
  assert.equal(empty.report.arrived, false, empty.text);
  assert.equal(empty.report.diagnosis?.cause, "firewall drop", empty.text);
  assert.match(empty.text, /table inet podwire-services chain reject handle \d+: .*reject/);
  assert.match(empty.text, /for default\/empty:http\/TCP\/4/);
});
