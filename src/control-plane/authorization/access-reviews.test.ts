import assert from "node:assert/strict";
import { test } from "node:test";
import type { SubjectAccessReview } from "#api/kinds/authorization/subject-access-review.ts";
import {
  answerSelfSubjectAccessReview,
  answerSelfSubjectReview,
  answerSelfSubjectRulesReview,
  answerSubjectAccessReview,
  answerTokenReview,
} from "./access-reviews.ts";
import { nodeAuthorizer } from "./node-authorizer.ts";
import { rbacAuthorizer } from "./rbac-authorizer.ts";
import { createRbacIndex } from "./rbac-index.ts";
import { clusterRole, clusterRoleBinding, groupSubject, user, userSubject } from "./testing/rbac-objects.ts";
import { mastersAuthorizer, unionAuthorizer } from "./union-authorizer.ts";

const readPods = { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] };
const health = { verbs: ["get"], nonResourceURLs: ["/healthz"] };
const index = createRbacIndex({
  clusterRoles: [clusterRole("reader", readPods, health)],
  clusterRoleBindings: [
    clusterRoleBinding("readers", "reader", userSubject("jane"), groupSubject("readers")),
    clusterRoleBinding("broken", "gone", userSubject("bob")),
  ],
});
const noPods = { podsOnNode: () => [], pod: () => undefined };
const authorizer = unionAuthorizer([mastersAuthorizer, nodeAuthorizer(noPods), rbacAuthorizer(index)]);

const meta = { metadata: {} };
const self = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", ...meta };
const other = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", ...meta };
const rules = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", ...meta };
const pods = { verb: "list", resource: "pods", namespace: "default" };
const reason = 'RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to User "jane"';

test("answerSelfSubjectAccessReview answers for the one who asks", () => {
  const ask = (who: ReturnType<typeof user>, spec: Parameters<typeof answerSelfSubjectAccessReview>[0]["spec"]) =>
    answerSelfSubjectAccessReview({ ...self, spec }, who, authorizer).status;
  assert.deepEqual(ask(user("jane"), { resourceAttributes: pods }), { allowed: true, reason });
  assert.deepEqual(ask(user("eve"), { resourceAttributes: pods }), { allowed: false });
  assert.deepEqual(ask(user("jane"), { resourceAttributes: { ...pods, subresource: "log" } }), { allowed: false });
  assert.deepEqual(ask(user("jane"), { nonResourceAttributes: { path: "/healthz", verb: "get" } }), {
    allowed: true,
    reason,
  });
  assert.deepEqual(ask(user("jane"), { nonResourceAttributes: { path: "/metrics", verb: "get" } }), { allowed: false });
  assert.deepEqual(
    ask(user("root", "system:masters"), { resourceAttributes: { verb: "*", resource: "*", group: "*" } }),
    {
      allowed: true,
    },
  );
});

test("answerSelfSubjectAccessReview keeps the question", () => {
  const review = { ...self, spec: { resourceAttributes: pods } };
  const { status, ...question } = answerSelfSubjectAccessReview(review, user("jane"), authorizer);
  assert.deepEqual(question, review);
  assert.equal(status?.allowed, true);
});

test("answerSubjectAccessReview answers for the one whom the review names", () => {
  const ask = (spec: SubjectAccessReview["spec"]) =>
    answerSubjectAccessReview<SubjectAccessReview>({ ...other, spec }, authorizer).status;
  assert.deepEqual(ask({ user: "jane", resourceAttributes: pods }), { allowed: true, reason });
  assert.equal(ask({ user: "eve", groups: ["readers"], resourceAttributes: pods })?.allowed, true);
  assert.deepEqual(ask({ user: "eve", resourceAttributes: pods }), { allowed: false });
  assert.deepEqual(ask({ user: "bob", resourceAttributes: pods }), {
    allowed: false,
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
  });
});

test("answerSelfSubjectRulesReview lists rules on resources and on paths", () => {
  const ask = (who: ReturnType<typeof user>, namespace: string) =>
    answerSelfSubjectRulesReview({ ...rules, spec: { namespace } }, who, authorizer).status;
  assert.deepEqual(ask(user("jane"), "default"), {
    resourceRules: [readPods],
    nonResourceRules: [health],
    incomplete: false,
  });
  assert.deepEqual(ask(user("bob"), "default"), {
    resourceRules: [],
    nonResourceRules: [],
    incomplete: false,
    evaluationError: 'clusterrole.rbac.authorization.k8s.io "gone" not found',
  });
  assert.deepEqual(ask(user("system:node:n1", "system:nodes"), "default"), {
    resourceRules: [],
    nonResourceRules: [],
    incomplete: true,
    evaluationError: "node authorizer does not support user rule resolution",
  });
  assert.throws(() => ask(user("jane"), ""), { code: 400, message: "no namespace on request" });
});

test("unionAuthorizer joins the reasons of those who do not allow", () => {
  const deny = (why: string) => ({ authorize: () => ({ isAllowed: false, reason: why }) });
  const asked = { type: "path", user: user("jane"), verb: "get", path: "/" } as const;
  assert.deepEqual(unionAuthorizer([deny("a"), deny(""), deny("b")]).authorize(asked), {
    isAllowed: false,
    reason: "a\nb",
  });
  assert.equal(
    unionAuthorizer([deny("a"), { authorize: () => ({ isAllowed: true, reason: "c" }) }]).authorize(asked).reason,
    "c",
  );
});

test("answerSelfSubjectReview says who asks", () => {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview", ...meta };
  const who = { name: "jane", uid: "1", groups: ["devs"], extra: { scope: ["a"] } };
  assert.deepEqual(answerSelfSubjectReview(review, who).status, {
    userInfo: { username: "jane", uid: "1", groups: ["devs"], extra: { scope: ["a"] } },
  });
});

test("answerTokenReview says whose token it is", () => {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", ...meta, spec: { token: "t" } };
  assert.deepEqual(answerTokenReview(review, user("jane", "devs"), ["api"]).status, {
    authenticated: true,
    user: { username: "jane", groups: ["devs"] },
    audiences: ["api"],
  });
  assert.deepEqual(answerTokenReview(review, undefined, []).status, { authenticated: false, user: {} });
});
