import assert from "node:assert/strict";
import { test } from "node:test";
import { statusOf } from "#api/api-error.ts";
import { accessDeniedError } from "./access-denied.ts";
import { request, user } from "./testing/rbac-objects.ts";

const jane = user("jane");
const cases: readonly (readonly [text: string, namespace: string | undefined, message: string])[] = [
  [
    "list pods",
    "default",
    'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
  ],
  [
    "list nodes",
    undefined,
    'nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope',
  ],
  [
    "get apps/deployments/ web",
    "default",
    'deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" in the namespace "default"',
  ],
  [
    "create pods/exec web",
    "default",
    'pods "web" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "default"',
  ],
  ["get /metrics", undefined, 'forbidden: User "jane" cannot get path "/metrics"'],
];

for (const [text, namespace, message] of cases) {
  test(`accessDeniedError of "${text}"`, () => {
    const error = accessDeniedError(request(jane, text, namespace), { isAllowed: false, reason: "" });
    assert.equal(error.message, message);
    assert.deepEqual([error.code, error.reason], [403, "Forbidden"]);
  });
}

test("accessDeniedError adds the reason and details", () => {
  const asked = request(jane, "get apps/deployments/ web", "default");
  const error = accessDeniedError(asked, { isAllowed: false, reason: "RBAC: broken" });
  assert.match(error.message, / in the namespace "default": RBAC: broken$/);
  assert.deepEqual(statusOf(error).details, { name: "web", group: "apps", kind: "deployments" });
});
