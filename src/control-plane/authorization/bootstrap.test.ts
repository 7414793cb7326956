import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterRole } from "#api/kinds/rbac/cluster-role.ts";
import { clusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import { bootstrapClusterRoleBindings } from "./bootstrap-cluster-role-bindings.ts";
import { bootstrapClusterRoles } from "./bootstrap-cluster-roles.ts";
import { rbacAuthorizer } from "./rbac-authorizer.ts";
import { createRbacIndex } from "./rbac-index.ts";
import { request, roleBinding, user, userSubject } from "./testing/rbac-objects.ts";

test("bootstrap roles and bindings are valid, have names of their own, and belong together", () => {
  const names = bootstrapClusterRoles.map(({ metadata }) => metadata.name);
  assert.equal(new Set(names).size, names.length);
  for (const role of bootstrapClusterRoles) assert.deepEqual(clusterRole.validate?.(role), [], role.metadata.name);
  for (const binding of bootstrapClusterRoleBindings) {
    assert.deepEqual(clusterRoleBinding.validate?.(binding), [], binding.metadata.name);
    assert(names.includes(binding.roleRef.name), binding.metadata.name);
  }
});

const in_ = (role: string, who: string) => roleBinding("default", who, "ClusterRole", role, userSubject(who));
const authorizer = rbacAuthorizer(
  createRbacIndex({
    clusterRoles: bootstrapClusterRoles,
    clusterRoleBindings: bootstrapClusterRoleBindings,
    roleBindings: [in_("admin", "ann"), in_("edit", "ed"), in_("view", "vi")],
  }),
);

const root = user("root", "system:masters");
const ann = user("ann");
const ed = user("ed");
const vi = user("vi");
const anybody = user("somebody", "system:authenticated");
const anonymous = user("system:anonymous", "system:unauthenticated");
const scheduler = user("system:kube-scheduler");
const controllers = user("system:kube-controller-manager");
const ROLES = "rbac.authorization.k8s.io/roles/";

const cases: readonly (readonly [
  who: ReturnType<typeof user>,
  text: string,
  namespace: string | undefined,
  isAllowed: boolean,
])[] = [
  [root, "delete nodes n1", undefined, true],
  [root, "post /anything", undefined, true],
  [ann, `create ${ROLES}`, "default", true],
  [ann, "delete pods", "default", true],
  [ann, "get pods", "default", true],
  [ann, `create ${ROLES}`, "other", false],
  [ann, "list nodes", undefined, false],
  [ed, "create apps/deployments/", "default", true],
  [ed, "get secrets", "default", true],
  [ed, "get pods/log web", "default", true],
  [ed, `create ${ROLES}`, "default", false],
  [ed, "patch pods/status web", "default", false],
  [vi, "list pods", "default", true],
  [vi, "get apps/deployments/scale web", "default", true],
  [vi, "get secrets", "default", false],
  [vi, "create pods/exec web", "default", false],
  [vi, "delete pods web", "default", false],
  [anybody, "get /apis/apps/v1", undefined, true],
  [anybody, "get /openapi/v3", undefined, true],
  [anybody, "create authorization.k8s.io/selfsubjectaccessreviews/", undefined, true],
  [anybody, "create authentication.k8s.io/selfsubjectreviews/", undefined, true],
  [anybody, "get /metrics", undefined, false],
  [anybody, "list pods", "default", false],
  [anonymous, "get /healthz", undefined, true],
  [anonymous, "get /version", undefined, true],
  [anonymous, "get /apis", undefined, false],
  [scheduler, "create pods/binding web", "default", true],
  [scheduler, "update coordination.k8s.io/leases/ kube-scheduler", "kube-system", true],
  [scheduler, "update coordination.k8s.io/leases/ other", "kube-system", false],
  [scheduler, "get secrets", "default", false],
  [controllers, "create pods", "default", true],
  [controllers, "patch apps/deployments/status web", "default", true],
  [controllers, "delete example.com/widgets/ w", "default", true],
  [controllers, "create example.com/widgets/", "default", false],
  [user("system:node:n1", "system:nodes"), "list secrets", "default", false],
];

for (const [who, text, namespace, isAllowed] of cases) {
  test(`bootstrap roles ${isAllowed ? "allow" : "do not allow"} ${who.name} to ${text} in ${namespace ?? "the cluster"}`, () => {
    assert.equal(authorizer.authorize(request(who, text, namespace)).isAllowed, isAllowed);
  });
}
