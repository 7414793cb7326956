import assert from "node:assert/strict";
import { test } from "node:test";
import { spawnAndWait } from "#kernel/syscalls/spawn.ts";
import {
  countProcesses,
  decodeProcessEvents,
  descendants,
  openProcessEvents,
  type ProcessEvent,
  readParents,
} from "./process-events.ts";

const fork = (parent: number, processId: number, pid = processId): ProcessEvent => ({
  event: "fork",
  parent,
  pid,
  processId,
});
const exec = (processId: number): ProcessEvent => ({ event: "exec", processId });

const counts: readonly { what: string; events: readonly ProcessEvent[]; processes: number; programs: number }[] = [
  { what: "nothing", events: [], processes: 0, programs: 0 },
  { what: "a child and its child", events: [fork(1, 10), exec(10), fork(10, 11), exec(11)], processes: 2, programs: 2 },
  {
    what: "threads as none",
    events: [fork(1, 10), exec(10), fork(10, 10, 12), fork(10, 10, 13)],
    processes: 1,
    programs: 1,
  },
  {
    what: "a process that runs two programs once",
    events: [fork(1, 10), exec(10), exec(10)],
    processes: 1,
    programs: 2,
  },
  { what: "a fork without a program", events: [fork(1, 10)], processes: 1, programs: 0 },
  { what: "strangers as none", events: [fork(7, 70), exec(70), fork(70, 71)], processes: 0, programs: 0 },
];

for (const { what, events, ...expected } of counts) {
  test(`countProcesses counts ${what}`, () => assert.deepEqual(countProcesses([1], events), expected));
}

test("descendants finds them in any order", () => {
  const parents = new Map([
    [12, 11],
    [11, 10],
    [10, 1],
    [20, 1],
  ]);
  assert.deepEqual([...descendants(10, parents)].toSorted(), [10, 11, 12]);
});

test("readParents knows this process", () => assert.equal(readParents().get(process.pid), process.ppid));

test("decodeProcessEvents leaves out short and foreign messages", () => {
  const bytes = Buffer.alloc(16 + 20 + 8);
  bytes.writeUInt32LE(bytes.length, 0);
  assert.deepEqual(decodeProcessEvents(bytes), []);
});

test("openProcessEvents sees the processes of a program", (context) => {
  using events = openProcessEvents();
  if (events === undefined) return context.skip("no process connector here: it needs root in the initial namespaces");
  const script = "/bin/true; /bin/true";
  spawnAndWait({ path: "/bin/sh", argv: ["sh", "-c", script], environment: {}, stdin: "" });
  const seen = events.read();
  assert.ok(seen !== undefined);
  const { processes, programs } = countProcesses([process.pid], seen);
  assert.ok(processes >= 2 && programs >= 2, `${processes} processes, ${programs} programs`);
});
