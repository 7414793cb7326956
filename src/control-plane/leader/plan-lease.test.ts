import assert from "node:assert/strict";
import { test } from "node:test";
import { type Lease, lease as leaseKind } from "#api/kinds/lease.ts";
import { validateObject } from "#api/schema/validate.ts";
import { type LeasePlan, planLease, planRelease } from "./plan-lease.ts";

const now = new Date("2025-01-01T00:00:10.123Z");
const time = "2025-01-01T00:00:10.123000Z";
const earlier = "2025-01-01T00:00:00.000000Z";
const me = { identity: "me", leaseDurationMs: 15_000, isAlone: false };

function leaseOf(spec: NonNullable<Lease["spec"]>): Lease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "x", namespace: "kube-system" },
    spec,
  };
}

const others = leaseOf({
  holderIdentity: "other",
  leaseDurationSeconds: 15,
  leaseTransitions: 4,
  acquireTime: earlier,
});
const mine = { holderIdentity: "me", leaseDurationSeconds: 15, renewTime: time };
const taken: LeasePlan = { type: "hold", spec: { ...mine, leaseTransitions: 5, acquireTime: time } };

const cases: readonly (readonly [string, Lease | undefined, number, LeasePlan, isAlone?: boolean])[] = [
  ["creates one", undefined, 0, { type: "hold", spec: { ...mine, leaseTransitions: 0, acquireTime: time } }],
  ["waits for another's", others, 0, { type: "wait", ms: 15_000 }],
  ["waits for the rest", others, 14_999, { type: "wait", ms: 1 }],
  ["takes one that is over", others, 15_000, taken],
  ["takes one at once when alone", others, 0, taken, true],
  ["takes one that was released", leaseOf({ ...others.spec, holderIdentity: "" }), 0, taken],
  [
    "believes the holder's own duration",
    leaseOf({ ...others.spec, leaseDurationSeconds: 60 }),
    15_000,
    { type: "wait", ms: 45_000 },
  ],
  [
    "renews its own",
    leaseOf({ ...mine, renewTime: earlier, acquireTime: earlier, leaseTransitions: 4 }),
    20_000,
    { type: "hold", spec: { ...mine, acquireTime: earlier, leaseTransitions: 4 } },
  ],
];

for (const [title, lease, unchangedMs, expected, isAlone = false] of cases) {
  test(`planLease ${title}`, () => {
    const plan = planLease({ lease, unchangedMs }, { ...me, isAlone }, now);
    assert.deepEqual(plan, expected);
    if (plan.type === "hold") assert.deepEqual(validateObject(leaseKind, leaseOf(plan.spec)), []);
  });
}

test("planRelease leaves nobody as holder, and a valid lease", () => {
  const released = planRelease(others, now);
  assert.equal(released.spec?.holderIdentity, "");
  assert.equal(released.spec?.leaseTransitions, 4);
  assert.deepEqual(validateObject(leaseKind, released), []);
});
