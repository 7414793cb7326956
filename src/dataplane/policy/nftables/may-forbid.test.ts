import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import type { DirectionRules, PodDirection, PodRules, PolicyRule } from "#policy/rule-model.ts";
import { directionMayForbid, podMayForbid } from "./may-forbid.ts";

function rulesOf(...rules: readonly Partial<PolicyRule>[]): DirectionRules {
  const whole = rules.map(
    (rule, index): PolicyRule => ({ id: `p ingress ${index}`, action: "accept", peers: ["a"], ports: "any", ...rule }),
  );
  return { policy: "p", direction: "ingress", rules: whole };
}

test("directionMayForbid: rules that accept and only become more forbid nothing", () => {
  const one = rulesOf({});
  assert.equal(directionMayForbid(undefined, one), false);
  assert.equal(directionMayForbid(one, rulesOf({ peers: ["b"] }, {})), false, "the same one, in another place");
  assert.equal(directionMayForbid(one, rulesOf({ peers: ["b"] })), true);
  assert.equal(directionMayForbid(one, undefined), true);
  assert.equal(directionMayForbid(undefined, rulesOf({ action: "deny" })), true);
  assert.equal(directionMayForbid(rulesOf({ action: "pass" }), rulesOf({ action: "pass" }, {})), true);
});

const NOTHING: PodDirection = { admin: [], network: [], baseline: [] };
const [ADDRESS, OTHER] = [parseAddress("10.0.0.1"), parseAddress("10.0.0.2")];

function podOf(ingress: Partial<PodDirection>, addresses = [ADDRESS]): PodRules {
  return { pod: "default/web", addresses, ingress: { ...NOTHING, ...ingress }, egress: NOTHING };
}

test("podMayForbid: one more policy forbids nothing where another one isolates already", () => {
  const isolated = podOf({ network: ["a"] });
  assert.equal(podMayForbid(isolated, podOf({ network: ["a", "b"] })), false);
  assert.equal(podMayForbid(isolated, podOf({ network: ["a"] }, [ADDRESS, OTHER])), false);
  assert.equal(podMayForbid(podOf({}), isolated), true, "it isolates");
  assert.equal(podMayForbid(isolated, podOf({ network: ["b"] })), true);
  assert.equal(podMayForbid(isolated, podOf({ network: ["a"], admin: ["c"] })), true);
  assert.equal(podMayForbid(podOf({ baseline: ["c"] }), podOf({})), true);
  assert.equal(podMayForbid(isolated, podOf({ network: ["a"] }, [OTHER])), true);
  assert.equal(podMayForbid(isolated, undefined), true);
});
