import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { cellsOf, createObject, problemsOfCreate, problemsOfUpdate } from "../testing/create-object.ts";
import { statefulSet } from "./stateful-set.ts";

const SPEC = {
  selector: { matchLabels: { app: "db" } },
  serviceName: "db",
  template: { metadata: { labels: { app: "db" } }, spec: { containers: [{ name: "db", image: "db:1" }] } },
};

test("statefulSet gets Kubernetes' defaults", () => {
  const { spec, status } = createObject(statefulSet, {
    spec: { ...SPEC, volumeClaimTemplates: [{ metadata: { name: "data" } }] },
  });
  const { template: _template, selector: _selector, ...defaults } = spec;
  assert.deepEqual(defaults, {
    replicas: 1,
    serviceName: "db",
    podManagementPolicy: "OrderedReady",
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
    revisionHistoryLimit: 10,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
    volumeClaimTemplates: [
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "data" },
        spec: { resources: {}, volumeMode: "Filesystem" },
        status: { phase: "Pending" },
      },
    ],
  });
  assert.deepEqual(status, { replicas: 0, availableReplicas: 0 });
});

const strategies: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{ type: "RollingUpdate" }, []],
  [{ type: "OnDelete" }, []],
  [
    { type: "OnDelete", rollingUpdate: { partition: 1 } },
    [
      "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for updateStrategy 'RollingUpdate'",
    ],
  ],
  [
    { rollingUpdate: { partition: -1, maxUnavailable: 0 } },
    [
      "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0",
      "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0",
    ],
  ],
];

for (const [updateStrategy, texts] of strategies) {
  test(`statefulSet validation gives ${texts.length} problems for ${JSON.stringify(updateStrategy)}`, () => {
    assert.deepEqual(problemsOfCreate(statefulSet, { spec: { ...SPEC, updateStrategy } }), texts);
  });
}

const FORBIDDEN =
  "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

const updates: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{ replicas: 5, minReadySeconds: 3, ordinals: { start: 1 } }, []],
  [{ updateStrategy: { type: "OnDelete" } }, []],
  [{ persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete" } }, []],
  [{ serviceName: "other" }, [FORBIDDEN]],
  [{ podManagementPolicy: "Parallel" }, [FORBIDDEN]],
  [{ volumeClaimTemplates: [{ metadata: { name: "data" } }] }, [FORBIDDEN]],
  [{ revisionHistoryLimit: 3 }, [FORBIDDEN]],
];

for (const [change, texts] of updates) {
  test(`statefulSet ${texts.length === 0 ? "may" : "may not"} change ${Object.keys(change).join(", ")}`, () => {
    const old = createObject(statefulSet, { spec: SPEC });
    assert.deepEqual(problemsOfUpdate(statefulSet, old, { spec: { ...SPEC, ...change } }), texts);
  });
}

test("statefulSet's cells are kubectl's", () => {
  const object = createObject(statefulSet, { spec: { ...SPEC, replicas: 3 }, status: { readyReplicas: 2 } });
  assert.deepEqual(cellsOf(statefulSet, object), {
    NAME: "web",
    READY: "2/3",
    AGE: "60m",
    CONTAINERS: "db",
    IMAGES: "db:1",
  });
});
