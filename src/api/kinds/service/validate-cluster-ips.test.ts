import assert from "node:assert/strict";
import { test } from "node:test";
import { describeFieldError } from "../../field-error.ts";
import type { ServiceSpec } from "./service-spec.ts";
import { validateClusterIps, validateClusterIpsUpdate } from "./validate-cluster-ips.ts";

const V4 = "10.0.0.1";
const V6 = "2001:db8::1";

const problems: readonly (readonly [ServiceSpec, readonly string[]])[] = [
  [{}, []],
  [{ clusterIP: V4, clusterIPs: [V4, V6], ipFamilies: ["IPv4", "IPv6"] }, []],
  [{ clusterIP: "None", clusterIPs: ["None"], ipFamilies: ["IPv6"] }, []],
  [
    { clusterIPs: [V4] },
    ['spec.clusterIPs: Invalid value: ["10.0.0.1"]: must be empty when `clusterIP` is not specified'],
  ],
  [
    { clusterIP: V6, clusterIPs: [V4] },
    ['spec.clusterIPs: Invalid value: ["10.0.0.1"]: first value must match `clusterIP`'],
  ],
  [
    { clusterIP: V4, clusterIPs: [V4, "10.0.0.2"] },
    ['spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family'],
  ],
  [
    { clusterIP: "None", clusterIPs: ["None", V4] },
    ['spec.clusterIPs: Invalid value: ["None","10.0.0.1"]: \'None\' must be the first and only value'],
  ],
  [
    { clusterIP: "web", clusterIPs: ["web"] },
    ['spec.clusterIPs[0]: Invalid value: "web": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  ],
  [
    { clusterIP: V4, clusterIPs: [V4], ipFamilies: ["IPv6"] },
    ['spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`'],
  ],
  [{ ipFamilies: ["IPv4", "IPv4"] }, ['spec.ipFamilies[1]: Duplicate value: "IPv4"']],
];

for (const [spec, texts] of problems) {
  test(`validateClusterIps gives ${texts.join(", ") || "no problem"} for ${JSON.stringify(spec)}`, () => {
    assert.deepEqual(validateClusterIps(spec).map(describeFieldError), texts);
  });
}

const single: ServiceSpec = { type: "ClusterIP", clusterIP: V4, clusterIPs: [V4], ipFamilies: ["IPv4"] };
const dual: ServiceSpec = { ...single, clusterIPs: [V4, V6], ipFamilies: ["IPv4", "IPv6"] };

const updates: readonly (readonly [ServiceSpec, ServiceSpec, readonly string[]])[] = [
  [single, single, []],
  [single, dual, []],
  [dual, { ...single, ipFamilyPolicy: "SingleStack" }, []],
  [{ type: "ClusterIP" }, single, []],
  [single, { type: "ExternalName" }, []],
  [
    single,
    { ...single, clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2"] },
    ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
  ],
  [
    single,
    { ...single, clusterIP: "None", clusterIPs: ["None"] },
    ['spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'],
  ],
  [
    single,
    { type: "ClusterIP", ipFamilies: ["IPv4"] },
    ["spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset"],
  ],
  [
    dual,
    { ...single, ipFamilyPolicy: "PreferDualStack" },
    [
      "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to 'SingleStack' when releasing the secondary clusterIP",
      "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to 'SingleStack' when releasing the secondary ipFamily",
    ],
  ],
];

for (const [old, next, texts] of updates) {
  test(`validateClusterIpsUpdate gives ${texts.join(", ") || "no problem"} for ${JSON.stringify(next)}`, () => {
    assert.deepEqual(validateClusterIpsUpdate(next, old).map(describeFieldError), texts);
  });
}
