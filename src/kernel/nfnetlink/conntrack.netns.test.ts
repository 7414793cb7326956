/** Entries of a real table, with `conntrack` as witness. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import type { Netns } from "../netns/netns.ts";
import { execIn, outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import {
  type ConntrackFilter,
  createConntrack,
  createConntrackSocket,
  deleteConntrack,
  findConntrack,
  flushConntrack,
  listConntrack,
} from "./conntrack.ts";
import type { ConntrackEntry, ConntrackTuple } from "./conntrack-message.ts";
import { type ConntrackEventKind, watchConntrack } from "./watch-conntrack.ts";

const DEADLINE_MS = 10_000;

function connection(
  from: string,
  to: string,
  destinationPort: number,
  protocol: "tcp" | "udp" | "sctp" = "udp",
): ConntrackEntry {
  const [source, destination] = [parseAddress(from), parseAddress(to)];
  return {
    original: { source, destination, protocol, sourcePort: 1000, destinationPort },
    reply: { source: destination, destination: source, protocol, sourcePort: destinationPort, destinationPort: 1000 },
    status: ["seen-reply", "assured"],
    timeoutSeconds: 600,
    ...(protocol === "tcp" && { tcpState: "established" }),
  };
}

const TABLE = [
  connection("10.0.0.1", "10.0.0.2", 53),
  connection("10.0.0.1", "10.0.0.3", 54),
  connection("10.0.0.4", "10.0.0.3", 53),
  connection("10.0.0.4", "10.0.0.3", 53, "tcp"),
  connection("10.0.0.5", "10.0.0.3", 53, "sctp"),
  connection("10.0.0.5", "10.0.0.3", 80, "sctp"),
  connection("fd00::1", "fd00::2", 53),
  connection("fd00::3", "fd00::2", 53),
];

function withTable(body: (socket: NetlinkSocket, netns: Netns) => void | Promise<void>): () => Promise<void> {
  return () =>
    withNetns(async (netns) => {
      using socket = createConntrackSocket(netns);
      for (const entry of TABLE) createConntrack(socket, entry);
      await body(socket, netns);
    });
}

function short({ source, destination, protocol, destinationPort }: ConntrackTuple): string {
  return `${protocol} ${source} ${destination} ${destinationPort}`;
}

function listed(socket: NetlinkSocket, filter?: ConntrackFilter): readonly string[] {
  return listConntrack(socket, filter)
    .map(({ original }) => short(original))
    .sort();
}

const all = TABLE.map(({ original }) => short(original)).sort();

async function witness(netns: Netns): Promise<readonly string[]> {
  const texts = await Promise.all(["ipv4", "ipv6"].map((family) => outputIn(netns, ["conntrack", "-L", "-f", family])));
  return texts
    .join("")
    .trim()
    .split("\n")
    .map((line) => {
      const [, protocol, from, to, port] = /^(\w+) .*?src=(\S+) dst=(\S+) sport=\S+ dport=(\S+)/.exec(line) ?? [];
      return `${protocol} ${from} ${to} ${port}`;
    })
    .sort();
}

test(
  "listConntrack lists what conntrack lists",
  requireRoot,
  withTable(async (socket, netns) => {
    assert.deepEqual(listed(socket), all);
    assert.deepEqual(await witness(netns), all);
    const tcp = listConntrack(socket, { original: { protocol: "tcp" } })[0];
    assert.equal(tcp?.tcpState, "established");
    assert.deepEqual(tcp?.status, ["seen-reply", "assured", "confirmed"]);
  }),
);

const FILTERS: readonly ConntrackFilter[] = [
  { original: { source: parseAddress("10.0.0.1") } },
  { original: { destination: parseAddress("10.0.0.3"), protocol: "udp" } },
  { family: 4, original: { protocol: "udp", destinationPort: 53 } },
  { reply: { source: parseAddress("10.0.0.3") } },
  { family: 4, original: { protocol: "sctp", destinationPort: 53 } },
  { original: { source: parseAddress("fd00::1") } },
  { family: 6, original: { protocol: "udp", destinationPort: 53 } },
  { reply: { source: parseAddress("fd00::2"), sourcePort: 53 } },
  { original: { destinationPort: 53 } },
];

for (const filter of FILTERS) {
  const passes = (entry: ConntrackEntry) => expectation(filter, entry);
  const expected = TABLE.filter(passes)
    .map(({ original }) => short(original))
    .sort();
  const rest = TABLE.filter((entry) => !passes(entry))
    .map(({ original }) => short(original))
    .sort();
  test(
    `flushConntrack deletes exactly what listConntrack lists: ${JSON.stringify(filter)}`,
    requireRoot,
    withTable(async (socket, netns) => {
      assert.ok(expected.length > 0 && rest.length > 0);
      assert.deepEqual(listed(socket, filter), expected);
      flushConntrack(socket, filter);
      assert.deepEqual(await witness(netns), rest);
    }),
  );
}

/** Said once more, without the code under test. */
function expectation({ family, original, reply }: ConntrackFilter, entry: ConntrackEntry): boolean {
  const equal = (wanted: IpAddress | string | number | undefined, found: unknown) =>
    wanted === undefined || wanted === found;
  return (
    equal(family, entry.original.source.includes(":") ? 6 : 4) &&
    equal(original?.source, entry.original.source) &&
    equal(original?.destination, entry.original.destination) &&
    equal(original?.protocol, entry.original.protocol) &&
    equal(original?.destinationPort, entry.original.destinationPort) &&
    equal(reply?.source, entry.reply.source) &&
    equal(reply?.sourcePort, entry.reply.sourcePort)
  );
}

test(
  "deleteConntrack deletes one entry, and tells when it was not there",
  requireRoot,
  withTable((socket) => {
    const [first] = TABLE;
    assert.ok(first);
    const found = findConntrack(socket, first.original);
    assert.ok(found);
    assert.equal(deleteConntrack(socket, { ...found, id: ((found.id ?? 0) ^ 1) >>> 0 }), false); // another entry's id
    assert.equal(deleteConntrack(socket, found), true);
    assert.equal(deleteConntrack(socket, found), false);
    assert.equal(findConntrack(socket, first.original), undefined);
    assert.deepEqual(
      listed(socket),
      all.filter((line) => line !== short(first.original)),
    );
  }),
);

test("watchConntrack reports a connection that comes, changes and goes", requireRoot, () =>
  withNetns(
    async (netns) => {
      using socket = createConntrackSocket(netns);
      await outputIn(netns, [
        "nft",
        "add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c ct state new accept",
      ]);
      const events: [ConntrackEventKind, string][] = [];
      const gone = Promise.withResolvers<void>();
      const deadline = AbortSignal.timeout(DEADLINE_MS);
      deadline.addEventListener("abort", () =>
        gone.reject(new Error(`no destroy event among ${JSON.stringify(events)}`)),
      );
      using _watch = watchConntrack(
        { netns },
        {
          changed(kind, { original }) {
            if (original.protocol !== "icmp") return;
            events.push([kind, `${original.source} ${original.icmpType}`]);
            if (kind === "destroy") gone.resolve();
          },
          lost: () => assert.fail("events were lost"),
        },
      );
      const { code } = await execIn(netns, ["ping", "-c", "1", "-W", "2", "127.0.0.1"]);
      assert.equal(code, 0);
      flushConntrack(socket, { family: 4, original: { protocol: "icmp" } });
      await gone.promise;
      assert.deepEqual(new Set(events.map(([kind]) => kind)), new Set(["new", "update", "destroy"]));
      assert.ok(events.every(([, what]) => what === "127.0.0.1 8"));
    },
    { loopbackUp: true },
  ),
);
