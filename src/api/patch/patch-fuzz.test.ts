import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { isApiError } from "../api-error.ts";
import type { KubeObject } from "../kind.ts";
import { deployment } from "../kinds/deployment.ts";
import { deepFreeze } from "../schema/freeze.ts";
import { serverSideApply } from "./apply/server-side-apply.ts";
import { trackUpdate } from "./apply/track-update.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

const key = fc.constantFrom(
  ...["metadata", "spec", "template", "containers", "volumes", "ports", "env", "labels", "finalizers", "name"],
  ...["$patch", "$retainKeys", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers"],
  ...["containerPort", "protocol", "replicas", "selector", "matchLabels", "managedFields", "fieldsV1", "f:spec"],
  ...["__proto__", "constructor", "uid", "ownerReferences", "image", "status", "conditions", "type"],
);
const scalar = fc.constantFrom<JsonValue>(null, 0, 80, true, "", "a", "delete", "replace", "TCP", "Update");
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: "medium" },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

/** A valid deployment, in which values somewhere are replaced. */
const mutated = fc.array(fc.tuple(fc.nat(), value), { maxLength: 3 }).map((changes) => {
  let object: JsonValue = manifest;
  for (const [place, change] of changes) object = replaceAt(object, place, change);
  return isJsonObject(object) ? object : {};
});

const manifest: JsonObject = deepFreeze({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", labels: { app: "web" }, finalizers: ["a/b"], ownerReferences: [{ uid: "1", kind: "X" }] },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "web" } },
    template: {
      spec: {
        containers: [
          { name: "web", image: "a", ports: [{ containerPort: 80 }], env: [{ name: "A", value: "1" }] },
          { name: "log", args: ["x"] },
        ],
        volumes: [{ name: "data", emptyDir: {} }],
      },
    },
  },
});

/** Walks down by the digits of `place`. */
function replaceAt(object: JsonValue, place: number, change: JsonValue): JsonValue {
  if (typeof object !== "object" || object === null || place % 7 === 0) return change;
  const entries: [string, JsonValue | undefined][] = Object.entries(object);
  const chosen = entries[place % Math.max(1, entries.length)];
  if (chosen === undefined) return change;
  chosen[1] = replaceAt(chosen[1] ?? null, Math.floor(place / 7), change);
  return Array.isArray(object) ? entries.map(([, item]) => item ?? null) : Object.fromEntries(entries);
}

function orApiError<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (isApiError(error) && error.code < 500) return undefined;
    throw error;
  }
}

const live = deepFreeze(
  // The manifest is a valid object.
  trackUpdate(deployment, undefined, manifest as unknown as KubeObject, {
    fieldManager: "a",
    now: new Date(0),
    subresource: "",
  }),
);

test("merge patches give an object or an ApiError, whatever they are", () => {
  fc.assert(
    fc.property(fc.oneof(mutated, value), (patch) => {
      const before = JSON.stringify(manifest);
      orApiError(() => applyMergePatch(manifest, patch));
      if (isJsonObject(patch)) orApiError(() => applyStrategicMergePatch(deployment.schema, manifest, patch));
      assert.equal(JSON.stringify(manifest), before);
    }),
    { numRuns: 3000 },
  );
});

test("serverSideApply gives an object or an ApiError, whatever is applied", () => {
  fc.assert(
    fc.property(mutated, fc.boolean(), (patch, force) => {
      const options = { fieldManager: "kubectl", force, now: new Date(0), subresource: "" };
      const next = orApiError(() => serverSideApply(deployment, live, patch, options));
      if (next === undefined) return;
      assert.equal(typeof next.metadata, "object");
      assert.ok(next.metadata.managedFields?.every(({ fieldsV1 }) => isJsonObject(fieldsV1)));
      orApiError(() => serverSideApply(deployment, undefined, patch, options));
    }),
    { numRuns: 3000 },
  );
});

test("trackUpdate takes whatever the client says about managedFields", () => {
  const entry = fc.record(
    {
      manager: fc.constantFrom("a", "b"),
      operation: fc.constantFrom("Apply", "Update", "Delete"),
      apiVersion: fc.constantFrom("", "apps/v1"),
      fieldsType: fc.constantFrom("FieldsV1", ""),
      fieldsV1: fc.oneof(
        value,
        fc.constant({ "f:spec": { "k:{": {} } }),
        fc.constant({ "f:spec": { "f:replicas": {} } }),
      ),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 3 }), (managedFields) => {
      const next = { ...live, metadata: { ...live.metadata, managedFields }, spec: {} } as unknown as KubeObject;
      const options = { fieldManager: "c", now: new Date(0), subresource: "" };
      const tracked = trackUpdate(deployment, live, next, options);
      assert.ok((tracked.metadata.managedFields ?? []).every(({ fieldsType }) => fieldsType === "FieldsV1"));
    }),
    { numRuns: 2000 },
  );
});
