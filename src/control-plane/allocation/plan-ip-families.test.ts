import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceSpec } from "#api/kinds/service/service-spec.ts";
import { type IpFamilyName, planIpFamilies } from "./plan-ip-families.ts";

const both: readonly IpFamilyName[] = ["IPv4", "IPv6"];
const four: readonly IpFamilyName[] = ["IPv4"];
const selector = { app: "web" };

const plans: readonly {
  readonly title: string;
  readonly spec: ServiceSpec;
  readonly old?: ServiceSpec;
  readonly configured: readonly IpFamilyName[];
  readonly expected: Pick<ServiceSpec, "ipFamilyPolicy" | "ipFamilies">;
}[] = [
  {
    title: "the default family",
    spec: { selector },
    configured: both,
    expected: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] },
  },
  {
    title: "the family of the address",
    spec: { selector, clusterIP: "fd00::1", clusterIPs: ["fd00::1"] },
    configured: both,
    expected: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv6"] },
  },
  {
    title: "both, if it prefers them and can have them",
    spec: { selector, ipFamilyPolicy: "PreferDualStack" },
    configured: both,
    expected: { ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv4", "IPv6"] },
  },
  {
    title: "one, if it prefers both and cannot have them",
    spec: { selector, ipFamilyPolicy: "PreferDualStack" },
    configured: four,
    expected: { ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv4"] },
  },
  {
    title: "both in its own order",
    spec: { selector, ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv6"] },
    configured: both,
    expected: { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv6", "IPv4"] },
  },
  {
    title: "both for no address and no selector",
    spec: { clusterIP: "None", clusterIPs: ["None"] },
    configured: four,
    expected: { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] },
  },
  {
    title: "the default family for no address",
    spec: { selector, clusterIP: "None", clusterIPs: ["None"] },
    configured: both,
    expected: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] },
  },
  {
    title: "what it had, when it says nothing new",
    spec: { selector, clusterIPs: ["10.96.0.1", "fd00::1"], ipFamilies: ["IPv4", "IPv6"] },
    old: {
      selector,
      clusterIPs: ["10.96.0.1", "fd00::1"],
      ipFamilies: ["IPv4", "IPv6"],
      ipFamilyPolicy: "RequireDualStack",
    },
    configured: both,
    expected: { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] },
  },
  {
    title: "no second family because the cluster has one now",
    spec: { selector, clusterIPs: ["10.96.0.1"], ipFamilies: ["IPv4"], ipFamilyPolicy: "PreferDualStack" },
    old: { selector, clusterIPs: ["10.96.0.1"], ipFamilies: ["IPv4"], ipFamilyPolicy: "PreferDualStack" },
    configured: both,
    expected: { ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv4"] },
  },
  { title: "nothing for ExternalName", spec: { type: "ExternalName" }, configured: both, expected: {} },
];
for (const { title, spec, old, configured, expected } of plans) {
  test(`planIpFamilies gives ${title}`, () => {
    const plan = planIpFamilies(spec, old, configured);
    assert.deepEqual(plan.errors, []);
    const { ipFamilyPolicy, ipFamilies } = plan.spec;
    assert.deepEqual({ ...(ipFamilyPolicy && { ipFamilyPolicy }), ...(ipFamilies && { ipFamilies }) }, expected);
  });
}

const refused: readonly { readonly spec: ServiceSpec; readonly field: string; readonly message: string }[] = [
  {
    spec: { selector, ipFamilyPolicy: "RequireDualStack" },
    field: "spec.ipFamilyPolicy",
    message: 'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
  },
  {
    spec: { selector, ipFamilies: ["IPv6"] },
    field: "spec.ipFamilies[0]",
    message: 'Invalid value: "IPv6": not configured on this cluster',
  },
  {
    spec: { selector, clusterIPs: ["fd00::1"] },
    field: "spec.clusterIPs[0]",
    message: 'Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster',
  },
  {
    spec: { selector, ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "SingleStack" },
    field: "spec.ipFamilyPolicy",
    message:
      "Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
  },
];
for (const { spec, field, message } of refused) {
  test(`planIpFamilies refuses ${JSON.stringify(spec)} with IPv4 only`, () => {
    const [error] = planIpFamilies(spec, undefined, four).errors;
    assert.deepEqual([error?.field, error?.message], [field, message]);
  });
}
