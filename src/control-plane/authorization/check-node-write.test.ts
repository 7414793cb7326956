import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#api/kind.ts";
import { checkNodeWrite, type NodeWrite } from "./check-node-write.ts";
import { user } from "./testing/rbac-objects.ts";

const n1 = user("system:node:n1", "system:nodes");
const pods = {
  pod: (namespace: string, name: string) =>
    namespace === "default" && (name === "web" || name === "db")
      ? {
          metadata: { namespace, name, uid: `${name}-uid` },
          spec: { nodeName: name === "web" ? "n1" : "n2", containers: [] },
        }
      : undefined,
};

function object(name: string, more: Readonly<Record<string, unknown>> = {}, labels = {}): KubeObject {
  return { apiVersion: "v1", kind: "X", metadata: { name, labels }, ...more };
}

function check(resource: string, next: KubeObject, more: Partial<NodeWrite> = {}): string | undefined {
  const [group = "", plural = "", subresource = ""] = resource.split("/");
  return checkNodeWrite(pods, {
    user: n1,
    group,
    resource: plural,
    subresource,
    object: next,
    old: undefined,
    namespace: "default",
    ...more,
  });
}

const token = (boundObjectRef?: unknown) => object("", { spec: { audiences: [], boundObjectRef } });
const trusted = { "example.com.node-restriction.kubernetes.io/trusted": "yes" };
const tainted = { spec: { taints: [{ key: "a", effect: "NoSchedule" }] } };
const notBound = "node requested token not bound to a pod";

const cases: readonly (readonly [what: string, actual: string | undefined, expected: string | undefined])[] = [
  ["its own Node", check("/nodes/", object("n1")), undefined],
  ["another Node", check("/nodes/", object("n2")), 'node "n1" is not allowed to modify node "n2"'],
  ["taints of its new Node", check("/nodes/", object("n1", tainted)), undefined],
  [
    "changed taints",
    check("/nodes/", object("n1", tainted), { old: object("n1") }),
    'node "n1" is not allowed to modify taints',
  ],
  ["unchanged taints", check("/nodes/", object("n1", tainted), { old: object("n1", tainted) }), undefined],
  ["plain labels", check("/nodes/", object("n1", {}, { a: "b" }), { old: object("n1") }), undefined],
  [
    "labels that set it apart",
    check("/nodes/", object("n1", {}, trusted), { old: object("n1") }),
    "is not allowed to modify labels: example.com.node-restriction.kubernetes.io/trusted",
  ],
  [
    "taking such labels away by status",
    check("/nodes/status", object("n1"), { old: object("n1", {}, trusted) }),
    "is not allowed to modify labels: example.com.node-restriction.kubernetes.io/trusted",
  ],
  ["its own Lease", check("coordination.k8s.io/leases/", object("n1")), undefined],
  [
    "another Lease",
    check("coordination.k8s.io/leases/", object("n2")),
    "can only access node lease with the same name as the requesting node",
  ],
  ["a token without bound", check("/serviceaccounts/token", token()), notBound],
  [
    "a token bound to a Secret",
    check("/serviceaccounts/token", token({ kind: "Secret", name: "a", uid: "1" })),
    notBound,
  ],
  [
    "a token without uid",
    check("/serviceaccounts/token", token({ kind: "Pod", name: "web" })),
    "node requested token bound to a pod without a uid",
  ],
  [
    "a token of its pod",
    check("/serviceaccounts/token", token({ kind: "Pod", name: "web", uid: "web-uid" })),
    undefined,
  ],
  [
    "a token of an earlier pod",
    check("/serviceaccounts/token", token({ kind: "Pod", name: "web", uid: "old" })),
    "the UID in the bound object reference (old) does not match the UID in record",
  ],
  [
    "a token of another node's pod",
    check("/serviceaccounts/token", token({ kind: "Pod", name: "db", uid: "db-uid" })),
    "node requested token bound to a pod scheduled on a different node",
  ],
  ["something else", check("/events/", object("e")), undefined],
  ["another Node, as somebody else", check("/nodes/", object("n2"), { user: user("jane") }), undefined],
];

for (const [what, actual, expected] of cases) {
  test(`checkNodeWrite ${expected === undefined ? "allows" : "forbids"} ${what}`, () => {
    assert.equal(actual, expected);
  });
}
