import assert from "node:assert/strict";
import { test } from "node:test";
import type { Flow, FlowEntry } from "./flow.ts";
import { createFlowRing, type FlowCursor, type FlowRing } from "./flow-ring.ts";

function ringOf(capacity: number, pageSize = 100, id = "ring"): FlowRing {
  return createFlowRing({ id, node: "node1", capacity, pageSize, nowMicros: () => 999 });
}

function gapAt(timeMicros: number): FlowEntry {
  return { kind: "gap", timeMicros, node: "node1", reason: "kernel buffer" };
}

const times = (entries: readonly FlowEntry[]) => entries.map(({ timeMicros }) => timeMicros);

test("createFlowRing keeps the last entries, and a cursor goes on where it was", () => {
  const ring = ringOf(3);
  for (const time of [1, 2]) ring.add(gapAt(time));
  const first = ring.read({});
  assert.deepEqual(times(first.entries), [1, 2]);
  ring.add(gapAt(3));
  const second = ring.read({ after: first.next });
  assert.deepEqual(times(second.entries), [3]);
  assert.deepEqual(ring.read({ after: second.next }), { entries: [], next: second.next });
});

test("createFlowRing tells a late reader how many entries went before it read them", () => {
  const ring = ringOf(3);
  ring.add(gapAt(1));
  const { next } = ring.read({});
  for (const time of [2, 3, 4, 5, 6]) ring.add(gapAt(time));
  const [gap, ...rest] = ring.read({ after: next }).entries;
  assert.deepEqual(gap, { kind: "gap", node: "node1", timeMicros: 4, reason: "ring overwritten", missed: 2 });
  assert.deepEqual(times(rest), [4, 5, 6]);
});

test("createFlowRing gives pages of a bounded size, and every entry once", () => {
  const ring = ringOf(10, 2);
  for (let time = 1; time <= 5; time++) ring.add(gapAt(time));
  const seen: number[] = [];
  let after: FlowCursor | undefined;
  for (;;) {
    const { entries, next } = ring.read({ after });
    if (entries.length === 0) break;
    assert.ok(entries.length <= 2);
    seen.push(...times(entries));
    after = next;
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});

test("createFlowRing starts where a time begins, and says so when that is overwritten", () => {
  const ring = ringOf(3);
  for (const time of [10, 20, 30]) ring.add(gapAt(time));
  assert.deepEqual(times(ring.read({ sinceMicros: 20 }).entries), [20, 30]);
  assert.deepEqual(times(ring.read({ sinceMicros: 31 }).entries), []);
  ring.add(gapAt(40));
  assert.deepEqual(ring.read({ sinceMicros: 5 }).entries[0], {
    kind: "gap",
    node: "node1",
    timeMicros: 20,
    reason: "ring overwritten",
    missed: 1,
  });
});

test("createFlowRing: a cursor of an earlier ring starts anew, with a gap", () => {
  const ring = ringOf(3, 100, "second");
  ring.add(gapAt(7));
  const [gap, ...rest] = ring.read({ after: { ring: "first", sequence: 50 } }).entries;
  assert.equal(gap?.kind === "gap" && gap.reason, "agent restarted");
  assert.deepEqual(times(rest), [7]);
});

test("createFlowRing wakes who waits, by an entry or by the signal", async () => {
  const ring = ringOf(3);
  const { next } = ring.read({});
  const ended = new AbortController();
  const woken = ring.grown(next, ended.signal);
  ring.add(gapAt(1));
  await woken;
  const { next: later } = ring.read({ after: next });
  const aborted = ring.grown(later, ended.signal);
  ended.abort();
  await aborted;
  assert.deepEqual(ring.read({ after: later }).entries, []);
});

test("createFlowRing keeps what it was given", () => {
  const ring = ringOf(1);
  const flow: Flow = {
    kind: "flow",
    timeMicros: 1,
    node: "node1",
    hop: "leaves",
    verdict: "allowed",
    protocol: "TCP",
    source: { address: "10.244.1.2" as Flow["source"]["address"], port: 40_000 },
    destination: { address: "10.244.2.2" as Flow["source"]["address"], port: 80 },
  };
  ring.add(flow);
  assert.deepEqual(ring.read({}).entries, [flow]);
});
