import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#api/kind.ts";
import type { CustomResourceDefinition } from "#api/kinds/custom-resource-definition/definition-spec.ts";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { planNames } from "./plan-names.ts";
import { planStatus } from "./plan-status.ts";

interface Options {
  readonly plural: string;
  readonly kind?: string;
  readonly shortNames?: readonly string[];
  readonly created?: string;
  readonly status?: CustomResourceDefinition["status"];
}

function definition({
  plural,
  kind = "Pool",
  shortNames = [],
  created = "1",
  status,
}: Options): CustomResourceDefinition {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.example.com`, creationTimestamp: `2025-01-01T00:00:0${created}Z` },
    spec: {
      group: "example.com",
      scope: "Cluster",
      names: {
        plural,
        singular: kind.toLowerCase(),
        kind,
        listKind: `${kind}List`,
        ...(shortNames.length > 0 && { shortNames }),
      },
      versions: [{ name: "v1", served: true, storage: true }],
    },
    ...(status !== undefined && { status }),
  };
}

function planned(definitions: readonly CustomResourceDefinition[], builtIn: readonly Kind[] = []) {
  return planNames(definitions, builtIn).map(({ definition: { metadata }, condition, isServed }) => [
    metadata.name,
    condition.reason,
    condition.message,
    isServed,
  ]);
}

test("planNames accepts names that are free", () => {
  const [plan] = planNames([definition({ plural: "pools", shortNames: ["p"] })], []);
  assert.deepEqual(plan?.acceptedNames, {
    plural: "pools",
    singular: "pool",
    kind: "Pool",
    listKind: "PoolList",
    shortNames: ["p"],
  });
  assert.deepEqual([plan?.condition.status, plan?.condition.reason, plan?.isServed], ["True", "NoConflicts", true]);
});

test("planNames gives names to whoever asked first", () => {
  const [older, younger] = [
    definition({ plural: "pools", created: "1" }),
    definition({ plural: "ponds", created: "2" }),
  ];
  const expected = [
    ["pools.example.com", "NoConflicts", "no conflicts found", true],
    ["ponds.example.com", "ListKindConflict", '"PoolList" is already in use', false],
  ];
  assert.deepEqual(planned([older, younger]), expected);
  assert.deepEqual(planned([younger, older]), expected);
  assert.deepEqual(planNames([younger, older], [])[1]?.acceptedNames, { plural: "ponds" });
});

test("planNames refuses short names one by one", () => {
  const pools = definition({ plural: "pools", shortNames: ["a", "b"] });
  const others = definition({ plural: "others", kind: "Other", shortNames: ["a", "b", "c"], created: "2" });
  assert.deepEqual(planned([pools, others])[1], [
    "others.example.com",
    "ShortNamesConflict",
    '["a" is already in use, "b" is already in use]',
    false,
  ]);
});

test("planNames keeps the names that were accepted, and serves them", () => {
  const status = {
    acceptedNames: { plural: "ponds", singular: "pond", kind: "Pond", listKind: "PondList" },
    conditions: [{ type: "Established", status: "True" as const }],
  };
  const renamed = definition({ plural: "ponds", kind: "Pool", created: "2", status });
  const [, plan] = planNames([definition({ plural: "pools" }), renamed], []);
  assert.deepEqual(plan?.acceptedNames, status.acceptedNames);
  assert.deepEqual([plan?.condition.status, plan?.isServed], ["False", true]);
});

test("planNames knows the names of built-in kinds", () => {
  const policies = definition({ plural: "networkpolicies", kind: "NetworkPolicy" });
  assert.equal(planned([policies], [networkPolicy])[0]?.[3], false);
});

const now = new Date("2025-01-01T00:00:00Z");

test("planStatus tells what became of the names, once", () => {
  const [plan] = planNames([definition({ plural: "pools" })], []);
  assert.ok(plan !== undefined);
  const status = planStatus(plan, now);
  assert.deepEqual(status?.acceptedNames, plan.acceptedNames);
  assert.deepEqual(
    status?.conditions?.map(({ type, status: value, reason, lastTransitionTime }) => [
      type,
      value,
      reason,
      lastTransitionTime,
    ]),
    [
      ["NamesAccepted", "True", "NoConflicts", "2025-01-01T00:00:00Z"],
      ["Established", "True", "InitialNamesAccepted", "2025-01-01T00:00:00Z"],
    ],
  );
  const settled = { ...plan.definition, ...(status !== undefined && { status }) };
  const [again] = planNames([settled], []);
  assert.ok(again !== undefined);
  assert.equal(planStatus(again, new Date("2025-01-02T00:00:00Z")), undefined);
});

test("planStatus does not establish what has no names", () => {
  const [, plan] = planNames([definition({ plural: "pools" }), definition({ plural: "ponds", created: "2" })], []);
  assert.ok(plan !== undefined);
  const conditions = planStatus(plan, now)?.conditions?.map(({ type, status, reason }) => [type, status, reason]);
  assert.deepEqual(conditions, [
    ["NamesAccepted", "False", "ListKindConflict"],
    ["Established", "False", "NotAccepted"],
  ]);
});
