import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import type { PolicyCase, TestPod } from "../policy-test.ts";
import { PolicyTestError } from "../policy-test-error.ts";
import { planSandbox } from "./plan-sandbox.ts";

const pod = (name: string, node?: number): TestPod => ({ namespace: "a", name, labels: {}, ports: [], node });
const fromOutside = (address: string): PolicyCase => ({
  from: { kind: "address", address: parseAddress(address) },
  to: { kind: "pod", namespace: "a", name: "x" },
  port: 80,
  protocol: "TCP",
  expect: "allow",
  source: { file: "t", line: 1 },
});

test("planSandbox places pods in turn, or where they shall be, each with addresses of its own", () => {
  const { pods, nodes, outside } = planSandbox({
    nodes: 2,
    pods: [pod("a"), pod("b"), pod("c"), pod("d", 1)],
    cases: [fromOutside("203.0.113.1"), fromOutside("203.0.113.1"), fromOutside("2001:db8::1")],
  });
  assert.deepEqual(
    pods.map(({ id, node, addresses }) => `${id} ${node} ${addresses[4]} ${addresses[6]}`),
    [
      "a/a 0 10.244.1.10 fd00:10:244:1::10",
      "a/b 1 10.244.2.10 fd00:10:244:2::10",
      "a/c 0 10.244.1.11 fd00:10:244:1::11",
      "a/d 0 10.244.1.12 fd00:10:244:1::12",
    ],
  );
  assert.equal(new Set(pods.map(({ mac }) => mac)).size, 4);
  assert.deepEqual(
    nodes.map(({ name, gateways, underlay }) => `${name} ${gateways[4]} ${underlay[6]}`),
    ["node-1 10.244.1.1 fd00:198:19:255::1", "node-2 10.244.2.1 fd00:198:19:255::2"],
  );
  assert.deepEqual(outside.addresses, ["203.0.113.1", "2001:db8::1"]);
});

test("planSandbox refuses addresses of the cluster's own as outside ones, and more pods than a node can have", () => {
  const refuses = (input: Parameters<typeof planSandbox>[0], message: RegExp) =>
    assert.throws(
      () => planSandbox(input),
      (error) => error instanceof PolicyTestError && message.test(error.message),
    );
  refuses(
    { nodes: 1, pods: [], cases: [fromOutside("10.244.9.9")] },
    /10\.244\.9\.9 outside of the cluster: 10\.244\.0\.0\/16/,
  );
  refuses({ nodes: 1, pods: [], cases: [fromOutside("fd00:198:19:255::7")] }, /its own network/);
  refuses({ nodes: 1, pods: Array.from({ length: 201 }, (_, index) => pod(`p${index}`)), cases: [] }, /room for 200/);
});
