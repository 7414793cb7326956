import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { NameAnswer } from "#api/programmed/name-answer.ts";
import type { ServiceAnswer } from "#api/programmed/service-answer.ts";
import { runningPod, sampleNode, sampleService } from "../testing/sample-objects.ts";
import { findDrainedRevision, isNamed, planDrained, planDrainedCondition, serviceNodes } from "./plan-drained.ts";

const deleted = { metadata: { deletionTimestamp: "2025-01-01T00:01:00Z" } };
const POD = runningPod("web-0", "10.0.0.1", deleted);
const ENDS = { ready: false, serving: true, terminating: true };
const SERVES = { ready: true, serving: true, terminating: false };

function sliceOf(service: string, version: number, ...pods: readonly (readonly [Pod, typeof ENDS])[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${service}-${version}`,
      namespace: "default",
      resourceVersion: String(version),
      labels: { "kubernetes.io/service-name": service },
    },
    addressType: "IPv4",
    endpoints: pods.map(([{ metadata }, conditions]) => ({
      addresses: ["10.0.0.1"],
      conditions,
      targetRef: { kind: "Pod", uid: metadata.uid },
    })),
    ports: [],
  };
}

const web = sampleService("web");
const other = runningPod("other", "10.0.0.2");
const manual = sampleService("manual", { selector: undefined });
const six = sampleService("six", { ipFamilies: ["IPv6"] });
const foreign = sampleService("foreign", { selector: { app: "foreign" } });

for (const { title, pod = POD, services = [web], slices, revision } of [
  {
    title: "waits for the slice in which the pod ends",
    slices: [sliceOf("web", 7, [POD, SERVES])],
    revision: undefined,
  },
  { title: "gives that slice's version", slices: [sliceOf("web", 7, [other, SERVES], [POD, ENDS])], revision: 7 },
  {
    title: "waits for a slice that has the pod at all",
    slices: [sliceOf("web", 7, [other, SERVES])],
    revision: undefined,
  },
  {
    title: "gives the latest version of the Service's slices: the pod may have been in another one",
    slices: [sliceOf("web", 9, [other, SERVES]), sliceOf("web", 7, [POD, ENDS])],
    revision: 9,
  },
  {
    title: "waits for each Service that selects the pod",
    services: [web, sampleService("also")],
    slices: [sliceOf("web", 7, [POD, ENDS]), sliceOf("also", 8, [POD, SERVES])],
    revision: undefined,
  },
  {
    title: "waits for slices that somebody else makes, too",
    services: [manual],
    slices: [sliceOf("manual", 7, [POD, SERVES])],
    revision: undefined,
  },
  {
    title: "takes not ready for an end, since others do not say that a pod ends",
    services: [manual],
    slices: [sliceOf("manual", 7, [POD, { ...SERVES, ready: false }])],
    revision: 7,
  },
  {
    title: "does not wait for a family that the pod has not got",
    services: [web, six],
    slices: [sliceOf("web", 7, [POD, ENDS]), sliceOf("six", 5)],
    revision: 7,
  },
  {
    title: "needs no version when no Service leads to the pod",
    services: [foreign, manual],
    slices: [sliceOf("foreign", 7, [other, SERVES]), sliceOf("manual", 8, [other, SERVES])],
    revision: 0,
  },
  {
    title: "needs none for a pod without an address",
    pod: runningPod("web-0", [], deleted),
    slices: [],
    revision: 0,
  },
] as const) {
  test(`findDrainedRevision ${title}`, () => {
    assert.equal(findDrainedRevision(pod, { services, slices }), revision);
  });
}

const answer = (node: string, endpointSlices: number, question = 5): [string, ServiceAnswer] => [
  node,
  { node, question, proxy: "nftables", programmed: { services: 1, endpointSlices } },
];

test("planDrained is True when every ready node has that version, and names those that have not", () => {
  const nodes = [sampleNode("a"), sampleNode("b"), sampleNode("down", "Unknown")];
  const required = { revision: 7, isNamed: false, question: 5 };
  const plan = (...answers: readonly (readonly [string, ServiceAnswer])[]) =>
    planDrained(serviceNodes(nodes, { kernels: new Map(answers), names: new Map() }), required);
  assert.equal(plan(answer("a", 7), answer("b", 9, 4)).status, "True");
  const { status, message } = plan(answer("a", 6), answer("down", 9));
  assert.deepEqual([status, message], ["False", "Not in the kernel of a; no answer from the agent of b"]);
});

test("planDrained waits for nobody when no Service leads to the pod, and for slices before nodes", () => {
  const nobody = serviceNodes([sampleNode("a")], { kernels: new Map(), names: new Map() });
  const required = { isNamed: true, question: 0 };
  assert.equal(planDrained(nobody, { ...required, revision: 0 }).status, "True");
  assert.equal(planDrained(nobody, { ...required, revision: undefined }).reason, "SlicesMissing");
});

test("planDrained waits for name servers where a name leads to the pod itself", () => {
  const named = (node: string, endpointSlices: number, isServing = true): [string, NameAnswer] => [
    node,
    { node, question: 5, isServing, programmed: { services: 1, endpointSlices } },
  ];
  const nodes = [sampleNode("a"), sampleNode("b"), sampleNode("c"), sampleNode("d")];
  const kernels = new Map(["a", "b", "c", "d"].map((name) => answer(name, 7)));
  const plan = (isNamed: boolean, ...names: readonly (readonly [string, NameAnswer])[]) =>
    planDrained(serviceNodes(nodes, { kernels, names: new Map(names) }), { revision: 7, isNamed, question: 5 });
  const late = [named("a", 6), named("b", 7), named("c", 0, false)];
  assert.equal(plan(true, ...late).message, "In names that are served on a");
  assert.equal(plan(false, ...late).status, "True");
  assert.equal(plan(true, ...late, named("a", 8)).status, "True");
  assert.deepEqual(
    [web, sampleService("headless", { clusterIP: "None" }), foreign].map((service) => isNamed(POD, [service])),
    [false, true, false],
  );
});

test("planDrainedCondition writes nothing twice", () => {
  const drained = { status: "False", reason: "SlicesMissing", message: "x" } as const;
  const condition = planDrainedCondition(POD, drained, new Date("2025-01-01T00:00:09Z"));
  assert.equal(condition?.lastTransitionTime, "2025-01-01T00:00:09Z");
  const told = { ...POD, status: { ...POD.status, conditions: [condition] } };
  assert.equal(planDrainedCondition(told, drained, new Date()), undefined);
  assert.equal(
    planDrainedCondition(told, { ...drained, message: "y" }, new Date())?.lastTransitionTime,
    "2025-01-01T00:00:09Z",
  );
});
