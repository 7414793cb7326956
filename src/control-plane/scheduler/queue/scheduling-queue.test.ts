import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { ClusterChange } from "../filters/filter.ts";
import { testPod } from "../testing/builders.ts";
import { type Attempt, createSchedulingQueue, type SchedulingQueue } from "./scheduling-queue.ts";

let now = 0;
let queue: SchedulingQueue;
beforeEach(() => {
  now = 1000;
  queue = createSchedulingQueue({ nowMs: () => now });
});

const web = testPod("web");
const byRoom: ReadonlySet<ClusterChange> = new Set(["PodRemoved"]);

function popped(): Attempt {
  const attempt = queue.pop();
  assert.ok(attempt !== undefined, "nothing is active");
  return attempt;
}

function pass(ms: number): void {
  now += ms;
  queue.wakeDue();
}

function names(): readonly (string | undefined)[] {
  const all: (string | undefined)[] = [];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) all.push(next.pod.metadata.name);
  return all;
}

test("createSchedulingQueue gives pods by priority, then in the order in which they came", () => {
  const withPriority = (name: string, priority: number): Pod => testPod(name, { spec: { priority } });
  for (const pod of [withPriority("a", 0), testPod("b"), withPriority("c", 10), withPriority("d", -1)]) queue.add(pod);
  queue.add(withPriority("e", 10));
  assert.deepEqual(names(), ["c", "e", "a", "b", "d"]);
});

test("add keeps the place of a pod that waits already, and takes it as it is now", () => {
  queue.add(web);
  queue.add(testPod("db"));
  const changed = testPod("web", { labels: { app: "web" } });
  queue.add(changed);
  assert.equal(popped().pod, changed);
  assert.deepEqual(names(), ["db"]);
});

test("remove takes a pod out, whatever its place", () => {
  queue.add(web);
  queue.remove("default/web");
  assert.equal(queue.pop(), undefined);
  queue.add(web);
  queue.retry(popped());
  queue.remove("default/web");
  queue.add(web);
  queue.park(popped(), byRoom);
  queue.remove("default/web");
  queue.notify("PodRemoved");
  pass(600_000);
  assert.equal(queue.pop(), undefined);
  assert.equal(queue.dueInMs(), undefined);
  assert.deepEqual(queue.counts, { active: 0, pausing: 0, parked: 0 });
});

test("a pod that is created again under its name begins anew", () => {
  queue.add(web);
  queue.retry(popped());
  queue.remove("default/web");
  queue.add(testPod("web", { metadata: { uid: "other" } }));
  assert.equal(popped().number, 1);
});

test("retry pauses 1 s, doubling up to 10 s", () => {
  queue.add(web);
  for (const pause of [1000, 2000, 4000, 8000, 10_000, 10_000]) {
    queue.retry(popped());
    assert.equal(queue.dueInMs(), pause);
    pass(pause - 1);
    assert.equal(queue.pop(), undefined);
    pass(1);
  }
  assert.equal(popped().number, 7);
});

test("park waits for a change that can help", () => {
  queue.add(web);
  queue.park(popped(), byRoom);
  pass(60_000);
  queue.notify("NodeLabels");
  assert.equal(queue.pop(), undefined);
  assert.deepEqual(queue.counts, { active: 0, pausing: 0, parked: 1 });
  queue.notify("PodRemoved");
  assert.equal(popped().pod, web);
});

test("park waits for the end of the pause, too", () => {
  queue.add(web);
  queue.park(popped(), byRoom);
  queue.notify("PodRemoved");
  assert.equal(queue.pop(), undefined);
  assert.equal(queue.dueInMs(), 1000);
  pass(1000);
  assert.equal(popped().number, 2);
});

test("park ends after five minutes", () => {
  queue.add(web);
  queue.park(popped(), new Set());
  assert.equal(queue.dueInMs(), 300_000);
  pass(299_999);
  assert.equal(queue.pop(), undefined);
  pass(1);
  assert.equal(popped().pod, web);
});

test("add releases a parked pod, as it has changed", () => {
  queue.add(web);
  queue.park(popped(), new Set());
  pass(1000);
  queue.add(web);
  assert.equal(popped().number, 2);
});

test("replace changes a waiting pod in its place, and says when there is none", () => {
  assert.equal(queue.replace(web), false);
  queue.add(web);
  queue.park(popped(), byRoom);
  const changed = testPod("web", { status: { phase: "Pending" } });
  assert.equal(queue.replace(changed), true);
  pass(1000);
  assert.equal(queue.pop(), undefined);
  queue.notify("PodRemoved");
  assert.equal(popped().pod, changed);
});
