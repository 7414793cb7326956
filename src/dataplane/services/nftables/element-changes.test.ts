import assert from "node:assert/strict";
import { test } from "node:test";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import { collectChanges, compareChanges } from "./element-changes.ts";
import { contentText, keyText } from "./elements.ts";

function keyOf(number: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32BE(number);
  return key;
}

const element = (number: number, data = number) => ({ key: keyOf(number), data: keyOf(data) });

/** `create 3 endpoints4` */
function words(operations: readonly NftOperation[]): readonly string[] {
  return operations.map((operation) =>
    "elements" in operation
      ? `${operation.do} ${operation.elements.length} ${operation.set.set}`
      : assert.fail(operation.do),
  );
}

test("collectChanges deletes before it adds, and packs what is much", () => {
  const changes = collectChanges();
  for (let number = 0; number < 1200; number++) changes.add("many", element(number));
  changes.add("few", element(1));
  changes.delete("few", element(1, 7));
  const operations = changes.operations();
  assert.deepEqual(words(operations), ["delete elements 1 few", "create elements 1200 many", "create elements 1 few"]);
  const [, many] = operations;
  const runs = many && "elements" in many && "runs" in many.elements ? many.elements.runs : [];
  assert.equal(
    runs.reduce((sum, { length }) => sum + length, 0),
    1200,
  );
});

test("compareChanges leaves what is right, replaces what is not, and takes away the rest", () => {
  const present = new Map([
    ["s", new Map([element(1), element(2), element(3)].map((one) => [keyText(one.key), contentText(one)]))],
    ["gone", new Map([[keyText(keyOf(9)), "x"]])],
  ]);
  const changes = compareChanges(present);
  changes.add("s", element(1));
  changes.add("s", element(2, 5));
  changes.add("s", element(4));
  assert.deepEqual(changes.operations(), [
    {
      do: "delete elements",
      set: { family: "inet", table: "podwire-services", set: "s" },
      elements: [{ key: keyOf(2) }, { key: keyOf(3) }],
    },
    {
      do: "delete elements",
      set: { family: "inet", table: "podwire-services", set: "gone" },
      elements: [{ key: keyOf(9) }],
    },
    {
      do: "create elements",
      set: { family: "inet", table: "podwire-services", set: "s" },
      elements: [element(2, 5), element(4)],
    },
  ]);
});

test("contentText tells data, verdicts and comments apart", () => {
  const texts = [
    {},
    { data: keyOf(1) },
    { data: { verdict: "drop" } as const },
    { data: { verdict: "goto", chain: "a" } as const },
    { data: { verdict: "goto", chain: "a" } as const, comment: "b" },
    { data: { verdict: "goto", chain: "a" } as const, comment: "" },
  ].map(contentText);
  assert.equal(new Set(texts).size, texts.length);
});
