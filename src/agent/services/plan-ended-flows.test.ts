import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import type { PortChange } from "#service/service-index.ts";
import type { Backend, Frontend, ServicePort } from "#service/service-port.ts";
import { findStaleFlows, planEndedFlows } from "./plan-ended-flows.ts";

const CLUSTER_IP: Frontend = { kind: "clusterIP", address: parseAddress("10.96.0.1"), port: 53, traffic: "cluster" };
const NODE_PORT: Frontend = { kind: "nodePort", port: 30_053, traffic: "cluster" };

const backend = (suffix: number, port = 5353): Backend => ({ address: parseAddress(`10.0.0.${suffix}`), port });

function portOf(
  frontends: readonly Frontend[],
  cluster: readonly Backend[],
  protocol: "UDP" | "TCP" = "UDP",
): ServicePort {
  return { id: `default/dns:/${protocol}/4`, family: 4, protocol, frontends, cluster, local: [] };
}

interface Side {
  readonly frontends?: readonly Frontend[];
  readonly backends: readonly Backend[];
}

function change(before: Side | undefined, after: Side | undefined): PortChange {
  const port = (side: Side | undefined) => side && portOf(side.frontends ?? [CLUSTER_IP], side.backends);
  return {
    before: port(before),
    after: port(after),
    flowsBefore: before?.backends,
    flowsAfter: after?.backends,
  };
}

const cases: readonly (readonly [string, PortChange, readonly string[]])[] = [
  [
    "a backend that is gone",
    change({ backends: [backend(1), backend(2)] }, { backends: [backend(2)] }),
    ["10.96.0.1:53 10.0.0.1"],
  ],
  ["a backend more ends nothing", change({ backends: [backend(1)] }, { backends: [backend(1), backend(2)] }), []],
  [
    "the first backend ends flows that led nowhere",
    change({ backends: [] }, { backends: [backend(1)] }),
    ["10.96.0.1:53 -"],
  ],
  ["a new Service", change(undefined, { backends: [backend(1)] }), ["10.96.0.1:53 -"]],
  ["a new Service without backends", change(undefined, { backends: [] }), []],
  [
    "a Service that is gone",
    change({ backends: [backend(1), backend(2)] }, undefined),
    ["10.96.0.1:53 10.0.0.1", "10.96.0.1:53 10.0.0.2"],
  ],
  ["the last backend", change({ backends: [backend(1)] }, { backends: [] }), ["10.96.0.1:53 10.0.0.1"]],
  [
    "a frontend that is gone",
    change({ frontends: [CLUSTER_IP, NODE_PORT], backends: [backend(1)] }, { backends: [backend(1)] }),
    ["*:30053 10.0.0.1"],
  ],
  [
    "a new node port ends nothing of others that use the number",
    change({ backends: [backend(1)] }, { frontends: [CLUSTER_IP, NODE_PORT], backends: [backend(1)] }),
    [],
  ],
  ["another port of the same pod", change({ backends: [backend(1, 1)] }, { backends: [backend(1, 2)] }), []],
];

for (const [what, given, expected] of cases) {
  test(`planEndedFlows: ${what}`, () => {
    const ended = planEndedFlows(new Map([["id", given]]));
    const texts = ended.map((one) => `${one.frontend ?? "*"}:${one.frontendPort} ${one.backend ?? "-"}`);
    assert.deepEqual(texts, expected);
  });
}

test("planEndedFlows leaves TCP to the connections' ends", () => {
  const [before, after] = [portOf([CLUSTER_IP], [backend(1)], "TCP"), portOf([CLUSTER_IP], [], "TCP")];
  const tcp = { before, after, flowsBefore: undefined, flowsAfter: undefined };
  assert.deepEqual(planEndedFlows(new Map([["id", tcp]])), []);
});

test("findStaleFlows finds flows to a frontend that lead to none of its backends", () => {
  const client = parseAddress("10.0.9.9");
  const flow = (destination: string, port: number, reply: string, status: readonly string[] = ["dst-nat"]) => ({
    original: {
      source: client,
      destination: parseAddress(destination),
      protocol: "udp",
      sourcePort: 4000,
      destinationPort: port,
    },
    reply: {
      source: parseAddress(reply),
      destination: client,
      protocol: "udp",
      sourcePort: 5353,
      destinationPort: 4000,
    },
    status,
  });
  const stale = [
    flow("10.96.0.1", 53, "10.0.0.1"),
    flow("10.96.0.1", 53, "10.96.0.1", []),
    flow("192.168.1.1", 30_053, "10.0.0.1"),
  ];
  const live = [
    flow("10.96.0.1", 53, "10.0.0.2"),
    flow("10.96.0.1", 54, "10.0.0.1"),
    flow("192.168.1.1", 30_053, "192.168.1.1", []),
    flow("192.168.1.1", 30_053, "10.0.0.2"),
    flow("10.0.0.1", 5353, "10.0.0.1", []),
  ];
  const owner = { port: portOf([CLUSTER_IP, NODE_PORT], [backend(2)]), backends: [backend(2)] };
  assert.deepEqual(findStaleFlows([...live, ...stale], [owner]), stale);
  assert.deepEqual(findStaleFlows(stale, [{ ...owner, backends: [] }]), []);
});
