import assert from "node:assert/strict";
import { test } from "node:test";
import { type NodePod, type NodePods, nodeAuthorizer, nodeNameOf } from "./node-authorizer.ts";
import { request, user } from "./testing/rbac-objects.ts";

const pods: readonly NodePod[] = [
  {
    metadata: { namespace: "default", name: "web" },
    spec: {
      nodeName: "n1",
      serviceAccountName: "web",
      imagePullSecrets: [{ name: "registry" }],
      containers: [
        {
          name: "main",
          image: "x",
          env: [
            { name: "A", valueFrom: { secretKeyRef: { name: "env-secret", key: "a" } } },
            { name: "B", valueFrom: { configMapKeyRef: { name: "env-map", key: "b" } } },
            { name: "C", value: "c" },
          ],
          envFrom: [{ secretRef: { name: "all-secret" } }, { configMapRef: { name: "all-map" } }],
        },
      ],
      initContainers: [{ name: "init", image: "x", envFrom: [{ secretRef: { name: "init-secret" } }] }],
      ephemeralContainers: [{ name: "debug", image: "x", envFrom: [{ configMapRef: { name: "debug-map" } }] }],
      volumes: [
        { name: "a", secret: { secretName: "volume-secret" } },
        { name: "b", configMap: { name: "volume-map" } },
        {
          name: "c",
          projected: { sources: [{ secret: { name: "part-secret" } }, { configMap: { name: "kube-root-ca.crt" } }] },
        },
        { name: "d", persistentVolumeClaim: { claimName: "disk" } },
        { name: "e", ephemeral: {} },
        { name: "f", csi: { driver: "x", nodePublishSecretRef: { name: "csi-secret" } } },
      ],
    },
  },
  {
    metadata: { namespace: "default", name: "db" },
    spec: {
      nodeName: "n2",
      serviceAccountName: "db",
      containers: [{ name: "main", image: "x", envFrom: [{ secretRef: { name: "db-secret" } }] }],
    },
  },
  { metadata: { namespace: "default", name: "pending" }, spec: { containers: [{ name: "main", image: "x" }] } },
];

const nodePods: NodePods = {
  podsOnNode: (node) => pods.filter(({ spec }) => spec?.nodeName === node),
  pod: (namespace, name) => pods.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
};

const n1 = user("system:node:n1", "system:nodes", "system:authenticated");
const unrelated = "no relationship found between node 'n1' and this object";
const onlyOwnPods = (what: string) => `node "n1" can only ${what} with spec.nodeName set to itself`;
const LEASES = "coordination.k8s.io/leases/";

/** "yes", or the reason of the denial. */
const cases: readonly (readonly [text: string, namespace: string | undefined, answer: string])[] = [
  ["list services", undefined, "yes"],
  ["watch discovery.k8s.io/endpointslices/", undefined, "yes"],
  ["create discovery.k8s.io/endpointslices/", "default", ""],
  ["create events", "default", "yes"],
  ["patch events.k8s.io/events/ e", "default", "yes"],
  ["delete events e", "default", ""],
  ["create authentication.k8s.io/tokenreviews/", undefined, "yes"],
  ["list namespaces", undefined, ""],
  ["get /metrics", undefined, ""],

  ["get nodes n2", undefined, "yes"],
  ["list nodes", undefined, "yes"],
  ["create nodes", undefined, "yes"],
  ["create nodes n2", undefined, 'node "n1" is not allowed to modify node "n2"'],
  ["update nodes n1", undefined, "yes"],
  ["patch nodes n1", undefined, "yes"],
  ["patch nodes n2", undefined, 'node "n1" is not allowed to modify node "n2"'],
  ["patch nodes/status n1", undefined, "yes"],
  ["update nodes/status n2", undefined, 'node "n1" is not allowed to modify node "n2"'],
  ["delete nodes n1", undefined, ""],
  ["get nodes/proxy n1", undefined, ""],
  ["create nodes/status n1", undefined, ""],

  ["get pods db", "default", "yes"],
  ["watch pods", undefined, "yes"],
  ["create pods", "default", ""],
  ["update pods web", "default", ""],
  ["get pods/log web", "default", ""],
  ["create pods/exec web", "default", ""],
  ["update pods/status web", "default", "yes"],
  ["patch pods/status web", "default", "yes"],
  ["patch pods/status db", "default", onlyOwnPods("update pod status for pods")],
  ["patch pods/status web", "other", onlyOwnPods("update pod status for pods")],
  ["patch pods/status pending", "default", onlyOwnPods("update pod status for pods")],
  ["patch pods/status gone", "default", onlyOwnPods("update pod status for pods")],
  ["delete pods web", "default", "yes"],
  ["delete pods db", "default", onlyOwnPods("delete pods")],
  ["deletecollection pods", "default", ""],
  ["create pods/eviction web", "default", "yes"],
  ["create pods/eviction db", "default", onlyOwnPods("evict pods")],
  ["create pods/binding pending", "default", ""],

  ...["registry", "env-secret", "all-secret", "init-secret", "volume-secret", "part-secret", "csi-secret"].map(
    (name) => [`get secrets ${name}`, "default", "yes"] as const,
  ),
  ...["env-map", "all-map", "debug-map", "volume-map", "kube-root-ca.crt"].map(
    (name) => [`watch configmaps ${name}`, "default", "yes"] as const,
  ),
  ["get persistentvolumeclaims disk", "default", "yes"],
  ["get persistentvolumeclaims web-e", "default", "yes"],
  ["get secrets db-secret", "default", unrelated],
  ["get secrets registry", "other", unrelated],
  ["get configmaps registry", "default", unrelated],
  ["list secrets", "default", "No Object name found"],
  ["list secrets", undefined, "can only read namespaced object of this type"],
  ["update secrets registry", "default", "can only read resources of this type"],
  ["create configmaps", "default", "can only read resources of this type"],

  ["create serviceaccounts/token web", "default", "yes"],
  ["create serviceaccounts/token db", "default", unrelated],
  ["create serviceaccounts/token web", "other", unrelated],
  ["create serviceaccounts", "default", "can only create tokens for individual service accounts"],
  ["get serviceaccounts web", "default", "can only create tokens for individual service accounts"],
  ["create serviceaccounts web", "default", "can only create token subresource of serviceaccount"],

  [`get ${LEASES} n1`, "kube-node-lease", "yes"],
  [`create ${LEASES}`, "kube-node-lease", "yes"],
  [`update ${LEASES} n1`, "kube-node-lease", "yes"],
  [`update ${LEASES} n2`, "kube-node-lease", "can only access node lease with the same name as the requesting node"],
  [`update ${LEASES} n1`, "default", 'can only access leases in the "kube-node-lease" system namespace'],
  [`list ${LEASES}`, "kube-node-lease", "can only get, create, update, patch, or delete a node lease"],

  ["create rbac.authorization.k8s.io/roles/", "default", ""],
  ["create apps/deployments/", "default", ""],
];

for (const [text, namespace, answer] of cases) {
  test(`nodeAuthorizer: node n1 and "${text}" in ${namespace ?? "the cluster"}: ${answer === "" ? "no" : answer}`, () => {
    const { isAllowed, reason } = nodeAuthorizer(nodePods).authorize(request(n1, text, namespace));
    assert.deepEqual([isAllowed, reason], answer === "yes" ? [true, ""] : [false, answer]);
  });
}

test("nodeAuthorizer has no opinion about others", () => {
  const authorizer = nodeAuthorizer(nodePods);
  const ask = (who: ReturnType<typeof user>) => authorizer.authorize(request(who, "list services"));
  assert.deepEqual(ask(user("jane")), { isAllowed: false, reason: "" });
  assert.deepEqual(ask(user("system:node:n1")), { isAllowed: false, reason: "" });
  assert.deepEqual(ask(user("n1", "system:nodes")), { isAllowed: false, reason: 'unknown node for user "n1"' });
  assert.deepEqual(ask(user("system:node:", "system:nodes")), {
    isAllowed: false,
    reason: 'unknown node for user "system:node:"',
  });
  assert.equal(nodeNameOf(n1), "n1");
});

test("nodeAuthorizer says that a node's rules cannot be listed", () => {
  const authorizer = nodeAuthorizer(nodePods);
  assert.deepEqual(authorizer.rulesFor(n1, "default"), {
    rules: [],
    isIncomplete: true,
    errors: ["node authorizer does not support user rule resolution"],
  });
  assert.deepEqual(authorizer.rulesFor(user("jane"), "default"), { rules: [], isIncomplete: false, errors: [] });
});
