import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import { ruleAllows } from "./rule-allows.ts";
import { request, user } from "./testing/rbac-objects.ts";

const READ_PODS: PolicyRule = { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] };
const EVERYTHING: PolicyRule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };
const SCALE: PolicyRule = { verbs: ["get"], apiGroups: ["*"], resources: ["*/scale"] };
const ONE_SECRET: PolicyRule = { verbs: ["get"], apiGroups: [""], resources: ["secrets"], resourceNames: ["tls"] };
const LOGS: PolicyRule = { verbs: ["get"], apiGroups: [""], resources: ["pods/log"] };
const PATHS: PolicyRule = { verbs: ["get"], nonResourceURLs: ["/healthz", "/apis/*"] };
const ALL_PATHS: PolicyRule = { verbs: ["*"], nonResourceURLs: ["*"] };

const cases: readonly (readonly [rule: PolicyRule, request: string, isAllowed: boolean])[] = [
  [READ_PODS, "get pods", true],
  [READ_PODS, "get pods web", true],
  [READ_PODS, "delete pods", false],
  [READ_PODS, "get services", false],
  [READ_PODS, "get pods/log web", false],
  [READ_PODS, "get metrics/pods/", false],
  [EVERYTHING, "delete apps/deployments/", true],
  [EVERYTHING, "get apps/deployments/scale", true],
  [EVERYTHING, "get /healthz", false],
  [SCALE, "get apps/deployments/scale web", true],
  [SCALE, "get apps/deployments/ web", false],
  [SCALE, "get apps/deployments/status web", false],
  [LOGS, "get pods/log", true],
  [LOGS, "get pods", false],
  [ONE_SECRET, "get secrets tls", true],
  [ONE_SECRET, "get secrets other", false],
  [ONE_SECRET, "get secrets", false],
  [PATHS, "get /healthz", true],
  [PATHS, "get /healthz/etcd", false],
  [PATHS, "get /apis/apps/v1", true],
  [PATHS, "get /apis", false],
  [PATHS, "post /healthz", false],
  [PATHS, "get pods", false],
  [ALL_PATHS, "post /anything", true],
  [{ verbs: [], apiGroups: ["*"], resources: ["*"] }, "get pods", false],
  [{ verbs: ["get"] }, "get pods", false],
  [{}, "get pods", false],
];

for (const [rule, text, isAllowed] of cases) {
  test(`ruleAllows: ${JSON.stringify(rule)} ${isAllowed ? "allows" : "does not allow"} ${text}`, () => {
    assert.equal(ruleAllows(rule, request(user("jane"), text, "default")), isAllowed);
  });
}
