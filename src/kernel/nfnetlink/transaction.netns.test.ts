/** Transactions on a real ruleset: all or nothing, errors that name their operation, and a socket that stays usable. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrno } from "../kernel-error.ts";
import { execIn, outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { deleteElementsIfPresent, supportsDestroy } from "./delete-elements.ts";
import { NftTransactionError } from "./nft-error.ts";
import {
  findChain,
  findElement,
  findSet,
  findTable,
  listChains,
  listElements,
  listRules,
  listTables,
  readGeneration,
} from "./nft-query.ts";
import type { NftOperation } from "./operation.ts";
import { intervalElements, type NftSetElement } from "./set-element.ts";
import { jump, rule, verdict } from "./statements.ts";
import { createNftSocket, isStaleGeneration, type NftSocket } from "./transaction.ts";

const table = { family: "inet", table: "podwire" } as const;
const pods = { ...table, set: "pods" } as const;
const masq4 = { ...table, set: "masq4" } as const;
const base: readonly NftOperation[] = [
  { do: "create table", table },
  { do: "create chain", chain: { ...table, chain: "subnet" } },
  { do: "create set", set: { ...masq4, key: ["ipv4_addr"], data: ["verdict"] } },
  { do: "create set", set: { ...pods, key: ["ipv4_addr"] } },
];

function withTable(
  body: (socket: NftSocket, nft: (...argv: string[]) => Promise<string>) => unknown,
): () => Promise<void> {
  return () =>
    withNetns(async (netns) => {
      using socket = createNftSocket(netns);
      socket.commit(base, "make the table");
      await body(socket, (...argv) => outputIn(netns, ["nft", ...argv]));
    });
}

function addresses(count: number): NftSetElement[] {
  return Array.from({ length: count }, (_, index) => ({
    key: Uint8Array.of(10, index >> 16, (index >> 8) & 255, index & 255),
  }));
}

function failureOf(action: () => void): NftTransactionError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof NftTransactionError, String(error));
    return error;
  }
  return assert.fail("it did not fail");
}

test(
  "commit applies nothing when one operation fails, names it, and serves again",
  requireRoot,
  withTable((socket) => {
    const generation = readGeneration(socket);
    const error = failureOf(() =>
      socket.commit(
        [
          { do: "add chain", chain: { ...table, chain: "first" } },
          { do: "create chain", chain: { ...table, chain: "subnet" } },
          { do: "add chain", chain: { ...table, chain: "last" } },
        ],
        "try",
      ),
    );
    assert.equal(error.code, "EEXIST");
    assert.match(
      error.message,
      /^Cannot try: create chain inet podwire subnet \(operation 2 of 3\): file already exists/,
    );
    assert.deepEqual(
      error.failures.map(({ index, sentence }) => [index, sentence]),
      [[1, "create chain inet podwire subnet"]],
    );
    assert.deepEqual(
      listChains(socket, table).map(({ chain }) => chain),
      ["subnet"],
    );
    assert.equal(readGeneration(socket), generation);
    socket.commit([{ do: "add chain", chain: { ...table, chain: "first" } }], "try again");
    assert.ok(findChain(socket, { ...table, chain: "first" }));
  }),
);

test(
  "commit reports every operation that failed, in order",
  requireRoot,
  withTable((socket) => {
    const names = ["a", "subnet", "b", "c"];
    const error = failureOf(() =>
      socket.commit(
        names.map((chain): NftOperation => ({ do: "delete chain", chain: { ...table, chain } })),
        "try",
      ),
    );
    assert.deepEqual(
      error.failures.map(({ index }) => index),
      [0, 2, 3],
    );
    assert.ok(findChain(socket, { ...table, chain: "subnet" }));
  }),
);

test(
  "commit with more errors than the socket can hold fails, and the next call is not confused",
  requireRoot,
  withTable((socket) => {
    const deletions = addresses(5000).map(
      (element): NftOperation => ({ do: "delete elements", set: pods, elements: [element] }),
    );
    assert.throws(() => socket.commit(deletions, "delete what is not there"));
    socket.commit([{ do: "add elements", set: pods, elements: addresses(1) }], "add");
    assert.equal(listElements(socket, pods).length, 1);
  }),
);

test(
  "commit names the element that the kernel refuses",
  requireRoot,
  withTable((socket) => {
    const elements = addresses(2500);
    socket.commit([{ do: "add elements", set: pods, elements: elements.slice(1700, 1701) }], "add one");
    const error = failureOf(() => socket.commit([{ do: "create elements", set: pods, elements }], "add all"));
    assert.match(error.message, /create 2500 elements inet podwire pods at \{ 0x0a0006a4 \} \(operation 1 of 1\)/);
    assert.deepEqual(
      error.failures.map(({ element }) => element?.key),
      [Buffer.from(elements[1700]?.key ?? [])],
    );
    assert.equal(listElements(socket, pods).length, 1);
  }),
);

test(
  "commit takes a batch that is larger than the send buffer, and lists it again",
  requireRoot,
  withTable((socket) => {
    const elements = addresses(40_000);
    socket.commit([{ do: "add elements", set: pods, elements }], "add many");
    const listed = new Set(listElements(socket, pods).map(({ key }) => Buffer.from(key ?? []).toString("hex")));
    assert.equal(listed.size, 40_000);
    assert.ok(elements.every(({ key }) => listed.has(Buffer.from(key ?? []).toString("hex"))));
    socket.commit([{ do: "flush set", set: pods }], "flush");
    assert.deepEqual(listElements(socket, pods), []);
  }),
);

test(
  "commit fails when the ruleset is no longer the generation that it was planned for",
  requireRoot,
  withTable(async (socket, nft) => {
    const generation = readGeneration(socket);
    await nft("add", "chain", "inet", "podwire", "foreign");
    const operations: readonly NftOperation[] = [{ do: "add chain", chain: { ...table, chain: "ours" } }];
    const error = failureOf(() => socket.commit(operations, "add", { generation }));
    assert.ok(isStaleGeneration(error));
    assert.match(error.message, /the ruleset changed meanwhile/);
    socket.commit(operations, "add", { generation: readGeneration(socket) });
  }),
);

test(
  "commit of nothing does nothing",
  requireRoot,
  withTable((socket) => {
    const generation = readGeneration(socket);
    socket.commit([], "nothing");
    socket.commit([{ do: "delete elements", set: pods, elements: [] }], "nothing");
    assert.equal(readGeneration(socket), generation);
  }),
);

test(
  "rules are appended, inserted and put behind a handle; single ones and whole chains are deleted",
  requireRoot,
  withTable(async (socket, nft) => {
    const chain = { ...table, chain: "subnet" } as const;
    const accept = (comment: string) => ({ ...chain, expressions: rule(verdict("accept")), comment });
    socket.commit(
      [
        { do: "add rule", rule: accept("b") },
        { do: "add rule", rule: accept("d") },
      ],
      "append",
    );
    const [first] = listRules(socket, chain);
    assert.ok(first?.handle);
    const { handle } = first;
    socket.commit(
      [
        { do: "insert rule", rule: accept("a") },
        { do: "add rule", rule: { ...accept("c"), position: handle } },
        { do: "insert rule", rule: { ...accept("a2"), position: handle } },
      ],
      "insert",
    );
    const comments = () => listRules(socket, table).map(({ comment }) => comment);
    assert.deepEqual(comments(), ["a", "a2", "b", "c", "d"]);
    socket.commit([{ do: "delete rule", rule: { ...chain, handle } }], "delete one");
    assert.deepEqual(comments(), ["a", "a2", "c", "d"]);
    assert.match(await nft("list", "chain", "inet", "podwire", "subnet"), /accept comment "a2"/);
    socket.commit([{ do: "flush chain", chain }], "flush");
    assert.deepEqual(comments(), []);
    socket.commit(
      [
        { do: "add rule", rule: accept("e") },
        { do: "flush table", table },
      ],
      "flush table",
    );
    assert.deepEqual(comments(), []);
  }),
);

test(
  "find… answers undefined for what does not exist, and list… nothing",
  requireRoot,
  withTable((socket) => {
    const none = { family: "inet", table: "none" } as const;
    assert.equal(findTable(socket, none), undefined);
    assert.equal(findChain(socket, { ...table, chain: "none" }), undefined);
    assert.equal(findSet(socket, { ...table, set: "none" }), undefined);
    assert.equal(findElement(socket, pods, Uint8Array.of(10, 0, 0, 1)), undefined);
    assert.equal(findElement(socket, { ...table, set: "none" }, Uint8Array.of(10, 0, 0, 1)), undefined);
    assert.deepEqual(listChains(socket, none), []);
    assert.deepEqual(listRules(socket, none), []);
    assert.deepEqual(listElements(socket, { ...table, set: "none" }), []);
    assert.deepEqual(listTables(socket, "ip"), []);
    assert.deepEqual(
      listTables(socket).map((found) => found.table),
      ["podwire"],
    );
    assert.equal(findSet(socket, masq4)?.data?.[0], "verdict");
  }),
);

test(
  "findElement answers what the map holds; in a set of intervals it finds the range",
  requireRoot,
  withTable(async (socket, nft) => {
    const key = Uint8Array.of(10, 1, 0, 5);
    const cidrs = { ...table, set: "cidrs" } as const;
    socket.commit(
      [
        {
          do: "add elements",
          set: masq4,
          elements: [{ key, data: { verdict: "goto", chain: "subnet" }, comment: "pod a" }],
        },
        { do: "create set", set: { ...cidrs, key: ["ipv4_addr"], flags: ["interval"] } },
        {
          do: "add elements",
          set: cidrs,
          elements: intervalElements(Uint8Array.of(10, 1, 0, 0), Uint8Array.of(10, 1, 255, 255)),
        },
      ],
      "add",
    );
    assert.deepEqual(findElement(socket, masq4, key)?.data, { verdict: "goto", chain: "subnet" });
    assert.equal(findElement(socket, masq4, key)?.comment, "pod a");
    assert.ok(findElement(socket, cidrs, key));
    assert.equal(findElement(socket, cidrs, Uint8Array.of(10, 2, 0, 5)), undefined);
    assert.match(await nft("list", "set", "inet", "podwire", "cidrs"), /elements = \{ 10\.1\.0\.0\/16 \}/);
  }),
);

for (const destroy of [true, false]) {
  test(
    `deleteElementsIfPresent deletes what is there and is content with the rest (destroy: ${destroy})`,
    requireRoot,
    withTable((socket) => {
      if (destroy && !supportsDestroy(socket)) return; // Linux before 6.3 takes the other way
      const elements = addresses(300);
      const missing = { ...table, set: "none" } as const;
      socket.commit([{ do: "add elements", set: pods, elements: elements.slice(100, 200) }], "add");
      const sets = [
        { ...missing, elements: addresses(3) },
        { ...pods, elements: elements.slice(0, 199) },
      ];
      deleteElementsIfPresent(socket, sets, "clean up", { destroy });
      assert.deepEqual(
        listElements(socket, pods).map(({ key }) => [...(key ?? [])]),
        [[10, 0, 0, 199]],
      );
      deleteElementsIfPresent(socket, sets, "clean up again", { destroy });
      deleteElementsIfPresent(socket, [], "nothing", { destroy });
    }),
  );
}

test("supportsDestroy agrees with the kernel's version", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNftSocket(netns);
    const [major = 0, minor = 0] = (await outputIn(netns, ["uname", "-r"])).split(".").map(Number);
    assert.equal(supportsDestroy(socket), major > 6 || (major === 6 && minor >= 3));
    assert.equal(readGeneration(socket), 1);
  }),
);

test(
  "delete fails with EBUSY while something jumps to a chain; in one transaction both can go",
  requireRoot,
  withTable((socket) => {
    const target = { ...table, chain: "target" } as const;
    const subnet = { ...table, chain: "subnet" } as const;
    socket.commit(
      [
        { do: "create chain", chain: target },
        { do: "add rule", rule: { ...subnet, expressions: rule(jump("target")) } },
      ],
      "add",
    );
    assert.throws(
      () => socket.commit([{ do: "delete chain", chain: target }], "delete"),
      (error) => isErrno(error, "EBUSY"),
    );
    socket.commit(
      [
        { do: "flush chain", chain: subnet },
        { do: "delete chain", chain: target },
      ],
      "delete both",
    );
    assert.equal(findChain(socket, target), undefined);
  }),
);

test("a socket without privilege is refused as a whole", requireRoot, () =>
  withNetns(async (netns) => {
    const script = `
      const { createNftSocket } = await import("#kernel/nfnetlink/transaction.ts");
      try {
        createNftSocket().commit([{ do: "add table", table: { family: "inet", table: "x" } }], "try");
      } catch (error) {
        console.log(error.code, error.failures.length, error.message);
      }`;
    const argv = [
      "setpriv",
      "--bounding-set=-net_admin",
      "--inh-caps=-net_admin",
      process.execPath,
      "--input-type=module",
      "-e",
      script,
    ];
    const { stdout, stderr } = await execIn(netns, argv);
    assert.match(stdout, /^EPERM 1 Cannot try: the transaction was refused: operation not permitted/, stderr);
  }),
);
