import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError } from "#api/api-error.ts";
import { negotiate, parseAccept } from "./accept.ts";

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";

for (const [header, format, representation] of [
  [undefined, "json", { type: "object" }],
  ["", "json", { type: "object" }],
  ["*/*", "json", { type: "object" }],
  ["application/json", "json", { type: "object" }],
  ["application/vnd.kubernetes.protobuf,application/json", "json", { type: "object" }],
  ["application/yaml", "yaml", { type: "object" }],
  ["application/yaml;q=0.5, application/json", "json", { type: "object" }],
  [`${TABLE},${TABLE.replace("v1", "v1beta1")},application/json`, "json", { type: "table", version: "v1" }],
  ["application/json;as=Table;v=v1beta1;g=meta.k8s.io", "json", { type: "table", version: "v1beta1" }],
  ["application/json;as=Table;v=v9;g=meta.k8s.io,application/json", "json", { type: "object" }],
  ["application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "json", { type: "metadata", version: "v1" }],
  ["application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "json", { type: "metadata", version: "v1" }],
  ["application/json;stream=watch", "json", { type: "object" }],
] as const) {
  test(`negotiate answers ${JSON.stringify(header)}`, () => {
    assert.deepEqual(negotiate(header), { format, representation });
  });
}

for (const header of [
  "application/vnd.kubernetes.protobuf",
  "text/html",
  "application/json;q=0",
  "application/json;as=Nonsense",
]) {
  test(`negotiate refuses ${header}`, () => {
    assert.throws(
      () => negotiate(header),
      (error) => isApiError(error, "NotAcceptable"),
    );
  });
}

test("parseAccept sorts by quality and keeps the order of equals", () => {
  const types = parseAccept("a/a;q=0.1, b/b, c/c;q=0.9, d/d").map(({ type }) => type);
  assert.deepEqual(types, ["b/b", "d/d", "c/c", "a/a"]);
});
