import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_NETFILTER, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { listConntrack } from "#kernel/nfnetlink/conntrack.ts";
import { createNftSocket, type NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, testNetns } from "#kernel/testing/with-netns.ts";
import { applyDnsAddresses, findDnsAddresses } from "./dns-addresses.ts";
import { applyDnsTable, removeDnsTable } from "./dns-table.ts";

const BOTH = ["10.96.0.10", "fd00:96::a"].map(parseAddress);
const TOOLS = join(import.meta.dirname, "../../dns/testing");

async function withNft(
  body: (nft: NftSocket, run: (command: string) => Promise<string>) => Promise<void>,
): Promise<void> {
  using netns = testNetns();
  using nft = createNftSocket(netns);
  await body(nft, (command) => outputIn(netns, ["nft", ...command.split(" ")]));
}

test("applyDnsTable writes rules once, and removeDnsTable leaves nothing", requireRoot, () =>
  withNft(async (nft, run) => {
    assert.equal(applyDnsTable(nft, BOTH), true);
    const ruleset = await run("list ruleset");
    for (const part of [
      "elements = { 10.96.0.10 }",
      "elements = { fd00:96::a }",
      "udp dport 53 update @clients4 { ip saddr limit rate over 10000/second burst 5000 packets } drop",
      "ip6 daddr @addresses6 tcp dport 53 notrack",
      "ip saddr @addresses4 udp sport 53 notrack",
    ]) {
      assert.ok(ruleset.includes(part), `${part} in ${ruleset}`);
    }
    assert.equal(applyDnsTable(nft, BOTH), false);
    assert.equal(applyDnsTable(nft, BOTH.slice(0, 1)), true);
    for (let round = 0; round < 2; round++) removeDnsTable(nft);
    assert.equal(await run("list ruleset"), "");
  }),
);

for (const command of [
  "flush chain inet podwire-dns output",
  "delete element inet podwire-dns addresses4 { 10.96.0.10 }",
  "delete table inet podwire-dns",
]) {
  test(`applyDnsTable mends after: nft ${command}`, requireRoot, () =>
    withNft(async (nft, run) => {
      applyDnsTable(nft, BOTH);
      const before = await run("list ruleset");
      await run(command);
      assert.equal(applyDnsTable(nft, BOTH), true);
      assert.equal(await run("list ruleset"), before);
    }),
  );
}

test(
  "applyDnsAddresses adopts what an earlier run left, and takes away what is wanted no more",
  requireRoot,
  async () => {
    using netns = testNetns({ loopbackUp: true });
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    await outputIn(netns, ["ip", "address", "add", "192.0.2.1/32", "dev", "lo"]);
    assert.deepEqual(applyDnsAddresses(socket, BOTH), { add: BOTH, remove: [] });
    assert.deepEqual([...findDnsAddresses(socket)].sort(), [...BOTH].sort());
    assert.deepEqual(applyDnsAddresses(socket, BOTH), { add: [], remove: [] });
    assert.deepEqual(applyDnsAddresses(socket, []).remove.length, 2);
    assert.deepEqual(findDnsAddresses(socket), []);
    assert.match(await outputIn(netns, ["ip", "address", "show", "dev", "lo"]), /192\.0\.2\.1/);
  },
);

interface World extends AsyncDisposable {
  readonly node: Netns;
  readonly pods: readonly Netns[];
  /** A program in a pod; answers what it printed. */
  ask(pod: number, ...words: readonly string[]): Promise<string>;
  /** Queries that the server has seen over UDP. */
  queries(): Promise<number>;
  tracked(): number;
}

/** Two pods with their own links to a node that tracks connections and serves DNS. */
async function dnsWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(testNetns({ loopbackUp: true }));
  const rtnetlink = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: node }));
  const nft = stack.use(createNftSocket(node));
  const conntrack = stack.use(createNetlinkSocket({ protocol: NETLINK_NETFILTER, netns: node }));
  const run = (netns: Netns, command: string): Promise<string> => outputIn(netns, command.split(" "));
  const pods: Netns[] = [];
  for (const index of [1, 2]) {
    const pod = stack.use(testNetns({ loopbackUp: true }));
    await run(node, `ip link add v${index} type veth peer name eth0 netns /proc/${process.pid}/fd/${pod.fd}`);
    await run(node, `ip address add 10.1.${index}.1/24 dev v${index}`);
    await run(node, `ip link set v${index} up`);
    await run(pod, `ip address add 10.1.${index}.2/24 dev eth0`);
    await run(pod, "ip link set eth0 up");
    await run(pod, `ip route add default via 10.1.${index}.1`);
    pods.push(pod);
  }
  await run(node, "nft add table inet t");
  await outputIn(node, ["nft", "add chain inet t c { type filter hook prerouting priority 0; }"]);
  await run(node, "nft add rule inet t c ct state new accept");
  applyDnsTable(nft, BOTH.slice(0, 1));
  applyDnsAddresses(rtnetlink, BOTH.slice(0, 1));
  const argv = [`--net=/proc/${process.pid}/fd/${node.fd}`, "--", process.execPath, join(TOOLS, "serve-zone.ts")];
  const server = spawn("nsenter", [...argv, "10.96.0.10", "53", "10"], { stdio: ["ignore", "pipe", "inherit"] });
  stack.defer(() => ended(server));
  const { stdout } = server;
  await once(stdout, "data");
  const owned = stack.move();
  return {
    node,
    pods,
    async ask(pod, ...words) {
      const netns = pods[pod];
      if (netns === undefined) throw new Error(`There is no pod ${pod}`);
      return (await outputIn(netns, [process.execPath, join(TOOLS, "ask-server.ts"), "10.96.0.10", ...words])).trim();
    },
    async queries() {
      const printed = once(stdout, "data");
      server.kill("SIGUSR2");
      return JSON.parse(String((await printed)[0])).udp;
    },
    tracked: () => listConntrack(conntrack, {}).length,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

test(
  "DNS at a local address answers pods past connection tracking, and one pod's flood is its own",
  requireRoot,
  async () => {
    await using world = await dnsWorld();
    const name = "svc-1.default.svc.cluster.local";
    assert.equal(await world.ask(0, name), "NOERROR, NOERROR 10.100.0.1");
    assert.equal(await world.ask(0, name, "tcp"), "NOERROR");
    assert.equal(world.tracked(), 0);
    const sent = 100_000;
    const flood = world.ask(0, name, String(sent));
    assert.equal(await world.ask(1, name), "NOERROR, NOERROR 10.100.0.1");
    await flood;
    const seen = await world.queries();
    assert.ok(seen > 0 && seen < sent, `${seen} of ${sent} queries reached the server`);
    assert.equal(world.tracked(), 0);
  },
);
