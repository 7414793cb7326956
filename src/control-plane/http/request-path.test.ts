import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isApiError } from "#api/api-error.ts";
import { authorizationRequest, nameOf, verbOf } from "./request-info.ts";
import { parseRequestPath, type ResourcePath } from "./request-path.ts";

const PLACE: ResourcePath = {
  type: "resource",
  group: "",
  version: "v1",
  resource: "pods",
  namespace: undefined,
  name: undefined,
  subresource: "",
  rest: "",
  isWatch: false,
};
const APPS = { group: "apps", resource: "deployments" };

for (const [path, expected] of [
  ["/api/v1/pods", {}],
  ["/api/v1/pods/", {}],
  ["/api/v1/namespaces/a/pods", { namespace: "a" }],
  ["/api/v1/namespaces/a/pods/b", { namespace: "a", name: "b" }],
  ["/api/v1/namespaces/a/pods/b/log", { namespace: "a", name: "b", subresource: "log" }],
  [
    "/api/v1/namespaces/a/pods/b%3Ac/proxy/x%2Fy/",
    { namespace: "a", name: "b:c", subresource: "proxy", rest: "/x%2Fy/" },
  ],
  ["/api/v1/namespaces", { resource: "namespaces" }],
  ["/api/v1/namespaces/a", { resource: "namespaces", namespace: "a", name: "a" }],
  ["/api/v1/namespaces/a/status", { resource: "namespaces", namespace: "a", name: "a", subresource: "status" }],
  ["/api/v1/namespaces/a/finalize", { resource: "namespaces", namespace: "a", name: "a", subresource: "finalize" }],
  ["/apis/apps/v1/deployments", APPS],
  ["/apis/apps/v1/namespaces/a/deployments/b/scale", { ...APPS, namespace: "a", name: "b", subresource: "scale" }],
  ["/api/v1/watch/pods", { isWatch: true }],
  ["/api/v1/watch/namespaces/a/pods/b", { isWatch: true, namespace: "a", name: "b" }],
] as const satisfies readonly (readonly [string, Partial<ResourcePath>])[]) {
  test(`parseRequestPath reads ${path}`, () => {
    assert.deepEqual(parseRequestPath(path), { ...PLACE, ...expected });
  });
}

for (const path of [
  "/",
  "/api",
  "/api/v1",
  "/api/v1/",
  "/apis",
  "/apis/apps",
  "/apis/apps/v1",
  "/healthz",
  "/apix/v1/pods",
]) {
  test(`parseRequestPath leaves ${path} to the server`, () => {
    assert.deepEqual(parseRequestPath(path), { type: "other", path });
  });
}

test("parseRequestPath gives back what was encoded, and throws nothing but 400", () => {
  const word = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(word, word, (namespace, name) => {
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
      const parsed = parseRequestPath(path);
      return parsed.type === "resource" && parsed.namespace === namespace && parsed.name === name;
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseRequestPath(`/api/v1/${text}`);
      } catch (error) {
        assert.ok(isApiError(error, "BadRequest"));
      }
    }),
  );
});

for (const [method, path, query, verb] of [
  ["GET", "/api/v1/pods", "", "list"],
  ["GET", "/api/v1/pods", "watch=true", "watch"],
  ["GET", "/api/v1/pods", "watch=1", "watch"],
  ["GET", "/api/v1/pods", "watch=false", "list"],
  ["GET", "/api/v1/namespaces/a/pods/b", "watch=true", "get"],
  ["GET", "/api/v1/watch/namespaces/a/pods/b", "", "watch"],
  ["GET", "/api/v1/namespaces/a/pods/b/exec", "", "get"],
  ["HEAD", "/api/v1/pods", "", undefined],
  ["HEAD", "/api/v1/nodes/a/proxy/x", "", "get"],
  ["POST", "/api/v1/namespaces/a/pods/b/exec", "", "create"],
  ["PUT", "/api/v1/namespaces/a/pods/b", "", "update"],
  ["PATCH", "/api/v1/namespaces/a/pods/b", "", "patch"],
  ["DELETE", "/api/v1/namespaces/a/pods/b", "", "delete"],
  ["DELETE", "/api/v1/namespaces/a/pods", "", "deletecollection"],
  ["TRACE", "/api/v1/pods", "", undefined],
] as const) {
  test(`verbOf says ${verb} for ${method} ${path}?${query}`, () => {
    const parsed = parseRequestPath(path);
    assert.ok(parsed.type === "resource");
    assert.equal(verbOf(method, parsed, new URLSearchParams(query)), verb);
  });
}

test("nameOf takes the name from a selector of one object", () => {
  const name = (selector: string) => nameOf(PLACE, new URLSearchParams({ fieldSelector: selector }));
  assert.equal(name("metadata.name=a"), "a");
  assert.equal(name("spec.nodeName=n,metadata.name==a"), "a");
  assert.equal(name("metadata.name!=a"), undefined);
  assert.equal(name("xmetadata.name=a"), undefined);
});

test("authorizationRequest names resources and paths", () => {
  const user = { name: "jane", groups: [] };
  const ask = (method: string, path: string) =>
    authorizationRequest(user, method, parseRequestPath(path), new URLSearchParams());
  assert.deepEqual(ask("GET", "/metrics"), { type: "path", user, verb: "get", path: "/metrics" });
  assert.deepEqual(ask("PUT", "/apis/apps/v1/namespaces/a/deployments/b/status"), {
    type: "resource",
    user,
    verb: "update",
    group: "apps",
    resource: "deployments",
    subresource: "status",
    namespace: "a",
    name: "b",
  });
});
