import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import type { AuthorizationRequest } from "../authorization/authorizer.ts";
import { createReviewAnswerer } from "./review-answerer.ts";
import { asJson } from "./stored-object.ts";
import { context, createTestApi, rejects } from "./testing/test-api.ts";

const user = { name: "alice", groups: ["system:authenticated"] };
const asked: AuthorizationRequest[] = [];
const reviews = createReviewAnswerer({
  authorizer: {
    authorize(request) {
      asked.push(request);
      return { isAllowed: request.user.name === "alice", reason: "" };
    },
  },
  rules: {
    rulesFor: () => ({
      rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
      isIncomplete: false,
      errors: [],
    }),
  },
  reviewToken: async (token) => (token === "good" ? { user, audiences: ["api"] } : undefined),
});

const resourceAttributes = { verb: "get", resource: "pods", namespace: "default" };
const answers: readonly { readonly resource: string; readonly spec: JsonObject; readonly status: JsonObject }[] = [
  {
    resource: "selfsubjectaccessreviews.authorization.k8s.io",
    spec: { resourceAttributes },
    status: { allowed: true },
  },
  {
    resource: "subjectaccessreviews.authorization.k8s.io",
    spec: { resourceAttributes, user: "bob" },
    status: { allowed: false },
  },
  {
    resource: "localsubjectaccessreviews.authorization.k8s.io",
    spec: { resourceAttributes, user: "alice" },
    status: { allowed: true },
  },
  {
    resource: "selfsubjectrulesreviews.authorization.k8s.io",
    spec: { namespace: "default" },
    status: {
      resourceRules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
      nonResourceRules: [],
      incomplete: false,
    },
  },
  {
    resource: "selfsubjectreviews.authentication.k8s.io",
    spec: {},
    status: { userInfo: { username: "alice", groups: ["system:authenticated"] } },
  },
  {
    resource: "tokenreviews.authentication.k8s.io",
    spec: { token: "bad" },
    status: { authenticated: false, user: {} },
  },
  {
    resource: "tokenreviews.authentication.k8s.io",
    spec: { token: "good" },
    status: { authenticated: true, user: { username: "alice", groups: ["system:authenticated"] }, audiences: ["api"] },
  },
];
for (const { resource, spec, status } of answers) {
  test(`createReviewAnswerer answers ${resource} ${JSON.stringify(spec)}`, async () => {
    const { api, target } = await createTestApi({ deps: { reviews } });
    const body = Object.keys(spec).length === 0 ? {} : { spec };
    const answer = await api.create(target(resource), body, context({ user }));
    assert.deepEqual(asJson(answer)["status"], status);
  });
}

test("createReviewAnswerer gets no review that is not valid", async () => {
  const { api, target } = await createTestApi({ deps: { reviews } });
  const before = asked.length;
  await rejects(api.create(target("subjectaccessreviews.authorization.k8s.io"), { spec: {} }, context()), {
    code: 422,
  });
  assert.equal(asked.length, before);
});
