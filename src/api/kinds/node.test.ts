import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { describeFieldError } from "../field-error.ts";
import { decodeObject } from "../schema/decode.ts";
import { applyDefaults } from "../schema/defaults.ts";
import { validateObject, validateObjectUpdate } from "../schema/validate.ts";
import { type Node, node } from "./node.ts";

const NOW = new Date("2026-01-01T01:00:00Z");

function made(parts: JsonObject, metadata: JsonObject = {}): Node {
  const json = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "n1", creationTimestamp: "2026-01-01T00:00:00Z", resourceVersion: "1", ...metadata },
    ...parts,
  };
  return applyDefaults(node, decodeObject(node, json).object);
}

function cells(object: Node): Readonly<Record<string, unknown>> {
  return Object.fromEntries(node.columns.map((column) => [column.name, column.cell(object, NOW)]));
}

test("node columns show what kubectl prints", () => {
  const object = made(
    {
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: "Ready", status: "True" }],
        addresses: [
          { type: "Hostname", address: "n1" },
          { type: "InternalIP", address: "192.0.2.1" },
          { type: "InternalIP", address: "2001:db8::1" },
        ],
        nodeInfo: { kubeletVersion: "v1.32.0", osImage: "Debian 12", kernelVersion: "6.1.0" },
      },
    },
    { labels: { "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "", other: "x" } },
  );
  assert.deepEqual(cells(object), {
    Name: "n1",
    Status: "Ready,SchedulingDisabled",
    Roles: "control-plane,worker",
    Age: "60m",
    Version: "v1.32.0",
    "Internal-IP": "192.0.2.1",
    "External-IP": "<none>",
    "OS-Image": "Debian 12",
    "Kernel-Version": "6.1.0",
    "Container-Runtime": "<unknown>",
  });
});

const STATUS: readonly (readonly [expected: string, status: JsonObject])[] = [
  ["Ready", { conditions: [{ type: "Ready", status: "True" }] }],
  ["NotReady", { conditions: [{ type: "Ready", status: "False" }] }],
  ["NotReady", { conditions: [{ type: "Ready", status: "Unknown" }] }],
  ["Unknown", { conditions: [{ type: "DiskPressure", status: "False" }] }],
  ["Unknown", {}],
];

for (const [expected, status] of STATUS) {
  test(`node status ${JSON.stringify(status)} is shown as ${expected}`, () => {
    assert.equal(cells(made({ status }))["Status"], expected);
  });
}

test("node gets the defaults that Kubernetes sets", () => {
  const { spec, status } = made({ spec: { podCIDR: "10.1.0.0/24" }, status: { capacity: { cpu: 2, pods: "110" } } });
  assert.deepEqual(spec, { podCIDR: "10.1.0.0/24", podCIDRs: ["10.1.0.0/24"] });
  assert.deepEqual(status?.allocatable, { cpu: "2", pods: "110" });
  assert.deepEqual(status?.daemonEndpoints, { kubeletEndpoint: { Port: 0 } });
  assert.equal(status?.nodeInfo?.kubeletVersion, "");
  assert.equal(made({ spec: { podCIDRs: ["10.2.0.0/24", "fd00::/64"] } }).spec?.podCIDR, "10.2.0.0/24");
});

const INVALID: readonly (readonly [error: string, parts: JsonObject])[] = [
  [
    'spec.podCIDR: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    { spec: { podCIDR: "x" } },
  ],
  [
    'spec.podCIDRs: Invalid value: ["10.1.0.0/24","10.2.0.0/24"]: may specify no more than one CIDR for each IP family',
    { spec: { podCIDRs: ["10.1.0.0/24", "10.2.0.0/24"] } },
  ],
  [
    'spec.podCIDRs[0]: Invalid value: "10.2.0.0/24": must be the same as spec.podCIDR',
    { spec: { podCIDR: "10.1.0.0/24", podCIDRs: ["10.2.0.0/24"] } },
  ],
  [
    'spec.taints[0].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"',
    { spec: { taints: [{ key: "a", effect: "Never" }] } },
  ],
  [
    'spec.taints[1]: Duplicate value: {"key":"a","value":"2","effect":"NoSchedule"}',
    {
      spec: {
        taints: [
          { key: "a", effect: "NoSchedule" },
          { key: "a", value: "2", effect: "NoSchedule" },
        ],
      },
    },
  ],
];

for (const [error, parts] of INVALID) {
  test(`node validation says ${error}`, () => {
    assert.ok(validateObject(node, made(parts)).map(describeFieldError).includes(error));
  });
}

test("node.validateUpdate keeps the ranges of pods once they are set", () => {
  const [none, one, other] = [
    made({}),
    made({ spec: { podCIDR: "10.1.0.0/24" } }),
    made({ spec: { podCIDR: "10.2.0.0/24" } }),
  ];
  assert.deepEqual(validateObjectUpdate(node, one, none, ""), []);
  assert.deepEqual(validateObjectUpdate(node, one, one, ""), []);
  assert.deepEqual(validateObjectUpdate(node, other, one, "").map(describeFieldError), [
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
  ]);
});
