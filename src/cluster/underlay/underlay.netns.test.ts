import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parsePrefix } from "#base/ip-address.ts";
import { type Netns, openNetns } from "#kernel/netns/netns.ts";
import { watchLinkDeletions } from "#kernel/rtnetlink/events.ts";
import { execIn, ipJson, outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, testNetns } from "#kernel/testing/with-netns.ts";
import { askService, peerAnswer, startNetnsService } from "../peer-service.ts";
import type { NodeUplink } from "./node-uplink.ts";
import { removeUnderlayTraces, startUnderlay, type Underlay, type UnderlayOptions } from "./underlay.ts";

interface World {
  readonly host: Netns;
  readonly underlay: Underlay;
  readonly nodes: readonly { readonly name: string; readonly netns: Netns; readonly uplink: NodeUplink }[];
}

const SIGNAL = () => AbortSignal.timeout(20_000);
const OPTIONS = { clusterName: "test", dualStack: true, mtuBytes: 1500, isHostJoined: true } as const;

test("nodes, host and outside reach each other in both families, under their own addresses", requireRoot, () =>
  withWorld(async ({ host, underlay, nodes }) => {
    const { hostAddresses: hostOwn, outside } = underlay;
    await using services = new AsyncDisposableStack();
    services.use(startNetnsService(host, "host"));
    for (const { name, netns } of nodes) services.use(startNetnsService(netns, name));
    for (const family of [4, 6] as const) {
      const places = [
        { name: "host", netns: host, address: hostOwn?.[family] ?? "" },
        ...nodes.map(({ name, netns, uplink }) => ({ name, netns, address: uplink.addresses[family] ?? "" })),
      ];
      for (const from of places) {
        for (const to of places.filter(({ name }) => name !== from.name)) {
          assert.equal(await ask(from.netns, to.address), peerAnswer(to.name, from.address));
        }
      }
      for (const { netns, uplink } of nodes) {
        const answer = await ask(netns, outside.addresses[family] ?? "");
        assert.equal(answer, peerAnswer("outside", uplink.addresses[family] ?? ""));
      }
    }
  }),
);

test("outside reaches a node's address, and the node sees where it comes from", requireRoot, () =>
  withWorld(async ({ underlay, nodes: [node] }) => {
    assert.ok(node);
    await using _service = startNetnsService(node.netns, node.name);
    for (const family of [4, 6] as const) {
      const url = urlOf(node.uplink.addresses[family] ?? "");
      const { stdout } = await underlay.outside.exec(askService(url), SIGNAL());
      assert.equal(stdout, peerAnswer(node.name, underlay.outside.addresses[family] ?? ""));
    }
  }),
);

test("outside gets packets of pods and has no way back to them", requireRoot, () =>
  withWorld(async ({ underlay, nodes: [node] }) => {
    assert.ok(node);
    const pod = "10.244.7.9";
    await outputIn(node.netns, ["ip", "address", "add", `${pod}/32`, "dev", "lo"]);
    const target = underlay.outside.addresses[4];
    const asked = await execIn(node.netns, ["ping", "-c", "1", "-W", "1", "-I", pod, target]);
    assert.equal(asked.code, 1);
    // It did arrive: the service's host has counted it.
    using outside = openNetns(underlay.outside.netnsPath);
    const received = await outputIn(outside, ["cat", "/proc/net/snmp"]);
    assert.equal(counterOf(received, "Icmp", "InEchos"), 1);
    const route = await execIn(outside, ["ip", "route", "get", pod]);
    assert.match(route.stderr, /Network is unreachable/);
  }),
);

test("outside reaches addresses of load balancers by all nodes, and what no node has leads nowhere", requireRoot, () =>
  withWorld(
    async ({ underlay, nodes }) => {
      await using services = new AsyncDisposableStack();
      const addresses = ["198.18.7.3", "fd00:7::3"];
      for (const { name, netns } of nodes) {
        services.use(startNetnsService(netns, name));
        for (const address of addresses) await outputIn(netns, ["ip", "address", "add", address, "dev", "lo"]);
      }
      for (const address of addresses) {
        const answering = new Set<string>();
        for (let asked = 0; asked < 24; asked++) {
          const { stdout } = await underlay.outside.exec(askService(urlOf(address)), SIGNAL());
          answering.add(stdout);
        }
        const { 4: ipv4, 6: ipv6 = "" } = underlay.outside.addresses;
        const expected = nodes.map(({ name }) => peerAnswer(name, address.includes(":") ? ipv6 : ipv4));
        assert.deepEqual([...answering].toSorted(), expected);
      }
      const [node] = nodes;
      assert.ok(node);
      const { code, stdout } = await execIn(node.netns, ["ping", "-c", "1", "-W", "5", "198.18.7.4"]);
      assert.equal(code, 1);
      assert.match(stdout, /Destination Host Unreachable/);
    },
    { loadBalancerPools: ["198.18.7.0/28", "fd00:7::/112"].map(parsePrefix) },
  ),
);

test("the router is reached by nodes, and the host's other addresses are not", requireRoot, () =>
  withWorld(async ({ host, underlay, nodes: [node] }) => {
    assert.ok(node);
    await outputIn(host, ["ip", "address", "add", "192.0.2.77/32", "dev", "lo"]);
    const gateway = underlay.gatewayAddresses;
    assert.equal((await execIn(node.netns, ["ping", "-c", "1", "-W", "2", gateway[4]])).code, 0);
    assert.equal((await execIn(node.netns, ["ping", "-c", "1", "-W", "2", gateway[6] ?? ""])).code, 0);
    assert.notEqual((await execIn(node.netns, ["ping", "-c", "1", "-W", "1", "192.0.2.77"])).code, 0);
  }),
);

test("startUnderlay without dual stack gives nobody a global IPv6 address", requireRoot, () =>
  withWorld(
    async ({ host, underlay, nodes: [node] }) => {
      assert.ok(node);
      assert.equal(underlay.subnets[6], undefined);
      assert.equal(node.uplink.addresses[6], undefined);
      for (const netns of [host, node.netns]) {
        assert.deepEqual(await ipJson(netns, "-6", "address", "show", "scope", "global"), []);
      }
    },
    { dualStack: false },
  ),
);

test("startUnderlay without the host leaves it untouched", requireRoot, () =>
  withWorld(
    async ({ host, underlay, nodes: [one, two] }) => {
      assert.ok(one && two);
      assert.equal(underlay.hostAddresses, undefined);
      assert.equal((await ipJson(host, "link")).length, 1);
      assert.equal((await execIn(one.netns, ["ping", "-c", "1", "-W", "2", two.uplink.addresses[4]])).code, 0);
    },
    { isHostJoined: false },
  ),
);

test("mtuBytes is the largest packet, on all links", requireRoot, () =>
  withWorld(
    async ({ nodes: [one, two], underlay }) => {
      assert.ok(one && two);
      const headers = 28;
      for (const target of [
        two.uplink.addresses[4],
        underlay.hostAddresses?.[4] ?? "",
        underlay.outside.addresses[4],
      ]) {
        const ping = (bytes: number): Promise<number> =>
          outcome(one.netns, ["ping", "-c", "1", "-W", "2", "-M", "do", "-s", String(bytes - headers), target]);
        assert.equal(await ping(1280), 0, target);
        assert.equal(await ping(1281), 1, target);
      }
    },
    { mtuBytes: 1280 },
  ),
);

test("partition cuts two nodes from each other and from nobody else, and heal joins them", requireRoot, () =>
  withWorld(async ({ underlay, nodes }) => {
    const [one, two, three] = nodes;
    assert.ok(one && two && three);
    const reach = async () => {
      const pairs = [
        [one, two],
        [two, one],
        [one, three],
        [three, two],
      ] as const;
      const codes = pairs.map(([from, to]) =>
        execIn(from.netns, ["ping", "-c", "1", "-W", "1", to.uplink.addresses[4]]).then(({ code }) => code === 0),
      );
      return Promise.all(codes);
    };
    underlay.heal(one.name, two.name); // nothing to heal
    assert.deepEqual(await reach(), [true, true, true, true]);
    underlay.partition(one.name, two.name);
    underlay.partition(two.name, one.name); // there already
    assert.deepEqual(await reach(), [false, false, true, true]);
    const again = await underlay.attachNode({ nodeName: one.name, index: 0, netnsPath: one.netns.path }, SIGNAL());
    assert.equal(again.ifindex, one.uplink.ifindex);
    assert.deepEqual(await reach(), [false, false, true, true]);
    underlay.heal(one.name, two.name);
    underlay.heal(one.name, two.name);
    assert.deepEqual(await reach(), [true, true, true, true]);
    assert.throws(() => underlay.partition(one.name, "nobody"), /Cannot find node "nobody"/);
  }),
);

test("setLoss drops that share of a node's packets, in each direction, and of nobody else's", requireRoot, () =>
  withWorld(async ({ underlay, nodes }) => {
    const [one, two, three] = nodes;
    assert.ok(one && two && three);
    const received = async (from: Netns, to: NodeUplink): Promise<number> => {
      const argv = ["ping", "-q", "-c", "200", "-i", "0.002", "-W", "1", to.addresses[4]];
      const { stdout } = await execIn(from, argv, { timeoutMs: 60_000 });
      return Number(/ (\d+) received/.exec(stdout)?.[1]);
    };
    underlay.setLoss(one.name, 0); // there is none
    // Neighbours are known from here on: questions for them would be lost, too.
    assert.equal(await received(one.netns, two.uplink), 200);
    assert.equal(await received(three.netns, one.uplink), 200);
    underlay.setLoss(one.name, 5);
    underlay.setLoss(one.name, 30);
    // Request and answer both have to pass: 0.7² of 200 are 98, and five standard deviations 36.
    for (const [from, to] of [
      [one, two],
      [three, one],
    ] as const) {
      const count = await received(from.netns, to.uplink);
      assert.ok(count > 62 && count < 134, `${count} of 200`);
    }
    assert.equal(await received(two.netns, three.uplink), 200);
    underlay.setLoss(one.name, 0);
    assert.equal(await received(one.netns, two.uplink), 200);
    assert.throws(() => underlay.setLoss(one.name, 101), RangeError);
  }),
);

test("setLinkUp takes the node's carrier, and gives it back with addresses and routes kept", requireRoot, () =>
  withWorld(async ({ underlay, nodes: [one, two] }) => {
    assert.ok(one && two);
    const flags = async () => {
      const [link] = await ipJson(one.netns, "link", "show", "eth0");
      return Object(link)["flags"];
    };
    const ping = () => execIn(one.netns, ["ping", "-c", "1", "-W", "1", two.uplink.addresses[4]]);
    underlay.setLinkUp(one.name, false);
    assert.ok((await flags()).includes("NO-CARRIER"));
    assert.notEqual((await ping()).code, 0);
    underlay.setLinkUp(one.name, true);
    const back = await execIn(one.netns, ["ping", "-c", "1", "-w", "8", two.uplink.addresses[4]]);
    assert.equal(back.code, 0);
    const addresses = await ipJson(one.netns, "address", "show", "dev", "eth0", "scope", "global");
    const own = Object(addresses[0])["addr_info"].flatMap(({ local }: { local?: string }) => local ?? []);
    assert.deepEqual(own, [one.uplink.addresses[4], one.uplink.addresses[6]]);
    assert.equal((await ipJson(one.netns, "-6", "route", "show", "default")).length, 1);
  }),
);

test("attachNode repairs a node that is attached, and a new node of the same name takes its place", requireRoot, () =>
  withWorld(async ({ underlay, nodes: [one, two] }) => {
    assert.ok(one && two);
    await outputIn(one.netns, ["ip", "address", "flush", "dev", "eth0"]);
    const repaired = await underlay.attachNode({ nodeName: one.name, index: 0, netnsPath: one.netns.path }, SIGNAL());
    assert.equal(repaired.ifindex, one.uplink.ifindex);
    assert.equal((await execIn(one.netns, ["ping", "-c", "1", "-W", "2", two.uplink.addresses[4]])).code, 0);

    using fresh = testNetns({ loopbackUp: true });
    const again = await underlay.attachNode({ nodeName: one.name, index: 0, netnsPath: fresh.path }, SIGNAL());
    assert.deepEqual(again.addresses, one.uplink.addresses);
    assert.equal(again.mac, one.uplink.mac);
    assert.equal((await execIn(two.netns, ["ping", "-c", "1", "-W", "2", again.addresses[4]])).code, 0);
    assert.deepEqual(await ipJson(one.netns, "link", "show", "type", "veth"), []);
    await one.uplink[Symbol.asyncDispose](); // of the old one: not the new one's link
    assert.equal((await ipJson(fresh, "link", "show", "eth0")).length, 1);
    await again[Symbol.asyncDispose]();
    assert.deepEqual(await ipJson(fresh, "link", "show", "type", "veth"), []);
  }),
);

test("a node that ended makes place at once for the next of its name", requireRoot, () =>
  withWorld(async ({ underlay, nodes: [one] }) => {
    assert.ok(one);
    for (let round = 0; round < 5; round++) {
      using netns = testNetns({ loopbackUp: true });
      const uplink = await underlay.attachNode({ nodeName: "killed", index: 9, netnsPath: netns.path }, SIGNAL());
      assert.equal((await execIn(one.netns, ["ping", "-c", "1", "-W", "2", uplink.addresses[4]])).code, 0);
    }
  }),
);

test("disposing leaves nothing: neither link nor route on the host, nor links of nodes", requireRoot, async () => {
  using host = testNetns({ loopbackUp: true });
  using node = testNetns();
  const before = await hostState(host);
  {
    await using underlay = await startUnderlay({ ...OPTIONS, hostNetns: host }, SIGNAL());
    await underlay.attachNode({ nodeName: "node", index: 0, netnsPath: node.path }, SIGNAL());
    assert.notDeepEqual(await hostState(host), before);
    assert.match(readlinkSync(underlay.netnsPath), /^net:/);
  }
  assert.deepEqual(await hostState(host), before);
});

test("several underlays on one host get subnets of their own, also when they start at once", requireRoot, async () => {
  using host = testNetns({ loopbackUp: true });
  await outputIn(host, ["ip", "address", "add", "10.213.1.5/32", "dev", "lo"]);
  await using stack = new AsyncDisposableStack();
  const names = ["a", "b", "c"];
  const started = await Promise.all(
    names.map((clusterName) => startUnderlay({ ...OPTIONS, clusterName, hostNetns: host }, SIGNAL())),
  );
  for (const underlay of started) stack.use(underlay);
  const subnets = started.map((underlay) => underlay.subnets[4].address);
  assert.deepEqual(subnets.toSorted(), ["10.213.0.0", "10.213.2.0", "10.213.3.0"]);
});

test("removeUnderlayTraces removes the link of its cluster and nobody else's", requireRoot, async () => {
  using host = testNetns({ loopbackUp: true });
  const add = (name: string, alias: string) =>
    outputIn(host, ["sh", "-c", `ip link add ${name} type veth && ip link set ${name} alias "${alias}"`]);
  await add("pw-mine", "podwire cluster mine");
  await add("pw-other", "somebody's");
  await removeUnderlayTraces("mine", host);
  await removeUnderlayTraces("other", host);
  await removeUnderlayTraces("never-there", host);
  const names = (await ipJson(host, "link")).map(({ ifname }) => ifname);
  assert.ok(!names.includes("pw-mine"));
  assert.ok(names.includes("pw-other"));
});

test("startUnderlay takes the place of a killed one's link", requireRoot, async () => {
  using host = testNetns({ loopbackUp: true });
  await outputIn(host, [
    "sh",
    "-c",
    'ip link add pw-test type veth && ip link set pw-test alias "podwire cluster test" && ip link set pw-test up && ip address add 10.213.0.1/24 dev pw-test',
  ]);
  await using underlay = await startUnderlay({ ...OPTIONS, hostNetns: host }, SIGNAL());
  assert.equal(underlay.subnets[4].address, "10.213.0.0");
});

test("an underlay whose process is killed takes its link from the host", requireRoot, async () => {
  using host = testNetns({ loopbackUp: true });
  const before = await hostState(host);
  await startAndKill(host);
  assert.deepEqual(await hostState(host), before);
});

/** Resolves when its link is gone. */
async function startAndKill(host: Netns, ...options: readonly string[]): Promise<void> {
  const harness = fileURLToPath(import.meta.resolve("./testing/underlay-harness.ts"));
  const child = spawn(process.execPath, [harness, host.path, ...options], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const signal = SIGNAL();
  try {
    await Promise.race([once(child.stdout, "data", { signal }), exited]);
    assert.equal((await ipJson(host, "link", "show", "type", "veth"))[0]?.["ifname"], "pw-killed");
  } finally {
    const gone = Promise.withResolvers<void>();
    using _watch = watchLinkDeletions(host, { deleted: () => gone.resolve(), lost: () => gone.resolve() });
    signal.addEventListener("abort", () => gone.reject(new Error("the link is still there")));
    child.kill("SIGKILL");
    await exited;
    await gone.promise;
  }
}

test("startUnderlay undoes what it has done when it fails", requireRoot, async () => {
  using host = testNetns({ loopbackUp: true });
  await outputIn(host, ["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
  const before = await hostState(host);
  await assert.rejects(startUnderlay({ ...OPTIONS, hostNetns: host }, SIGNAL()), /IPv6/);
  assert.deepEqual(await hostState(host), before);
});

test("an uplink leads out under the host's address, and lets nobody in", requireRoot, () =>
  withWorld(
    async ({ host, underlay, nodes: [node] }) => {
      assert.ok(node);
      using internet = testNetns({ loopbackUp: true });
      await joinInternet(host, internet);
      await using _far = startNetnsService(internet, "internet");
      await using _near = startNetnsService(node.netns, node.name);
      assert.equal(await ask(node.netns, "198.51.100.2"), peerAnswer("internet", "198.51.100.1"));
      const { outside } = underlay;
      assert.equal(await ask(node.netns, outside.addresses[4]), peerAnswer("outside", node.uplink.addresses[4]));
      await outputIn(internet, ["ip", "route", "add", "10.213.0.0/16", "via", "198.51.100.1"]);
      const ping = ["ping", "-c", "1", "-W", "1", node.uplink.addresses[4]];
      assert.equal((await execIn(internet, ping)).code, 1);
      await outputIn(host, ["nft", "flush", "chain", "inet", "podwire-uplink-test", "forward"]);
      assert.equal((await execIn(internet, ping)).code, 0);
    },
    { hasUplink: true },
  ),
);

test(
  "uplinks leave the host as it was: forwarding is set back by the last one, a killed one is cleaned up",
  requireRoot,
  async () => {
    using host = testNetns({ loopbackUp: true });
    const state = async (): Promise<string> =>
      `${await outputIn(host, ["nft", "list", "tables"])}${await outputIn(host, ["cat", "/proc/sys/net/ipv4/ip_forward"])}`;
    const start = (clusterName: string) =>
      startUnderlay({ ...OPTIONS, clusterName, hasUplink: true, hostNetns: host }, SIGNAL());
    await outputIn(host, ["sysctl", "-qw", "net.ipv4.ip_forward=0"]);
    assert.equal(await state(), "0\n");
    {
      const one = await start("one");
      await using two = await start("two");
      await one[Symbol.asyncDispose]();
      assert.equal(await state(), "table inet podwire-uplink-two\n1\n");
      assert.ok(two);
    }
    assert.equal(await state(), "0\n");
    await startAndKill(host, "uplink");
    assert.equal(await state(), "table inet podwire-uplink-killed\n1\n");
    await removeUnderlayTraces("other", host);
    assert.equal(await state(), "table inet podwire-uplink-killed\n1\n");
    await removeUnderlayTraces("killed", host);
    assert.equal(await state(), "0\n");
  },
);

/** The host's way to everything else. */
async function joinInternet(host: Netns, internet: Netns): Promise<void> {
  const netns = `/proc/${process.pid}/fd/${internet.fd}`;
  const link = "ip link add up0 type veth peer name eth0 netns";
  await outputIn(host, ["sh", "-ec", `${link} ${netns}; ip address add 198.51.100.1/24 dev up0; ip link set up0 up`]);
  await outputIn(internet, ["sh", "-ec", "ip address add 198.51.100.2/24 dev eth0; ip link set eth0 up"]);
}

async function withWorld(body: (world: World) => Promise<void>, options: Partial<UnderlayOptions> = {}): Promise<void> {
  using host = testNetns({ loopbackUp: true });
  await using underlay = await startUnderlay({ ...OPTIONS, hostNetns: host, ...options }, SIGNAL());
  using netnses = new DisposableStack();
  const nodes = await Promise.all(
    ["node-1", "node-2", "node-3"].map(async (name, index) => {
      const netns = netnses.use(testNetns({ loopbackUp: true }));
      return {
        name,
        netns,
        uplink: await underlay.attachNode({ nodeName: name, index, netnsPath: netns.path }, SIGNAL()),
      };
    }),
  );
  await body({ host, underlay, nodes });
}

async function outcome(netns: Netns, argv: readonly string[]): Promise<number> {
  return (await execIn(netns, argv)).code;
}

async function ask(netns: Netns, address: string): Promise<string> {
  return outputIn(netns, askService(urlOf(address)));
}

function urlOf(address: string): string {
  return address.includes(":") ? `http://[${address}]/` : `http://${address}/`;
}

async function hostState(host: Netns): Promise<readonly unknown[]> {
  return Promise.all([
    ipJson(host, "link"),
    ipJson(host, "address"),
    ipJson(host, "route", "show", "table", "all"),
    ipJson(host, "-6", "route", "show", "table", "all"),
  ]);
}

/** From /proc/net/snmp: a line of names, a line of numbers. */
function counterOf(snmp: string, protocol: string, name: string): number {
  const [names = [], values = []] = snmp
    .split("\n")
    .filter((line) => line.startsWith(`${protocol}: `))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf(name)]);
}
