import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { expiredError } from "#api/api-error.ts";
import { configMap } from "#api/kinds/config-map.ts";
import type { WatchEvent } from "../../resources/resource-api.ts";
import { createEventEncoders, type EventFormat } from "./event-text.ts";
import { createWatchWriter, MAX_UNSENT_EVENTS } from "./watch-writer.ts";

const FORMAT: EventFormat = {
  kind: configMap,
  representation: { type: "object" },
  includeObject: "Metadata",
  withColumns: false,
};
const encoderFor = createEventEncoders(() => new Date("2026-03-01T00:00:00Z"));

function event(name: string, data = ""): WatchEvent {
  const object = Object.freeze({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, resourceVersion: "1" }, data });
  return { type: "ADDED", object };
}

function build() {
  const chunks: Buffer[] = [];
  const state = { takes: true, isEnded: false, overs: 0 };
  const encoder = encoderFor(FORMAT);
  const writer = createWatchWriter({
    encoder,
    firstEncoder: encoder,
    onOver: () => void state.overs++,
    stream: {
      write(bytes) {
        chunks.push(bytes);
        return state.takes;
      },
      end(bytes) {
        if (bytes !== undefined) chunks.push(bytes);
        state.isEnded = true;
      },
    },
  });
  const lines = () =>
    Buffer.concat(chunks)
      .toString()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const names = () => lines().map(({ object }) => object.metadata.name);
  return { chunks, state, writer, lines, names };
}

test("createWatchWriter writes the events of one turn at once, in their order", async () => {
  const { chunks, writer, names } = build();
  for (const name of ["a", "b", "c"]) assert.equal(writer.onEvent(event(name)), true);
  assert.equal(chunks.length, 0);
  await setImmediate();
  assert.deepEqual([chunks.length, names()], [1, ["a", "b", "c"]]);
});

test("createWatchWriter gives all watchers of an event the same bytes", async () => {
  const [left, right] = [build(), build()];
  const events = [event("a"), event("b")];
  for (const { writer } of [left, right]) for (const one of events) writer.onEvent(one);
  await setImmediate();
  assert.equal(left.chunks[0], right.chunks[0]);
});

test("createWatchWriter holds back for a slow reader and goes on when it has caught up", async () => {
  const { chunks, state, writer, names } = build();
  state.takes = false;
  writer.onEvent(event("a"));
  await setImmediate();
  writer.onEvent(event("b"));
  await setImmediate();
  assert.equal(chunks.length, 1);
  state.takes = true;
  writer.onDrain();
  assert.deepEqual(names(), ["a", "b"]);
});

for (const [title, count, size, isCut] of [
  ["as many events as are allowed", MAX_UNSENT_EVENTS, 1, false],
  ["more events than are allowed", MAX_UNSENT_EVENTS + 1, 1, true],
  ["more bytes than are allowed", 11, 100_000, true],
] as const) {
  test(`createWatchWriter ${isCut ? "cuts" : "keeps"} a reader that is behind by ${title}`, async () => {
    const { state, writer, lines } = build();
    state.takes = false;
    writer.onEvent(event("first"));
    await setImmediate();
    const taken = Array.from({ length: count }, (_, index) => writer.onEvent(event(`e${index}`, "x".repeat(size))));
    assert.equal(taken.at(-1), !isCut);
    assert.deepEqual([state.isEnded, state.overs], [isCut, isCut ? 1 : 0]);
    assert.equal(writer.onEvent(event("later")), false);
    const last = lines().at(-1);
    if (isCut) assert.deepEqual([last.type, last.object.code, last.object.reason], ["ERROR", 410, "Expired"]);
  });
}

test("createWatchWriter takes any number of initial events", async () => {
  const { state, writer, names } = build();
  const count = 5 * MAX_UNSENT_EVENTS;
  for (let index = 0; index < count; index++) assert.ok(writer.onEvent(event(`e${index}`, "x".repeat(500))));
  state.takes = false;
  await setImmediate();
  assert.ok(writer.onEvent(event("live")));
  assert.ok(names().length < count);
  state.takes = true;
  writer.onDrain();
  assert.deepEqual([names().length, names().at(-1)], [count + 1, "live"]);
});

test("createWatchWriter ends after what waits, and with the error it is told", async () => {
  const ended = build();
  ended.writer.onEvent(event("a"));
  ended.writer.end();
  assert.deepEqual([ended.names(), ended.state.isEnded, ended.writer.onEvent(event("b"))], [["a"], true, false]);
  const failed = build();
  failed.writer.onEvent(event("a"));
  failed.writer.onError(expiredError("too old resource version: 1 (2)"));
  assert.deepEqual(
    failed.lines().map(({ type }) => type),
    ["ADDED", "ERROR"],
  );
  await setImmediate();
  assert.equal(failed.state.overs, 1);
});

test("createEventEncoders tells columns with a table's first event only", () => {
  const table = { ...FORMAT, representation: { type: "table", version: "v1" } } as const;
  const one = event("a");
  const text = (withColumns: boolean) =>
    JSON.parse(
      encoderFor({ ...table, withColumns })
        .encode(one)
        .toString(),
    ).object.columnDefinitions;
  assert.equal(text(true).length, 3);
  assert.equal(text(false), null);
});

test("createEventEncoders keeps types of one object apart", () => {
  const encoder = encoderFor(FORMAT);
  const added = event("a");
  const type = (kind: WatchEvent["type"]) => JSON.parse(encoder.encode({ ...added, type: kind }).toString()).type;
  assert.deepEqual([type("ADDED"), type("DELETED"), type("ADDED")], ["ADDED", "DELETED", "ADDED"]);
});
