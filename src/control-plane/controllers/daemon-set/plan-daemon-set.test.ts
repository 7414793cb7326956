import assert from "node:assert/strict";
import { test } from "node:test";
import { daemonSet as daemonSetKind } from "#api/kinds/daemon-set.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import type { JsonObject } from "#base/json.ts";
import { NOW, namesOf, type TestPod, testPod, webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf } from "../workload/testing/workload-cluster.ts";
import { type DaemonSetState, daemonSetStatus, planDaemonSet } from "./plan-daemon-set.ts";

interface Given {
  readonly update?: JsonObject;
  readonly nodes?: readonly string[];
  /** Of these nodes pods may stay, but none is started. */
  readonly tainted?: readonly string[];
  readonly pods: readonly TestPod[];
}

function stateOf({ update = {}, nodes = ["n1", "n2", "n3"], tainted = [], pods }: Given): DaemonSetState {
  const taints = [{ key: "dedicated", effect: "NoSchedule" }];
  return {
    daemonSet: draftOf(daemonSetKind, "web", {
      metadata: { generation: 3 },
      spec: { ...webTemplate(), updateStrategy: update },
    }),
    hash: "new",
    nodes: nodes.map((name) => draftOf(nodeKind, name, { spec: tainted.includes(name) ? { taints } : {} })),
    pods: pods.map(testPod),
    now: NOW,
  };
}

const fresh = (name: string, node: string, more: Partial<TestPod> = {}): TestPod => ({
  name,
  node,
  readyFor: 600,
  labels: { "controller-revision-hash": "new" },
  ...more,
});
const old = (name: string, node: string, more: Partial<TestPod> = {}): TestPod =>
  fresh(name, node, { labels: { "controller-revision-hash": "old" }, ...more });

const all = [fresh("a", "n1"), fresh("b", "n2"), fresh("c", "n3")];
const allOld = [old("a", "n1"), old("b", "n2"), old("c", "n3")];
const two = { rollingUpdate: { maxUnavailable: 2 } };
const surge = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };

const rows: readonly (Given & {
  readonly what: string;
  readonly create?: readonly string[];
  readonly delete?: readonly string[];
  readonly ended?: readonly string[];
})[] = [
  { what: "a pod for each node", pods: [], create: ["n1", "n2", "n3"] },
  { what: "nothing when all is well", pods: all },
  { what: "a pod for a new node", nodes: ["n1", "n2", "n3", "n4"], pods: all, create: ["n4"] },
  { what: "no pod beside one that goes", pods: [...all.slice(1), fresh("a", "n1", { isTerminating: true })] },
  {
    what: "a pod where the last one has ended and goes",
    pods: [...all.slice(1), fresh("a", "n1", { isTerminating: true, phase: "Failed" })],
    create: ["n1"],
  },
  { what: "the younger of two pods away", pods: [...all, fresh("d", "n1", { age: 60 })], delete: ["d"] },
  { what: "nothing on a tainted node", tainted: ["n1"], pods: [] as TestPod[], create: ["n2", "n3"] },
  { what: "nothing about a pod that bears a new taint", tainted: ["n1"], pods: all },
  { what: "failed pods away", pods: [...all.slice(1), fresh("a", "n1", { phase: "Failed" })], ended: ["a"] },
  {
    what: "pods away that wait for a node that is gone",
    pods: [...all, { ...fresh("d", "n9"), node: "" }],
    delete: ["d"],
  },
  { what: "one old pod away", pods: allOld, delete: ["a"] },
  { what: "two old pods away", update: two, pods: allOld, delete: ["a", "b"] },
  {
    what: "no old pod away before the new one is ready",
    pods: [fresh("d", "n1", { isUnready: true }), ...allOld.slice(1)],
  },
  {
    what: "no old pod away while another one goes",
    pods: [old("a", "n1", { isTerminating: true }), ...allOld.slice(1)],
  },
  {
    what: "useless old pods away at once, and no others for them",
    pods: [{ ...old("a", "n1"), isUnready: true }, ...allOld.slice(1)],
    delete: ["a"],
  },
  { what: "no old pods away with OnDelete", update: { type: "OnDelete" }, pods: allOld },
  { what: "a second pod on one node", update: surge, pods: allOld, create: ["n1"] },
  {
    what: "nothing more while the second pod is not ready",
    update: surge,
    pods: [...allOld, { ...fresh("d", "n1", { age: 60 }), isUnready: true }],
  },
  {
    what: "the old pod away when the second one is ready",
    update: surge,
    pods: [...allOld, fresh("d", "n1")],
    delete: ["a"],
  },
];

for (const { what, create = [], delete: names = [], ended = [], ...given } of rows) {
  test(`planDaemonSet wants ${what}`, () => {
    const plan = planDaemonSet(stateOf(given));
    assert.deepEqual([plan.create, namesOf(plan.delete), namesOf(plan.ended)], [create, names, ended]);
  });
}

test("daemonSetStatus counts nodes by their oldest pods", () => {
  const pods = [
    fresh("a", "n1"),
    { ...old("b", "n2"), isUnready: true },
    old("c", "n3"),
    fresh("d", "n3", { age: 60 }),
    old("e", "n5"),
  ];
  const state = stateOf({ nodes: ["n1", "n2", "n3", "n4", "n5"], tainted: ["n5"], pods });
  assert.deepEqual(JSON.parse(JSON.stringify(daemonSetStatus(state))), {
    currentNumberScheduled: 3,
    numberMisscheduled: 1,
    desiredNumberScheduled: 4,
    numberReady: 2,
    observedGeneration: 3,
    updatedNumberScheduled: 1,
    numberAvailable: 2,
    numberUnavailable: 2,
  });
});
