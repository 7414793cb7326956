/** What of a test a running cluster can show: the rest is left out, and noted. Pure. */
import type { Family } from "#base/ip-address.ts";
import { POLICY_PROTOCOLS, type PolicyProtocol } from "#policy/rule-model.ts";
import type { PolicyTest } from "../policy-test.ts";

export function testForCluster(
  test: PolicyTest,
  families: readonly Family[],
  protocols: readonly PolicyProtocol[] = POLICY_PROTOCOLS,
): PolicyTest {
  const between = test.cases.filter(({ from, to }) => from.kind === "pod" && to.kind === "pod");
  const cases = between.filter(({ protocol }) => protocols.includes(protocol));
  const outside = test.cases.length - between.length;
  const others = between.length - cases.length;
  const missing = test.families.filter((family) => !families.includes(family));
  const names = protocols.join(" and ");
  return {
    ...test,
    cases,
    families: test.families.filter((family) => families.includes(family)),
    notes: [
      ...test.notes,
      ...(outside === 0
        ? []
        : [`cases with addresses outside are left out (${outside}): nobody in the cluster has them`]),
      ...(others === 0 ? [] : [`cases of other protocols than ${names} are left out (${others})`]),
      ...missing.map((family) => `IPv${family} is left out: the cluster's pods have no such addresses`),
    ],
  };
}
