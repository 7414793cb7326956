import assert from "node:assert/strict";
import { test } from "node:test";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { defineKind, type Kind } from "../kind.ts";
import { kinds } from "../kinds.ts";
import { openApiDocument } from "./open-api.ts";
import { any, field, int64, list, type NumberSchema, object, setOf, string } from "./schema.ts";

function at(value: JsonValue | undefined, ...way: readonly string[]): JsonValue | undefined {
  return way.reduce<JsonValue | undefined>((from, name) => (isJsonObject(from) ? from[name] : undefined), value);
}

function documentOf(group: string, version: string, custom: readonly Kind[] = []): JsonObject {
  const members = kinds.filter((kind) => kind.group === group && kind.version === version);
  return openApiDocument({ group, version }, [...members, ...custom]);
}

const core = documentOf("", "v1");
const apps = documentOf("apps", "v1");
const POD_SPEC = "io.k8s.api.core.v1.PodSpec";
const component = (document: JsonObject, name: string) => at(document, "components", "schemas", name);
const property = (document: JsonObject, name: string, member: string) =>
  at(component(document, name), "properties", member);

/** All $refs below. */
function referencesIn(value: JsonValue | undefined): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => (name === "$ref" ? [String(member)] : referencesIn(member)));
}

for (const [name, document] of [
  ["core", core],
  ["apps", apps],
] as const) {
  test(`openApiDocument of ${name} has every component that it refers to`, () => {
    const references = new Set(referencesIn(document));
    assert.ok(references.size > 10);
    for (const reference of references) {
      const [, component = ""] = reference.split("#/components/schemas/");
      assert.ok(at(document, "components", "schemas", component), reference);
    }
  });
}

test("openApiDocument says how lists and messages merge", () => {
  const volumes = property(core, POD_SPEC, "volumes");
  assert.equal(at(volumes, "x-kubernetes-list-type"), "map");
  assert.deepEqual(at(volumes, "x-kubernetes-list-map-keys"), ["name"]);
  assert.equal(at(volumes, "x-kubernetes-patch-merge-key"), "name");
  assert.equal(at(volumes, "x-kubernetes-patch-strategy"), "merge,retainKeys");
  const ports = property(core, "io.k8s.api.core.v1.Container", "ports");
  assert.deepEqual(at(ports, "x-kubernetes-list-map-keys"), ["containerPort", "protocol"]);
  assert.equal(at(ports, "x-kubernetes-patch-merge-key"), "containerPort");
  assert.equal(at(property(core, POD_SPEC, "tolerations"), "x-kubernetes-list-type"), "atomic");
  const finalizers = property(core, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "finalizers");
  assert.equal(at(finalizers, "x-kubernetes-list-type"), "set");
  assert.equal(at(finalizers, "x-kubernetes-patch-strategy"), "merge");
  assert.equal(
    at(property(apps, "io.k8s.api.apps.v1.DeploymentSpec", "strategy"), "x-kubernetes-patch-strategy"),
    "retainKeys",
  );
  assert.equal(
    at(component(apps, "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"), "x-kubernetes-map-type"),
    "atomic",
  );
});

test("openApiDocument says types, formats, allowed values, defaults and what must be there", () => {
  const container = "io.k8s.api.core.v1.Container";
  assert.deepEqual(at(component(core, container), "required"), ["name", "image"]);
  assert.equal(at(property(core, "io.k8s.api.core.v1.ContainerPort", "protocol"), "default"), "TCP");
  assert.deepEqual(at(property(core, "io.k8s.api.core.v1.ContainerPort", "protocol"), "enum"), ["SCTP", "TCP", "UDP"]);
  assert.equal(at(property(core, "io.k8s.api.core.v1.ContainerPort", "containerPort"), "format"), "int32");
  const resources = property(core, container, "resources");
  assert.deepEqual(at(resources, "allOf"), [{ $ref: "#/components/schemas/io.k8s.api.core.v1.ResourceRequirements" }]);
  assert.deepEqual(at(resources, "default"), {});
  assert.equal(at(resources, "$ref"), undefined);
  const data = property(core, "io.k8s.api.core.v1.Secret", "data");
  assert.equal(at(data, "additionalProperties", "format"), "byte");
});

test("openApiDocument names the kinds of components", () => {
  assert.deepEqual(at(component(apps, "io.k8s.api.apps.v1.Deployment"), "x-kubernetes-group-version-kind"), [
    { group: "apps", version: "v1", kind: "Deployment" },
  ]);
  assert.deepEqual(at(component(apps, "io.k8s.api.apps.v1.DeploymentList"), "x-kubernetes-group-version-kind"), [
    { group: "apps", version: "v1", kind: "DeploymentList" },
  ]);
});

test("openApiDocument offers on PATCH what kubectl looks for", () => {
  const patch = at(core, "paths", "/api/v1/namespaces/{namespace}/pods/{name}", "patch");
  const parameters = at(patch, "parameters");
  assert.ok(Array.isArray(parameters));
  assert.deepEqual(
    parameters.map((parameter: JsonObject) => [parameter["in"], parameter["name"]]),
    [
      ["query", "dryRun"],
      ["query", "fieldManager"],
      ["query", "fieldValidation"],
      ["query", "force"],
    ],
  );
  assert.deepEqual(at(patch, "x-kubernetes-group-version-kind"), { group: "", version: "v1", kind: "Pod" });
  assert.ok(at(patch, "requestBody", "content", "application/strategic-merge-patch+json"));
});

test("openApiDocument has the paths of each kind, and no others", () => {
  const paths = Object.keys((at(apps, "paths") ?? {}) as JsonObject).filter((path) => path.includes("deployments"));
  const root = "/apis/apps/v1/namespaces/{namespace}/deployments";
  assert.deepEqual(paths.sort(), [
    "/apis/apps/v1/deployments",
    root,
    `${root}/{name}`,
    `${root}/{name}/scale`,
    `${root}/{name}/status`,
  ]);
  assert.deepEqual(Object.keys(at(apps, "paths", root) as JsonObject).sort(), ["delete", "get", "parameters", "post"]);
  assert.equal(at(apps, "paths", root, "get", "x-kubernetes-action"), "list");
  assert.deepEqual(at(apps, "paths", `${root}/{name}/scale`, "patch", "x-kubernetes-group-version-kind"), {
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
  });
  assert.ok(at(core, "paths", "/api/v1/nodes/{name}"));
  assert.equal(at(core, "paths", "/api/v1/namespaces/{namespace}/nodes"), undefined);
  assert.deepEqual(at(documentOf("autoscaling", "v1"), "paths"), {});
});

test("openApiDocument offers no strategic merge patch for custom kinds", () => {
  const custom = defineKind({
    group: "example.com",
    version: "v1",
    kind: "Widget",
    plural: "widgets",
    doc: "A widget.",
    schemaName: "com.example.v1.Widget",
    isCustom: true,
    fields: {
      size: field(0, int64, "Size."),
      names: field(0, setOf(string, { patchMerge: false }), "Names."),
      ratio: field(0, { type: "number" } satisfies NumberSchema, "Ratio."),
      raw: field(0, any, "Anything."),
      few: field(
        0,
        { ...list(object("com.example.v1.Open", "Open.", {}, { keepsUnknown: true })), maxItems: 3 },
        "A few.",
      ),
    },
  });
  const document = documentOf("example.com", "v1", [custom]);
  const content = at(
    document,
    "paths",
    "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}",
    "patch",
    "requestBody",
    "content",
  );
  assert.deepEqual(Object.keys((content ?? {}) as JsonObject), [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
  ]);
  assert.equal(at(property(document, "com.example.v1.Widget", "few"), "maxItems"), 3);
  assert.equal(at(component(document, "com.example.v1.Open"), "x-kubernetes-preserve-unknown-fields"), true);
  assert.equal(at(property(document, "com.example.v1.Widget", "names"), "x-kubernetes-patch-strategy"), undefined);
});
