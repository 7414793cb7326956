import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { daemonSet } from "./daemon-set.ts";
import { cellsOf, createObject, problemsOfCreate } from "./testing/create-object.ts";

const POD = { containers: [{ name: "log", image: "log:1" }] };
const SPEC = {
  selector: { matchLabels: { app: "log" } },
  template: { metadata: { labels: { app: "log" } }, spec: POD },
};

test("daemonSet gets Kubernetes' defaults", () => {
  const { spec, status } = createObject(daemonSet, { spec: SPEC });
  assert.deepEqual(spec.updateStrategy, {
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
  });
  assert.equal(spec.revisionHistoryLimit, 10);
  assert.deepEqual(status, {
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: 0,
    numberReady: 0,
  });
  const onDelete = createObject(daemonSet, { spec: { ...SPEC, updateStrategy: { type: "OnDelete" } } });
  assert.deepEqual(onDelete.spec.updateStrategy, { type: "OnDelete" });
});

const rollingUpdates: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{ maxUnavailable: 0, maxSurge: "10%" }, []],
  [
    { maxUnavailable: 1, maxSurge: 1 },
    ["spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"],
  ],
  [
    { maxUnavailable: 0 },
    ["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
  ],
];

for (const [rollingUpdate, texts] of rollingUpdates) {
  test(`daemonSet validation gives ${texts.length} problems for ${JSON.stringify(rollingUpdate)}`, () => {
    assert.deepEqual(problemsOfCreate(daemonSet, { spec: { ...SPEC, updateStrategy: { rollingUpdate } } }), texts);
  });
}

test("daemonSet validation names the kind in its texts", () => {
  const template = { ...SPEC.template, spec: { ...POD, activeDeadlineSeconds: 5 } };
  assert.deepEqual(problemsOfCreate(daemonSet, { spec: { selector: {}, template } }), [
    "spec.selector: Invalid value: {}: empty selector is invalid for daemonset",
    "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported",
  ]);
});

test("daemonSet's cells are kubectl's", () => {
  const status = {
    desiredNumberScheduled: 5,
    currentNumberScheduled: 4,
    numberReady: 3,
    updatedNumberScheduled: 2,
    numberAvailable: 1,
    numberMisscheduled: 0,
  };
  const cells = {
    NAME: "web",
    DESIRED: 5,
    CURRENT: 4,
    READY: 3,
    "UP-TO-DATE": 2,
    AVAILABLE: 1,
    "NODE SELECTOR": "<none>",
    AGE: "60m",
    CONTAINERS: "log",
    IMAGES: "log:1",
    SELECTOR: "app=log",
  };
  assert.deepEqual(cellsOf(daemonSet, createObject(daemonSet, { spec: SPEC, status })), cells);
  const template = { ...SPEC.template, spec: { ...POD, nodeSelector: { zone: "a", disk: "ssd" } } };
  const selective = createObject(daemonSet, { spec: { ...SPEC, template }, status });
  assert.deepEqual(cellsOf(daemonSet, selective), { ...cells, "NODE SELECTOR": "disk=ssd,zone=a" });
});
