import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterRole } from "#api/kinds/rbac/cluster-role.ts";
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import { aggregatedRules } from "./aggregated-rules.ts";
import { createRbacIndex } from "./rbac-index.ts";
import { clusterRole } from "./testing/rbac-objects.ts";

const get = (resource: string): PolicyRule => ({ verbs: ["get"], apiGroups: [""], resources: [resource] });

function labelled(plain: ClusterRole, label: string, collects?: string): ClusterRole {
  const selectors = collects === undefined ? undefined : [{ matchLabels: { [collects]: "true" } }];
  return {
    ...plain,
    metadata: { ...plain.metadata, labels: { [label]: "true" } },
    ...(selectors && { aggregationRule: { clusterRoleSelectors: selectors } }),
  };
}

const roles = [
  labelled(clusterRole("top", get("ignored")), "none", "to-top"),
  labelled(clusterRole("middle"), "to-top", "to-middle"),
  labelled(clusterRole("z", get("pods")), "to-middle"),
  labelled(clusterRole("a", get("services"), get("pods")), "to-middle"),
  labelled(clusterRole("own", get("nodes")), "to-top"),
  labelled(clusterRole("else", get("secrets")), "unrelated"),
];
const find = (name: string) => roles.find(({ metadata }) => metadata.name === name) ?? clusterRole("missing");

test("aggregatedRules gives the own rules of a role without aggregationRule", () => {
  assert.deepEqual(aggregatedRules(find("a"), roles), [get("services"), get("pods")]);
  assert.deepEqual(aggregatedRules(clusterRole("empty"), roles), []);
});

test("aggregatedRules collects through other aggregated roles, each rule once, in the order of names", () => {
  assert.deepEqual(aggregatedRules(find("middle"), roles), [get("services"), get("pods")]);
  assert.deepEqual(aggregatedRules(find("top"), roles), [get("services"), get("pods"), get("nodes")]);
});

test("aggregatedRules ends when roles select each other", () => {
  const one = labelled(clusterRole("one"), "to-two", "to-one");
  const two = labelled(clusterRole("two"), "to-one", "to-two");
  const part = labelled(clusterRole("part", get("pods")), "to-two");
  assert.deepEqual(aggregatedRules(one, [one, two, part]), [get("pods")]);
});

test("RbacIndex works aggregated roles out anew when any cluster role changes", () => {
  const index = createRbacIndex({ clusterRoles: roles });
  const rules = () => index.rulesOf({ kind: "ClusterRole", name: "middle" }, undefined);
  assert.deepEqual(rules(), [get("services"), get("pods")]);
  assert.equal(rules(), rules());
  index.clusterRoles.put(labelled(clusterRole("a", get("configmaps")), "to-middle"));
  assert.deepEqual(rules(), [get("configmaps"), get("pods")]);
  index.clusterRoles.remove(find("z"));
  assert.deepEqual(rules(), [get("configmaps")]);
});
