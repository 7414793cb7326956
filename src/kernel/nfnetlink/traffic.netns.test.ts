/**
 * Packets through the rules that Podwire needs, between three namespaces:
 * pod (10.1.0.5, fd01::5) — node (10.1.0.1 and 192.0.2.1, fd01::1 and fd02::1) — outside (192.0.2.2, fd02::2).
 * The server tells whom it sees; outside has a route to the pod, so that connections work without translation too.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { addressBytes, parseAddress } from "#base/ip-address.ts";
import type { Netns } from "../netns/netns.ts";
import { execIn, outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, testNetns } from "../testing/with-netns.ts";
import { concat } from "./data-type.ts";
import type { NftOperation } from "./operation.ts";
import * as select from "./selectors.ts";
import * as say from "./statements.ts";
import { createNftSocket, type NftSocket } from "./transaction.ts";

const DEADLINE_MS = 10_000;
const table = { family: "inet", table: "podwire" } as const;
const ports = ["inet_proto", "inet_service"] as const;
const TCP = Uint8Array.of(6);

const FAMILIES = [
  { family: "ip", bits: 4, pod: "10.1.0.5", subnet: 16, node: "192.0.2.1", outside: "192.0.2.2" },
  { family: "ip6", bits: 6, pod: "fd01::5", subnet: 64, node: "fd02::1", outside: "fd02::2" },
] as const;

function bytes(address: string): Uint8Array {
  return addressBytes(parseAddress(address));
}

function port(number: number): Uint8Array {
  return Uint8Array.of(number >> 8, number & 0xff);
}

/** The base ruleset: what a node has before there is any pod. */
function baseRuleset(): readonly NftOperation[] {
  const rules = (chain: string, ...lists: readonly ReturnType<typeof say.rule>[]) =>
    lists.map((expressions): NftOperation => ({ do: "add rule", rule: { ...table, chain, expressions } }));
  return [
    { do: "create table", table },
    ...FAMILIES.flatMap(({ family, bits, pod, subnet }): readonly NftOperation[] => {
      const address = family === "ip" ? "ipv4_addr" : "ipv6_addr";
      const daddr = family === "ip" ? select.ipDaddr : select.ip6Daddr;
      return [
        { do: "create chain", chain: { ...table, chain: `subnet${bits}` } },
        // ip daddr 10.1.0.0/16 return; masquerade
        ...rules(
          `subnet${bits}`,
          say.rule(say.matchFamily(family), say.matchPrefix(daddr, "==", bytes(pod), subnet), say.verdict("return")),
          say.rule(say.masquerade("fully-random")),
        ),
        { do: "create set", set: { ...table, set: `masq${bits}`, key: [address], data: ["verdict"] } },
        { do: "create set", set: { ...table, set: `hostports${bits}`, key: ports, data: [address, "inet_service"] } },
        {
          do: "create set",
          set: { ...table, set: `hostip${bits}`, key: [address, ...ports], data: [address, "inet_service"] },
        },
      ];
    }),
    {
      do: "create chain",
      chain: { ...table, chain: "post", base: { type: "nat", hook: "postrouting", priority: 100 } },
    },
    ...rules(
      "post",
      say.rule(say.matchFamily("ip"), say.vmap([select.ipSaddr], "masq4")),
      say.rule(say.matchFamily("ip6"), say.vmap([select.ip6Saddr], "masq6")),
      // meta mark & 0x2000 == 0x2000 masquerade
      say.rule(say.matchBits(select.mark, "==", 0x2000, 0x2000), say.masquerade()),
    ),
    { do: "create chain", chain: { ...table, chain: "hostports" } },
    ...rules(
      "hostports",
      say.rule(say.matchFamily("ip"), say.dnatMap("ip", [select.ipDaddr, select.l4proto, select.thDport], "hostip4")),
      say.rule(
        say.matchFamily("ip6"),
        say.dnatMap("ip6", [select.ip6Daddr, select.l4proto, select.thDport], "hostip6"),
      ),
      say.rule(say.matchFamily("ip"), say.dnatMap("ip", [select.l4proto, select.thDport], "hostports4")),
      say.rule(say.matchFamily("ip6"), say.dnatMap("ip6", [select.l4proto, select.thDport], "hostports6")),
    ),
    {
      do: "create chain",
      chain: { ...table, chain: "pre", base: { type: "nat", hook: "prerouting", priority: -100 } },
    },
    ...rules("pre", say.rule(say.matchAddressType(select.fibDaddrType, "local"), say.jump("hostports"))),
    {
      do: "create chain",
      chain: { ...table, chain: "premark", base: { type: "filter", hook: "prerouting", priority: -150 } },
    },
  ];
}

interface World extends AsyncDisposable {
  readonly pod: Netns;
  readonly node: Netns;
  readonly outside: Netns;
  readonly nft: NftSocket;
}

async function createWorld(): Promise<World> {
  const stack = new AsyncDisposableStack();
  const pod = stack.use(testNetns({ loopbackUp: true }));
  const node = stack.use(testNetns({ loopbackUp: true }));
  const outside = stack.use(testNetns({ loopbackUp: true }));
  const path = (netns: Netns) => `/proc/${process.pid}/fd/${netns.fd}`;
  const ip = async (netns: Netns, ...lines: readonly string[]) => {
    const { code, stderr } = await execIn(netns, ["ip", "-batch", "-"], { input: lines.join("\n") });
    assert.equal(code, 0, stderr);
  };
  for (const netns of [pod, node, outside]) {
    await outputIn(netns, ["sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"]); // link-local addresses serve at once
  }
  await ip(
    node,
    `link add vpod type veth peer name eth0 netns ${path(pod)}`,
    `link add vout type veth peer name eth0 netns ${path(outside)}`,
    ...["vpod", "vout"].map((link) => `link set ${link} up`),
    ...["10.1.0.1/16", "fd01::1/64"].map((prefix) => `addr add ${prefix} dev vpod nodad`),
    ...["192.0.2.1/24", "fd02::1/64"].map((prefix) => `addr add ${prefix} dev vout nodad`),
  );
  await ip(pod, "link set eth0 up", "addr add 10.1.0.5/16 dev eth0", "addr add fd01::5/64 dev eth0 nodad");
  await ip(pod, "route add default via 10.1.0.1", "route add default via fd01::1");
  await ip(outside, "link set eth0 up", "addr add 192.0.2.2/24 dev eth0", "addr add fd02::2/64 dev eth0 nodad");
  await ip(outside, "route add 10.1.0.0/16 via 192.0.2.1", "route add fd01::/64 via fd02::1");
  await outputIn(node, ["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
  const nft = stack.use(createNftSocket(node));
  nft.commit(baseRuleset(), "make the base ruleset");
  for (const netns of [pod, outside]) await startServer(netns, stack);
  const open = stack.move();
  return { pod, node, outside, nft, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

const SERVER = `
  const server = require("node:net").createServer((socket) => socket.end(socket.remoteAddress + " " + socket.localPort));
  server.listen(80, "::", () => console.log("ready"));`;
const CLIENT = `
  const [address, port] = process.argv.slice(1);
  require("node:net").connect({ host: address, port: Number(port), timeout: 2000 })
    .on("timeout", function () { this.destroy(new Error("time-out")); })
    .on("error", (error) => console.log(error.code ?? error.message))
    .on("data", (data) => process.stdout.write(String(data).replace("::ffff:", "")));`;

/** Answers every connection to port 80 with the address that it comes from and the port that it came to. */
async function startServer(netns: Netns, stack: AsyncDisposableStack): Promise<void> {
  const nsenter = [
    "nsenter",
    [`--net=/proc/${process.pid}/fd/${netns.fd}`, "--", process.execPath, "-e", SERVER],
  ] as const;
  const child: ChildProcess = spawn(...nsenter, { stdio: ["ignore", "pipe", "inherit"] });
  stack.defer(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  assert.ok(child.stdout);
  await once(child.stdout, "data", { signal: AbortSignal.timeout(DEADLINE_MS) });
}

async function connect(netns: Netns, address: string, port: number): Promise<string> {
  const { stdout } = await execIn(netns, [process.execPath, "-e", CLIENT, address, String(port)]);
  return stdout.trim();
}

for (const { family, bits, pod, node, outside } of FAMILIES) {
  test(
    `${family}: an element of masq${bits} masquerades a pod from when it is added until it is deleted`,
    requireRoot,
    async () => {
      await using world = await createWorld();
      const set = { ...table, set: `masq${bits}` } as const;
      const element = { key: bytes(pod), data: { verdict: "goto", chain: `subnet${bits}` } } as const;
      assert.equal(await connect(world.pod, outside, 80), `${pod} 80`);
      world.nft.commit([{ do: "add elements", set, elements: [element] }], "masquerade the pod");
      assert.equal(await connect(world.pod, outside, 80), `${node} 80`);
      // Not where nobody asked for it: into the pod's own network, and from outside to the pod.
      assert.equal(await connect(world.outside, pod, 80), `${outside} 80`);
      world.nft.commit([{ do: "delete elements", set, elements: [{ key: element.key }] }], "stop it");
      assert.equal(await connect(world.pod, outside, 80), `${pod} 80`);
    },
  );

  test(`${family}: a host port leads to the pod, which sees who is calling`, requireRoot, async () => {
    await using world = await createWorld();
    assert.equal(await connect(world.outside, node, 8080), "ECONNREFUSED");
    world.nft.commit(
      [
        {
          do: "add elements",
          set: { ...table, set: `hostports${bits}` },
          elements: [{ key: concat(TCP, port(8080)), data: concat(bytes(pod), port(80)) }],
        },
        {
          do: "add elements",
          set: { ...table, set: `hostip${bits}` },
          elements: [{ key: concat(bytes(node), TCP, port(8081)), data: concat(bytes(pod), port(80)) }],
        },
      ],
      "open the host ports",
    );
    assert.equal(await connect(world.outside, node, 8080), `${outside} 80`);
    assert.equal(await connect(world.outside, node, 8081), `${outside} 80`);
    assert.equal(await connect(world.outside, node, 8082), "ECONNREFUSED");
    // Transit traffic to the same port is none of it.
    assert.equal(await connect(world.outside, pod, 8080), "ECONNREFUSED");
  });

  test(`${family}: packets that a rule marks are masqueraded`, requireRoot, async () => {
    await using world = await createWorld();
    const expressions = say.rule(say.setMarkBits(0x2000));
    world.nft.commit([{ do: "add rule", rule: { ...table, chain: "premark", expressions } }], "mark everything");
    assert.equal(await connect(world.pod, outside, 80), `${node} 80`);
    assert.match(
      await outputIn(world.node, ["nft", "list", "chain", "inet", "podwire", "premark"]),
      /mark set meta mark \| 0x00002000/,
    );
  });
}
