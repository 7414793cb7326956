import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { deployment } from "./deployment.ts";
import { cellsOf, createObject, problemsOfCreate, problemsOfUpdate } from "./testing/create-object.ts";

const POD = { containers: [{ name: "web", image: "web:1" }] };
const SPEC = {
  selector: { matchLabels: { app: "web" } },
  template: { metadata: { labels: { app: "web" } }, spec: POD },
} as const;

test("deployment gets Kubernetes' defaults", () => {
  const { spec, status } = createObject(deployment, { spec: SPEC });
  const { template: _template, selector: _selector, ...defaults } = spec;
  assert.deepEqual(defaults, {
    replicas: 1,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  });
  assert.deepEqual(status, {});
});

const strategies: readonly (readonly [JsonObject, JsonObject])[] = [
  [{ type: "Recreate" }, { type: "Recreate" }],
  [
    { rollingUpdate: { maxSurge: 0 } },
    { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: 0 } },
  ],
];

for (const [given, complete] of strategies) {
  test(`deployment completes strategy ${JSON.stringify(given)}`, () => {
    assert.deepEqual(createObject(deployment, { spec: { ...SPEC, strategy: given } }).spec.strategy, complete);
  });
}

test("deployment keeps replicas 0", () => {
  assert.equal(createObject(deployment, { spec: { ...SPEC, replicas: 0 } }).spec.replicas, 0);
});

const problems: readonly (readonly [JsonObject, readonly string[]])[] = [
  [SPEC, []],
  [
    { ...SPEC, selector: { matchLabels: { app: "api" } } },
    ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
  ],
  [{ ...SPEC, selector: {} }, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]],
  [{ template: SPEC.template }, ["spec.selector: Required value"]],
  [{ ...SPEC, replicas: -1 }, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]],
  [
    { ...SPEC, selector: { ...SPEC.selector, matchExpressions: [{ key: "app", operator: "In" }] } },
    [
      "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
  ],
  [
    { ...SPEC, template: { ...SPEC.template, spec: { ...POD, restartPolicy: "Never", activeDeadlineSeconds: 5 } } },
    [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
      "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
    ],
  ],
  [
    { ...SPEC, strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: "0%" } } },
    ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
  ],
  [
    { ...SPEC, strategy: { rollingUpdate: { maxUnavailable: "150%" } } },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "150%": must not be greater than 100%'],
  ],
  [{ ...SPEC, strategy: { rollingUpdate: { maxSurge: "150%" } } }, []],
  [
    { ...SPEC, strategy: { type: "Recreate", rollingUpdate: { maxSurge: 1 } } },
    ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  ],
  [
    { ...SPEC, progressDeadlineSeconds: 10, minReadySeconds: 10 },
    ["spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds"],
  ],
];

for (const [spec, texts] of problems) {
  test(`deployment validation gives ${texts.join(", ") || "no problem"} for ${JSON.stringify(spec)}`, () => {
    assert.deepEqual(problemsOfCreate(deployment, { spec }), texts);
  });
}

test("deployment's selector cannot change", () => {
  const old = createObject(deployment, { spec: SPEC });
  const spec = { ...SPEC, selector: { matchLabels: { app: "web", tier: "a" } } };
  const template = { ...SPEC.template, metadata: { labels: { app: "web", tier: "a" } } };
  assert.deepEqual(problemsOfUpdate(deployment, old, { spec: { ...spec, template } }), [
    'spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"a"}}: field is immutable',
  ]);
});

test("deployment's status has counts that fit together, and its collision count never falls", () => {
  const old = createObject(deployment, { spec: SPEC, status: { collisionCount: 2 } });
  const status = { replicas: 1, readyReplicas: 1, availableReplicas: 2, collisionCount: 1 };
  assert.deepEqual(problemsOfUpdate(deployment, old, { status }, "status"), [
    "status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas",
    "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
    "status.collisionCount: Invalid value: 1: cannot be decremented",
  ]);
});

test("deployment's cells are kubectl's", () => {
  const containers = [...POD.containers, { name: "log", image: "log:2" }];
  const object = createObject(deployment, {
    spec: { ...SPEC, replicas: 3, template: { ...SPEC.template, spec: { containers } } },
    status: { replicas: 3, readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 },
  });
  assert.deepEqual(cellsOf(deployment, object), {
    NAME: "web",
    READY: "2/3",
    "UP-TO-DATE": 1,
    AVAILABLE: 2,
    AGE: "60m",
    CONTAINERS: "web,log",
    IMAGES: "web:1,log:2",
    SELECTOR: "app=web",
  });
});
