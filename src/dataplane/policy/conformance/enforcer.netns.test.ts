/**
 * What an enforcer promises beside its verdicts: connections that a change forbids end, nobody speaks with another's
 * address, what is there is adopted, and nothing opens when somebody takes rules away.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, suite, test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { addAddress, deleteAddress } from "#kernel/rtnetlink/address.ts";
import { findLink, setLink } from "#kernel/rtnetlink/link.ts";
import { createTcpSocket } from "#kernel/tcp/tcp-socket.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { openUdpSocket } from "#kernel/udp/udp-socket.ts";
import { PLANES } from "../../conformance/planes.ts";
import { createNftablesEnforcer } from "../nftables/nftables-enforcer.ts";
import { POLICY_CASES } from "./cases.ts";
import { checkCase } from "./check-case.ts";
import { planProbes } from "./probe-plans.ts";
import { createTestCluster, type TestCluster, type TestClusterOptions } from "./test-cluster.ts";

const DEADLINE_MS = 5000;

function caseNamed(title: string) {
  const found = POLICY_CASES.find((one) => one.title === title);
  assert.ok(found, title);
  return found;
}

function clusterOn(options?: TestClusterOptions): Promise<TestCluster> {
  const plane = PLANES.find(({ title }) => title === "host-gw");
  assert.ok(plane);
  return createTestCluster(plane, options);
}

/** From slot 1 to slot 0: two pods of one node. To slot 3: a pod of another. */
async function openConnection(cluster: TestCluster, from: number, to: number, family: 4 | 6) {
  const [source, target] = [cluster.slots[from], cluster.slots[to]];
  assert.ok(source && target);
  const at = family === 4 ? 0 : 1;
  const [address, host] = [source.addresses[at], target.addresses[at]];
  assert.ok(address && host);
  const socket = createTcpSocket(source.netns, { address, port: 0 });
  socket.on("error", () => undefined);
  socket.connect({ host, port: 80 });
  await once(socket, "data", { signal: AbortSignal.timeout(DEADLINE_MS) });
  return socket;
}

suite("connections that are under way", requireRoot, () => {
  for (const family of [4, 6] as const) {
    for (const to of [0, 3]) {
      test(`reevaluate ends those that a policy forbids, ${to === 0 ? "on one node" : "across nodes"}, IPv${family}`, async () => {
        await using cluster = await clusterOn();
        cluster.apply(cluster.worldOf(caseNamed("no policy")));
        const socket = await openConnection(cluster, 1, to, family);
        const kept = await openConnection(cluster, 2, 4, family);
        const world = cluster.worldOf(caseNamed("deny all"));
        cluster.apply(world);
        const dropped = await droppedAfterWrite(cluster, socket);
        assert.equal(dropped, true, "what it sends is dropped");
        // The one that no policy is about goes on; the servers close when they are told.
        const ended = once(kept, "end", { signal: AbortSignal.timeout(DEADLINE_MS) });
        kept.end("bye");
        kept.resume();
        await ended;
        socket.destroy();
      });
    }
  }

  test("keep lets them go on, and judges new ones", async () => {
    await using cluster = await clusterOn({ established: "keep" });
    cluster.apply(cluster.worldOf(caseNamed("no policy")));
    const socket = await openConnection(cluster, 1, 3, 4);
    const world = cluster.worldOf(caseNamed("deny all"));
    cluster.apply(world);
    const ended = once(socket, "end", { signal: AbortSignal.timeout(DEADLINE_MS) });
    socket.end("bye");
    socket.resume();
    await ended;
    const probe = { from: 1, to: 3, family: 4, protocol: "TCP", port: 80 } as const;
    assert.deepEqual((await checkCase(cluster, world, [probe])).differences, []);
  });
});

/** Its next packet is dropped by a rule that has a reason. */
async function droppedAfterWrite(cluster: TestCluster, socket: Awaited<ReturnType<typeof openConnection>>) {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const { localPort, localAddress, remoteAddress } = socket;
  using _ = cluster.drops.expect(`TCP ${localAddress}:${localPort} ${remoteAddress}:80`, () => resolve(true));
  const deadline = setTimeout(() => resolve(false), DEADLINE_MS);
  socket.write("?");
  const dropped = await promise;
  clearTimeout(deadline);
  return dropped;
}

function countDrops({ enforcers }: TestCluster, reason: string): number {
  return enforcers
    .flatMap((enforcer) => enforcer.counters())
    .filter((counter) => counter.reason === reason)
    .reduce((sum, { packets }) => sum + packets, 0);
}

/** What was sent before has come as far as it comes: packets of one link keep their order. */
async function untilDeliveredIn(cluster: TestCluster, ends: { from: number; to: number; family?: 4 | 6 }) {
  const world = cluster.worldOf(caseNamed("no policy"));
  const probe = { family: 4, ...ends, protocol: "UDP", port: 53 } as const;
  assert.deepEqual((await checkCase(cluster, world, [probe])).differences, []);
}

for (const joined of ["bridged", "routed"] as const) {
  test(`an address that is another's, or nobody's, gets nothing through: pods ${joined}`, requireRoot, async () => {
    await using cluster = await clusterOn({ joined });
    cluster.apply(cluster.worldOf(caseNamed("no policy")));
    const [, thief, , target] = cluster.slots;
    assert.ok(thief && target);
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: thief.netns });
    const eth0 = findLink(socket, { name: "eth0" });
    assert.ok(eth0);
    for (const text of ["10.244.1.10", "10.244.1.77", "192.0.2.1", "fd00:10:244:1::10"]) {
      const family = text.includes(":") ? 6 : 4;
      const prefix = parsePrefix(`${text}/${family === 6 ? 128 : 32}`);
      await untilDeliveredIn(cluster, { from: 1, to: 3, family }); // it knows its gateway's hardware address from now on
      const before = countDrops(cluster, "spoofed address");
      using stack = new DisposableStack();
      addAddress(socket, { ifindex: eth0.ifindex, prefix, noDad: true });
      stack.defer(() => deleteAddress(socket, { ifindex: eth0.ifindex, prefix }));
      const to = target.addresses[family === 6 ? 1 : 0];
      assert.ok(to);
      let answers = 0;
      const listener = { datagram: () => answers++, error: () => undefined };
      const udp = stack.use(openUdpSocket(thief.netns, { address: prefix.address, port: 0 }, listener));
      udp.send(Buffer.from("?"), { address: to, port: 53 });
      await untilDeliveredIn(cluster, { from: 1, to: 3, family });
      udp.drain();
      assert.equal(countDrops(cluster, "spoofed address"), before + 1, text);
      assert.equal(answers, 0);
    }
  });
}

suite("enforcer", requireRoot, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await clusterOn();
  });
  after(() => cluster[Symbol.asyncDispose]());

  const spoofed = (reason: string): number => countDrops(cluster, reason);
  const untilDelivered = (from: number, to: number) => untilDeliveredIn(cluster, { from, to });

  test("another hardware address gets nothing through", async () => {
    cluster.apply(cluster.worldOf(caseNamed("no policy")));
    const [, pod] = cluster.slots;
    assert.ok(pod?.mac);
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: pod.netns });
    const eth0 = findLink(socket, { name: "eth0" });
    assert.ok(eth0);
    const before = spoofed("spoofed hardware address");
    await outputIn(pod.netns, ["ip", "link", "set", "eth0", "address", "02:00:00:00:00:99"]);
    const [address] = pod.addresses;
    const to = cluster.slots[0]?.addresses[0];
    assert.ok(address && to);
    using udp = openUdpSocket(pod.netns, { address, port: 0 }, { datagram: () => undefined, error: () => undefined });
    udp.send(Buffer.from("?"), { address: to, port: 53 });
    setLink(socket, eth0.ifindex, { mac: pod.mac });
    await untilDelivered(1, 2);
    assert.ok(spoofed("spoofed hardware address") > before);
  });

  test("a port that is detached gets nothing through, and all again when it is attached", async () => {
    cluster.apply(cluster.worldOf(caseNamed("no policy")));
    const [enforcer] = cluster.enforcers;
    const [attachment] = cluster.attachments(0);
    const pod = cluster.slots[0];
    assert.ok(enforcer && attachment && pod);
    enforcer.detach(attachment.link);
    const before = spoofed("unknown port");
    const [address] = pod.addresses;
    const to = cluster.slots[1]?.addresses[0];
    assert.ok(address && to);
    using udp = openUdpSocket(pod.netns, { address, port: 0 }, { datagram: () => undefined, error: () => undefined });
    udp.send(Buffer.from("?"), { address: to, port: 53 });
    await untilDelivered(1, 2);
    enforcer.attach(attachment);
    assert.deepEqual(enforcer.drift(), []);
    await untilDelivered(0, 2);
    assert.ok(spoofed("unknown port") > before);
  });

  test("a pod cannot send to the port of the tunnels between nodes", async () => {
    cluster.apply(cluster.worldOf(caseNamed("no policy")));
    const [pod] = cluster.slots;
    const [address] = pod?.addresses ?? [];
    assert.ok(pod && address);
    for (const { addresses } of cluster.nodes) {
      const before = spoofed("overlay port");
      const [node] = addresses;
      assert.ok(node);
      using udp = openUdpSocket(pod.netns, { address, port: 0 }, { datagram: () => undefined, error: () => undefined });
      udp.send(Buffer.from("?"), { address: node, port: 8472 });
      await untilDelivered(0, 2);
      assert.equal(spoofed("overlay port"), before + 1, node);
    }
  });

  test("a node reaches its own pods, and they reach it, whatever the policies", async () => {
    cluster.apply(cluster.worldOf(caseNamed("deny all in every namespace")));
    const node = cluster.world.nodes[0];
    for (const index of [0, 1]) {
      const gateway = parseAddress(index === 0 ? "10.244.1.1" : "fd00:10:244:1::1");
      const target = cluster.slots[0]?.addresses[index];
      assert.ok(target);
      const socket = createTcpSocket(node.netns, { address: gateway, port: 0 });
      socket.connect({ host: target, port: 80 });
      await once(socket, "data", { signal: AbortSignal.timeout(DEADLINE_MS) });
      socket.resetAndDestroy();
    }
  });
});

suite("the tables in the kernel", requireRoot, () => {
  test("sync mends what somebody damaged: rules, elements, sets, chains, a whole table", async () => {
    await using cluster = await clusterOn({ owned: false });
    const world = cluster.worldOf(caseNamed("web from clients on one port"));
    cluster.apply(world);
    const [enforcer] = cluster.enforcers;
    const node = cluster.world.nodes[0];
    assert.ok(enforcer);
    using nft = createNftSocket(node.netns);
    const table = { family: "inet", table: "podwire-policy" } as const;
    const bridge = { family: "bridge", table: "podwire-policy" } as const;
    const damages = {
      "rules of a hook": { do: "flush chain", chain: { ...table, chain: "ingress" } },
      "rules of a pod": { do: "flush chain", chain: { ...table, chain: "ingress/shop/web" } },
      "a foreign chain": { do: "add chain", chain: { ...table, chain: "somebody" } },
      "elements of a map": { do: "flush set", set: { ...table, set: "egress4" } },
      "elements of the ports": { do: "flush set", set: { ...bridge, set: "macs" } },
      "the table": { do: "delete table", table },
      "the ports' table": { do: "delete table", table: bridge },
    } as const;
    for (const [what, damage] of Object.entries(damages)) {
      nft.commit([damage], "damage a table");
      assert.notDeepEqual(enforcer.drift(), [], what);
      assert.notDeepEqual(cluster.sync()[0], [], what);
      assert.deepEqual(enforcer.drift(), [], what);
    }
    const probes = planProbes({ slots: cluster.slots.length, family: 4, turn: 0 });
    assert.deepEqual((await checkCase(cluster, world, probes)).differences, []);
  });

  test("a new process adopts what is there without changing it; an update finds its way after a flush", async () => {
    await using cluster = await clusterOn({ owned: false });
    const world = cluster.worldOf(caseNamed("database from web only"));
    cluster.apply(world);
    const node = cluster.world.nodes[0];
    await using second = createNftablesEnforcer({ netns: node.netns, owned: false });
    assert.deepEqual(second.sync(cluster.policyNode(0), cluster.model(0), cluster.attachments(0)).changes, []);
    using nft = createNftSocket(node.netns);
    nft.commit([{ do: "delete table", table: { family: "inet", table: "podwire-policy" } }], "flush");
    const next = cluster.worldOf(caseNamed("deny all"));
    cluster.apply(next);
    assert.deepEqual(cluster.enforcers[0]?.drift(), []);
  });

  test("a table that is owned cannot be flushed by others, and stays closed when its owner is gone", async () => {
    await using cluster = await clusterOn();
    const world = cluster.worldOf(caseNamed("deny all in every namespace"));
    cluster.apply(world);
    const node = cluster.world.nodes[0];
    await outputIn(node.netns, ["nft", "flush", "ruleset"]);
    assert.deepEqual(cluster.enforcers[0]?.drift(), []);
    for (const enforcer of cluster.enforcers) await enforcer[Symbol.asyncDispose]();
    const target = cluster.slots[0];
    const source = cluster.slots[1];
    const [address] = source?.addresses ?? [];
    const [to] = target?.addresses ?? [];
    assert.ok(source && address && to);
    let answers = 0;
    using udp = openUdpSocket(
      source.netns,
      { address, port: 0 },
      { datagram: () => answers++, error: () => undefined },
    );
    udp.send(Buffer.from("?"), { address: to, port: 53 });
    udp.drain();
    assert.equal(answers, 0);
    await using heir = createNftablesEnforcer({ netns: node.netns });
    assert.deepEqual(heir.sync(cluster.policyNode(0), cluster.model(0), cluster.attachments(0)).changes, []);
    heir.remove();
    assert.equal(await outputIn(node.netns, ["nft", "list", "tables"]), "");
  });
});
