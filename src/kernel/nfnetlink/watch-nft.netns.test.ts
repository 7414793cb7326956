/** Changes that other programs make arrive as transactions. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { readGeneration } from "./nft-query.ts";
import { createNftSocket } from "./transaction.ts";
import { type NftTransaction, watchNft } from "./watch-nft.ts";

const DEADLINE_MS = 10_000;
const table = { family: "inet", table: "podwire" } as const;

/** Transactions in the order of their arrival: `next` waits for the one that passes. */
function collector() {
  const arrived: NftTransaction[] = [];
  let wake = () => {};
  return {
    listener: {
      changed(transaction: NftTransaction) {
        arrived.push(transaction);
        wake();
      },
      lost: () => assert.fail("events were lost"),
    },
    async next(passes: (transaction: NftTransaction) => boolean): Promise<NftTransaction> {
      const deadline = AbortSignal.timeout(DEADLINE_MS);
      for (;;) {
        const found = arrived.find(passes);
        if (found) return found;
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        wake = resolve;
        deadline.addEventListener("abort", () =>
          reject(new Error(`no such transaction among ${JSON.stringify(arrived)}`)),
        );
        await promise;
      }
    },
  };
}

test("watchNft reports our own transactions as ours, with all their changes", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNftSocket(netns);
    const { listener, next } = collector();
    using _watch = watchNft({ netns }, listener);
    socket.commit(
      [
        { do: "add table", table },
        { do: "add chain", chain: { ...table, chain: "subnet" } },
        { do: "add set", set: { ...table, set: "pods", key: ["ipv4_addr"] } },
        { do: "add elements", set: { ...table, set: "pods" }, elements: [{ key: Uint8Array.of(10, 0, 0, 1) }] },
        { do: "add rule", rule: { ...table, chain: "subnet", expressions: [{ kind: "counter" }] } },
      ],
      "make the table",
    );
    const transaction = await next(({ changes }) => changes.length > 0);
    assert.equal(transaction.generation, readGeneration(socket));
    assert.equal(transaction.processName, (await readFile("/proc/self/comm", "utf8")).trim());
    assert.deepEqual(
      transaction.changes.map(({ action, kind, family, table: name, name: object }) =>
        `${action} ${kind} ${family} ${name} ${object ?? ""}`.trimEnd(),
      ),
      [
        "add table inet podwire",
        "add chain inet podwire subnet",
        "add set inet podwire pods",
        "add elements inet podwire pods",
        "add rule inet podwire subnet",
      ],
    );
  }),
);

test("watchNft leaves out the transactions of one socket", requireRoot, () =>
  withNetns(async (netns) => {
    using own = createNftSocket(netns);
    using other = createNftSocket(netns);
    const { listener, next } = collector();
    using _watch = watchNft({ netns, ignoredPortId: own.netlink.portId }, listener);
    own.commit([{ do: "add table", table }], "make the table");
    other.commit([{ do: "add table", table: { ...table, table: "another" } }], "make another table");
    const { changes } = await next((transaction) => transaction.changes.length > 0);
    assert.deepEqual(
      changes.map((change) => change.table),
      ["another"],
    );
  }),
);

test("watchNft reports that another program flushed the ruleset", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNftSocket(netns);
    socket.commit([{ do: "add table", table }], "make the table");
    const { listener, next } = collector();
    using _watch = watchNft({ netns }, listener);
    await outputIn(netns, ["nft", "flush", "ruleset"]);
    const { pid, processName } = await next(({ changes }) =>
      changes.some((change) => change.action === "delete" && change.kind === "table" && change.table === "podwire"),
    );
    assert.notEqual(pid, process.pid);
    assert.equal(processName, "nft");
  }),
);

test("watchNft reports a rule with its handle", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNftSocket(netns);
    socket.commit(
      [
        { do: "add table", table },
        { do: "add chain", chain: { ...table, chain: "c" } },
      ],
      "make the table",
    );
    const { listener, next } = collector();
    using _watch = watchNft({ netns }, listener);
    const echoed = await outputIn(netns, ["nft", "-e", "-a", "add", "rule", "inet", "podwire", "c", "accept"]);
    const handle = Number(/handle (\d+)/.exec(echoed)?.[1]);
    const { changes } = await next((transaction) => transaction.changes.length > 0);
    assert.deepEqual(changes, [{ action: "add", kind: "rule", family: "inet", table: "podwire", name: "c", handle }]);
  }),
);
