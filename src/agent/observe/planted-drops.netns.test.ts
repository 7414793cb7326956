/** Twenty drops by policies, and two by spoofed addresses: what an agent records and what a trace says name the policy and the rule rightly. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { networkOf, parsePrefix } from "#base/ip-address.ts";
import { PLANES } from "#dataplane/conformance/planes.ts";
import { FAMILIES } from "#dataplane/contract.ts";
import { createTestCluster, type TestCluster } from "#dataplane/policy/conformance/test-cluster.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { addAddress, deleteAddress } from "#kernel/rtnetlink/address.ts";
import { findLink } from "#kernel/rtnetlink/link.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { openUdpSocket } from "#kernel/udp/udp-socket.ts";
import { type WorldPolicy, worldClusterNetworkPolicy, worldNetworkPolicy } from "#policy/policy-world.ts";
import type { ClusterAccess, RecordedDrop } from "#trace/cluster-access.ts";
import { formatTrace } from "#trace/format-trace.ts";
import type { PacketProtocol } from "#trace/path/packet.ts";
import { runTrace } from "#trace/run-trace.ts";
import { describeDrop } from "./describe-flow.ts";
import type { Flow } from "./flow.ts";

type NetworkPolicy = Extract<WorldPolicy, { readonly kind: "NetworkPolicy" }>["object"];
type ClusterNetworkPolicy = Extract<WorldPolicy, { readonly kind: "ClusterNetworkPolicy" }>["object"];

const PODS = [
  { namespace: "shop", name: "web", labels: { app: "web" } },
  { namespace: "shop", name: "client", labels: { app: "client" } },
  { namespace: "bank", name: "client", labels: { app: "client" } },
  { namespace: "shop", name: "db", labels: { app: "db" } },
  { namespace: "bank", name: "web", labels: { app: "web" } },
  { namespace: "test", name: "web", labels: { app: "web" } },
  { namespace: "shop", name: "free", labels: { app: "free" } },
  { namespace: "test", name: "client", labels: { app: "client" } },
] as const;
const NAMESPACES = { shop: { team: "shop" }, bank: { team: "bank" }, test: {} } as const;

function policy(namespace: string, name: string, spec: NetworkPolicy["spec"]): WorldPolicy {
  const metadata = { namespace, name };
  return worldNetworkPolicy({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec });
}

function clusterPolicy(name: string, spec: ClusterNetworkPolicy["spec"]): WorldPolicy {
  const kind = "ClusterNetworkPolicy";
  return worldClusterNetworkPolicy({ apiVersion: "policy.networking.k8s.io/v1alpha2", kind, metadata: { name }, spec });
}

const app = (value: string) => ({ matchLabels: { app: value } });
const named = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });
const tcp = (number: number) => ({ tcp: { destinationPort: { number } } });
const udp = (number: number) => ({ udp: { destinationPort: { number } } });

const POLICIES: readonly WorldPolicy[] = [
  policy("shop", "web-in", {
    podSelector: app("web"),
    policyTypes: ["Ingress"],
    ingress: [{ from: [{ podSelector: app("client") }], ports: [{ protocol: "TCP", port: 80 }] }],
  }),
  policy("shop", "db-in", {
    podSelector: app("db"),
    policyTypes: ["Ingress"],
    ingress: [{ from: [{ podSelector: app("web") }], ports: [{ protocol: "TCP", port: 8081 }] }],
  }),
  policy("shop", "client-out", {
    podSelector: app("client"),
    policyTypes: ["Egress"],
    egress: [{ to: [{ podSelector: {} }], ports: [{ protocol: "TCP", port: 80 }] }],
  }),
  policy("bank", "deny-all", { podSelector: {}, policyTypes: ["Ingress", "Egress"] }),
  policy("test", "in-a", {
    podSelector: app("web"),
    policyTypes: ["Ingress"],
    ingress: [{ ports: [{ protocol: "TCP", port: 443 }] }],
  }),
  policy("test", "in-b", {
    podSelector: {},
    policyTypes: ["Ingress"],
    ingress: [{ from: [{ podSelector: {} }], ports: [{ protocol: "UDP", port: 53 }] }],
  }),
  clusterPolicy("no-old-ports", {
    tier: "Admin",
    priority: 1,
    subject: { namespaces: {} },
    ingress: [
      { name: "telnet", action: "Deny", from: [{ namespaces: {} }], protocols: [tcp(79)] },
      { action: "Deny", from: [{ namespaces: named("test") }], protocols: [tcp(8079), udp(8079)] },
    ],
    egress: [{ action: "Deny", to: [{ namespaces: named("bank") }], protocols: [tcp(8090)] }],
  }),
  clusterPolicy("not-outside", {
    tier: "Baseline",
    priority: 1,
    subject: { namespaces: named("shop") },
    ingress: [{ action: "Deny", from: [{ namespaces: named("test") }], protocols: [tcp(8091)] }],
    egress: [{ name: "ten", action: "Deny", to: [{ networks: ["192.168.50.100/32"] }] }],
  }),
];

/** From, to, protocol, port; direction, policies, rule; which pods its record names. */
type Planted = readonly [
  from: string,
  to: string,
  protocol: PacketProtocol,
  port: number | undefined,
  direction: "ingress" | "egress",
  policies: readonly string[],
  rule: string,
];

const NP = "networkpolicy";
const CNP = "clusternetworkpolicy";
const DROPS: readonly Planted[] = [
  ["shop/client", "shop/web", "tcp", 443, "egress", [`${NP}/shop/client-out`], "isolation"],
  ["shop/client", "shop/db", "udp", 53, "egress", [`${NP}/shop/client-out`], "isolation"],
  ["shop/client", "shop/db", "tcp", 80, "ingress", [`${NP}/shop/db-in`], "isolation"],
  ["shop/free", "shop/web", "tcp", 80, "ingress", [`${NP}/shop/web-in`], "isolation"],
  ["shop/free", "shop/web", "icmp", undefined, "ingress", [`${NP}/shop/web-in`], "isolation"],
  ["shop/web", "shop/db", "tcp", 8080, "ingress", [`${NP}/shop/db-in`], "isolation"],
  ["test/client", "shop/db", "udp", 53, "ingress", [`${NP}/shop/db-in`], "isolation"],
  ["bank/client", "shop/free", "tcp", 80, "egress", [`${NP}/bank/deny-all`], "isolation"],
  ["bank/client", "bank/web", "udp", 53, "egress", [`${NP}/bank/deny-all`], "isolation"],
  ["shop/free", "bank/web", "tcp", 80, "ingress", [`${NP}/bank/deny-all`], "isolation"],
  ["shop/free", "test/web", "tcp", 80, "ingress", [`${NP}/test/in-a`, `${NP}/test/in-b`], "isolation"],
  ["shop/web", "test/client", "tcp", 443, "ingress", [`${NP}/test/in-b`], "isolation"],
  ["shop/web", "shop/free", "tcp", 79, "ingress", [`${CNP}/no-old-ports`], `${CNP}/no-old-ports ingress 0 "telnet"`],
  ["test/client", "test/web", "tcp", 8079, "ingress", [`${CNP}/no-old-ports`], `${CNP}/no-old-ports ingress 1`],
  ["test/web", "shop/free", "udp", 8079, "ingress", [`${CNP}/no-old-ports`], `${CNP}/no-old-ports ingress 1`],
  ["shop/free", "bank/web", "tcp", 8090, "egress", [`${CNP}/no-old-ports`], `${CNP}/no-old-ports egress 0`],
  ["shop/web", "outside", "tcp", 80, "egress", [`${CNP}/not-outside`], `${CNP}/not-outside egress 0 "ten"`],
  ["bank/web", "shop/web", "icmp", undefined, "egress", [`${NP}/bank/deny-all`], "isolation"],
  ["test/client", "bank/client", "tcp", 443, "ingress", [`${NP}/bank/deny-all`], "isolation"],
  ["test/client", "shop/free", "tcp", 8091, "ingress", [`${CNP}/not-outside`], `${CNP}/not-outside ingress 0`],
];

suite("drops by policy", requireRoot, () => {
  let cluster: TestCluster;
  let access: ClusterAccess;
  const flows: Flow[] = [];
  let heard = Promise.withResolvers<void>();

  before(async () => {
    const plane = PLANES.find(({ title }) => title === "vxlan");
    assert.ok(plane);
    cluster = await createTestCluster(plane, {
      onDrop(node, packet) {
        const flow = describe(node, packet);
        if (flow === undefined) return;
        flows.push(flow);
        heard.resolve();
      },
    });
    cluster.apply(cluster.worldOf({ title: "drops", namespaces: NAMESPACES, pods: PODS, policies: POLICIES }));
    access = accessOf();
  });
  after(() => cluster[Symbol.asyncDispose]());

  function podAt(address: string): string | undefined {
    const slot = cluster.slots.findIndex(({ addresses }) => addresses.some((one) => one === address));
    const pod = PODS[slot];
    return pod && `${pod.namespace}/${pod.name}`;
  }

  function describe(node: number, packet: Parameters<typeof describeDrop>[1]): Flow | undefined {
    const enforcer = cluster.enforcers[node];
    const world = cluster.world.nodes[node];
    assert.ok(enforcer && world);
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: world.netns });
    const name = cluster.nodes[node]?.name ?? "";
    const names = {
      pod: (address: string) => {
        const pod = podAt(address);
        return pod === undefined ? undefined : { name: pod, node: undefined };
      },
      node: () => undefined,
      service: () => undefined,
    };
    const drops = {
      explainDrop: (prefix: string) => enforcer.explainDrop(prefix),
      isolating: (pod: string, direction: "ingress" | "egress") =>
        cluster.model(node).pods.get(pod)?.[direction].network ?? [],
      podOfLink: (link: string) => podAt(world.pods.find((one) => one.link === link)?.addresses[4] ?? ""),
    };
    const linkName = (ifindex: number) => findLink(socket, { ifindex })?.name;
    return describeDrop({ node: name, names, drops, linkName, nowMicros: () => Date.now() * 1000 }, packet);
  }

  function accessOf(): ClusterAccess {
    const { world, slots, outside } = cluster;
    return {
      name: "test",
      nodes: world.nodes.map(({ local, netns }) => ({
        name: local.name,
        netnsPath: netns.path,
        underlayAddresses: FAMILIES.flatMap((family) => local.underlay[family]?.address ?? []),
        podCidrs: FAMILIES.flatMap((family) => local.podPrefixes[family] ?? []).map(networkOf),
      })),
      pods: PODS.flatMap(({ namespace, name }, index) => {
        const slot = slots[index];
        if (slot === undefined) return [];
        const { node, addresses: ips, netns } = slot;
        return [{ namespace, name, uid: name, node, ips, netnsPath: netns.path, isHostNetwork: false }];
      }),
      outside: { netnsPath: outside[4].netns.path, addresses: [outside[4].address, outside[6].address] },
      between: [{ name: "underlay", netnsPath: world.underlay.path }],
      async drops() {
        await heard.promise;
        return flows.map(recorded);
      },
    };
  }

  for (const [from, to, protocol, port, direction, policies, rule] of DROPS) {
    test(`${protocol} ${port ?? ""} from ${from} to ${to}: ${direction} ${rule}`, { timeout: 30_000 }, async () => {
      flows.length = 0;
      heard = Promise.withResolvers();
      const signal = AbortSignal.timeout(20_000);
      const { report } = await runTrace(access, { from, to, protocol, port, arrivalTimeoutMs: 100, signal });
      const text = formatTrace(report);
      const expected = { direction, policies, rule };
      assert.equal(report.arrived, false, text);
      assert.deepEqual(report.diagnosis?.policy, expected, text);
      const { direction: seenDirection, policies: seenPolicies, rule: seenRule } = report.drop ?? {};
      assert.deepEqual({ direction: seenDirection, policies: seenPolicies, rule: seenRule }, expected, text);
      const [flow] = flows;
      assert.equal(flow?.verdict, "dropped");
      assert.equal(flow.source.pod, from);
      assert.equal(flow.destination.pod, to === "outside" ? undefined : to);
      assert.equal(flow.destination.port, port);
    });
  }

  /** What no pod's own addresses can be: only recorded, since a trace sends nothing that is spoofed. */
  const SPOOFED = [
    ["another pod's address", "10.244.1.11", 53, "spoofed address"],
    ["nobody's address", "192.0.2.1", 53, "spoofed address"],
  ] as const;
  for (const [title, address, port, rule] of SPOOFED) {
    test(`a packet with ${title}: the record names who sent it`, { timeout: 30_000 }, async () => {
      flows.length = 0;
      heard = Promise.withResolvers();
      const [thief, , , target] = cluster.slots;
      assert.ok(thief && target);
      using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: thief.netns });
      using stack = new DisposableStack();
      const ifindex = findLink(socket, { name: "eth0" })?.ifindex;
      assert.ok(ifindex);
      const prefix = parsePrefix(`${address}/32`);
      addAddress(socket, { ifindex, prefix, noDad: true });
      stack.defer(() => deleteAddress(socket, { ifindex, prefix }));
      const listener = { datagram: () => undefined, error: () => undefined };
      const sender = stack.use(openUdpSocket(thief.netns, { address: prefix.address, port: 0 }, listener));
      const [to] = target.addresses;
      assert.ok(to);
      sender.send(Buffer.from("?"), { address: to, port });
      await heard.promise;
      const [flow] = flows;
      assert.deepEqual([flow?.direction, flow?.policies, flow?.rule], ["egress", [], rule]);
      assert.equal(flow?.source.pod, "shop/web");
      assert.match(flow?.hop ?? "", new RegExp(`^${thief.link}`));
    });
  }
});

function recorded({ node, source, destination, direction, policies = [], rule = "" }: Flow): RecordedDrop {
  assert.ok(direction);
  return {
    node,
    direction,
    policies,
    rule,
    source: source.address,
    destination: destination.address,
    sourcePort: source.port,
    destinationPort: destination.port,
  };
}
