import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import { withPriority, withPriorityOf } from "./pod-priority.ts";

const podWith = (changes: Partial<PodSpec>): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web" },
  spec: { containers: [{ name: "main", image: "nginx" }], ...changes },
});

const PRIORITIES = [
  [{}, 0],
  [{ priority: 0 }, 0],
  [{ priorityClassName: "system-cluster-critical" }, 2_000_000_000],
  [{ priorityClassName: "system-node-critical", preemptionPolicy: "PreemptLowerPriority" }, 2_000_001_000],
] as const;

for (const [changes, expected] of PRIORITIES) {
  test(`withPriority gives ${JSON.stringify(changes)} the priority ${expected}`, () => {
    const { priority, preemptionPolicy } = withPriority(podWith(changes)).spec;
    assert.deepEqual({ priority, preemptionPolicy }, { priority: expected, preemptionPolicy: "PreemptLowerPriority" });
  });
}

const REFUSED = [
  [{ priorityClassName: "high" }, 'pods "web" is forbidden: no PriorityClass with name high was found'],
  [{ priority: 7 }, /priority \(7\) must not be provided in pod spec; priority admission controller computed 0 from/],
  [{ preemptionPolicy: "Never" }, /PreemptionPolicy \(Never\) must not be .* computed PreemptLowerPriority from/],
] as const;

for (const [changes, message] of REFUSED) {
  test(`withPriority refuses ${JSON.stringify(changes)}`, () => {
    assert.throws(() => withPriority(podWith(changes)), { code: 403, reason: "Forbidden", message });
  });
}

test("withPriorityOf keeps what was there, and leaves what is given to validation", () => {
  const old = podWith({ priority: 0, preemptionPolicy: "PreemptLowerPriority" });
  assert.deepEqual(withPriorityOf(podWith({}), old), old);
  assert.equal(withPriorityOf(podWith({ priority: 7 }), old).spec.priority, 7);
  assert.equal(withPriorityOf(old, old), old);
});
