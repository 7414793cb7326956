/** CustomResourceDefinitions for tests, as a client sends them. */
import { applyMergePatch } from "#api/patch/merge-patch.ts";
import type { JsonObject } from "#base/json.ts";

const text: JsonObject = { type: "string" };

/** Of objects that use most of what a schema can say. */
export const cronTabSchema: JsonObject = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["cronSpec"],
      properties: {
        cronSpec: { type: "string", pattern: "^\\S+( \\S+){4}$" },
        image: { type: "string", default: "nginx" },
        replicas: { type: "integer", minimum: 1, maximum: 10, default: 1 },
        port: { "x-kubernetes-int-or-string": true },
        tags: { type: "array", items: text, "x-kubernetes-list-type": "set" },
        ports: {
          type: "array",
          items: { type: "object", required: ["name"], properties: { name: text, port: { type: "integer" } } },
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
        },
        extra: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        note: { type: "string", nullable: true },
      },
    },
    status: { type: "object", properties: { replicas: { type: "integer" }, labelSelector: text, phase: text } },
  },
};

export const cronTabVersion: JsonObject = {
  name: "v1",
  served: true,
  storage: true,
  schema: { openAPIV3Schema: cronTabSchema },
  subresources: {
    status: {},
    scale: {
      specReplicasPath: ".spec.replicas",
      statusReplicasPath: ".status.replicas",
      labelSelectorPath: ".status.labelSelector",
    },
  },
  selectableFields: [{ jsonPath: ".spec.image" }],
  additionalPrinterColumns: [{ name: "Spec", type: "string", jsonPath: ".spec.cronSpec" }],
};

/** "crontabs.example.com", changed by a merge patch. */
export function cronTabs(patch: JsonObject = {}): JsonObject {
  const manifest: JsonObject = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "crontabs.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "crontabs", kind: "CronTab", shortNames: ["ct"] },
      versions: [cronTabVersion],
    },
  };
  // Of an object and an object it makes an object.
  return applyMergePatch(manifest, patch) as JsonObject;
}

export function cronTab(name: string, spec: JsonObject = {}, others: JsonObject = {}): JsonObject {
  return {
    apiVersion: "example.com/v1",
    kind: "CronTab",
    metadata: { name },
    spec: { cronSpec: "* * * * *", ...spec },
    ...others,
  };
}
