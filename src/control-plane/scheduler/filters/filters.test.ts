import assert from "node:assert/strict";
import { test } from "node:test";
import type { Affinity } from "#api/kinds/pod/affinity.ts";
import type { ContainerPort } from "#api/kinds/pod/container.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import { testNode, testPod } from "../testing/builders.ts";
import { type FilterCase, HOST, on, testFilter, withSpec } from "../testing/filter-cases.ts";
import { FILTERS } from "./filters.ts";

const withPorts = (...ports: readonly ContainerPort[]): Partial<PodSpec> => ({
  containers: [{ name: "main", image: "nginx", ports }],
});

const nodeTerm = (
  key: string,
  operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt",
  ...values: string[]
) => withNodeTerms({ matchExpressions: [{ key, operator, values }] });
const withNodeTerms = (...nodeSelectorTerms: Parameters<typeof required>[0]) => withSpec(required(nodeSelectorTerms));
function required(
  nodeSelectorTerms: NonNullable<
    NonNullable<Affinity["nodeAffinity"]>["requiredDuringSchedulingIgnoredDuringExecution"]
  >["nodeSelectorTerms"],
): Partial<PodSpec> {
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } };
}

const CORDONED = ["node(s) were unschedulable"];
const OTHER_NAME = ["node(s) didn't match the requested node name"];
const NO_MATCH = ["node(s) didn't match Pod's node affinity/selector"];
const NO_PORTS = ["node(s) didn't have free ports for the requested pod ports"];

const a = testNode("a");
const b = testNode("b");
const tainted = testNode("b", { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] });
const cordoned = testNode("b", { unschedulable: true });
const big = testNode("b", { labels: { size: "20", disk: "ssd" } });

const cases: Readonly<Record<string, readonly FilterCase[]>> = {
  NodeUnschedulable: [
    { says: "cordoned nodes", nodes: [a, cordoned], pod: testPod("new"), rejects: { b: CORDONED } },
    {
      says: "not for pods that bear the taint of cordoned nodes",
      nodes: [a, cordoned],
      pod: withSpec({ tolerations: [{ key: "node.kubernetes.io/unschedulable", operator: "Exists" }] }),
      rejects: {},
    },
  ],
  NodeName: [
    {
      says: "other nodes than the named one",
      nodes: [a, b],
      pod: withSpec({ nodeName: "a" }),
      rejects: { b: OTHER_NAME },
    },
  ],
  TaintToleration: [
    {
      says: "NoSchedule",
      nodes: [a, tainted],
      pod: testPod("new"),
      rejects: { b: ["node(s) had untolerated taint {gpu: yes}"] },
    },
    {
      says: "NoExecute, without a value",
      nodes: [testNode("b", { taints: [{ key: "node.kubernetes.io/unreachable", effect: "NoExecute" }] })],
      pod: testPod("new"),
      rejects: { b: ["node(s) had untolerated taint {node.kubernetes.io/unreachable: }"] },
    },
    {
      says: "not PreferNoSchedule",
      nodes: [testNode("b", { taints: [{ key: "gpu", effect: "PreferNoSchedule" }] })],
      pod: testPod("new"),
      rejects: {},
    },
    {
      says: "nothing that is borne by key and value",
      nodes: [tainted],
      pod: withSpec({ tolerations: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] }),
      rejects: {},
    },
    {
      says: "what is borne for another effect or value only",
      nodes: [tainted],
      pod: withSpec({
        tolerations: [
          { key: "gpu", operator: "Exists", effect: "NoExecute" },
          { key: "gpu", value: "no" },
        ],
      }),
      rejects: { b: ["node(s) had untolerated taint {gpu: yes}"] },
    },
    {
      says: "nothing when all is borne",
      nodes: [tainted],
      pod: withSpec({ tolerations: [{ operator: "Exists" }] }),
      rejects: {},
    },
  ],
  NodeAffinity: [
    {
      says: "by nodeSelector",
      nodes: [a, big],
      pod: withSpec({ nodeSelector: { disk: "ssd" } }),
      rejects: { a: NO_MATCH },
    },
    { says: "In", nodes: [a, big], pod: nodeTerm("disk", "In", "ssd", "nvme"), rejects: { a: NO_MATCH } },
    {
      says: "NotIn, which absent labels meet",
      nodes: [a, big],
      pod: nodeTerm("disk", "NotIn", "ssd"),
      rejects: { b: NO_MATCH },
    },
    { says: "Exists", nodes: [a, big], pod: nodeTerm("disk", "Exists"), rejects: { a: NO_MATCH } },
    { says: "DoesNotExist", nodes: [a, big], pod: nodeTerm("disk", "DoesNotExist"), rejects: { b: NO_MATCH } },
    { says: "Gt, as numbers", nodes: [a, big], pod: nodeTerm("size", "Gt", "9"), rejects: { a: NO_MATCH } },
    { says: "Gt is not equal", nodes: [big], pod: nodeTerm("size", "Gt", "20"), rejects: { b: NO_MATCH } },
    { says: "Lt", nodes: [a, big], pod: nodeTerm("size", "Lt", "100"), rejects: { a: NO_MATCH } },
    { says: "Lt of what is no number", nodes: [big], pod: nodeTerm("disk", "Lt", "100"), rejects: { b: NO_MATCH } },
    {
      says: "metadata.name",
      nodes: [a, b],
      pod: withNodeTerms({ matchFields: [{ key: "metadata.name", operator: "NotIn", values: ["b"] }] }),
      rejects: { b: NO_MATCH },
    },
    {
      says: "all conditions of a term, one of the terms",
      nodes: [a, big, testNode("c", { labels: { size: "20" } })],
      pod: withNodeTerms(
        { matchExpressions: [{ key: HOST, operator: "In", values: ["a"] }] },
        {
          matchExpressions: [
            { key: "size", operator: "Exists" },
            { key: "disk", operator: "Exists" },
          ],
        },
      ),
      rejects: { c: NO_MATCH },
    },
    { says: "everything with an empty term", nodes: [a], pod: withNodeTerms({}), rejects: { a: NO_MATCH } },
    {
      says: "selector and affinity together",
      nodes: [a, big],
      pod: testPod("new", { spec: { ...nodeTerm("disk", "Exists").spec, nodeSelector: { [HOST]: "a" } } }),
      rejects: { a: NO_MATCH, b: NO_MATCH },
    },
  ],
  NodePorts: [
    {
      says: "a port that is taken",
      nodes: [a, b],
      placed: [on("b", "old", { spec: withPorts({ containerPort: 80, hostPort: 80 }) })],
      pod: withSpec(withPorts({ containerPort: 8080, hostPort: 80 })),
      rejects: { b: NO_PORTS },
    },
    {
      says: "nothing of another protocol",
      nodes: [b],
      placed: [on("b", "old", { spec: withPorts({ containerPort: 53, hostPort: 53, protocol: "UDP" }) })],
      pod: withSpec(withPorts({ containerPort: 53, hostPort: 53, protocol: "TCP" })),
      rejects: {},
    },
    {
      says: "nothing at another address",
      nodes: [b],
      placed: [on("b", "old", { spec: withPorts({ containerPort: 80, hostPort: 80, hostIP: "10.0.0.1" }) })],
      pod: withSpec(withPorts({ containerPort: 80, hostPort: 80, hostIP: "10.0.0.2" })),
      rejects: {},
    },
    {
      says: "any address against one",
      nodes: [b],
      placed: [on("b", "old", { spec: withPorts({ containerPort: 80, hostPort: 80, hostIP: "10.0.0.1" }) })],
      pod: withSpec(withPorts({ containerPort: 80, hostPort: 80, hostIP: "0.0.0.0" })),
      rejects: { b: NO_PORTS },
    },
    {
      says: "one address against any",
      nodes: [b],
      placed: [on("b", "old", { spec: withPorts({ containerPort: 80, hostPort: 80 }) })],
      pod: withSpec(withPorts({ containerPort: 80, hostPort: 80, hostIP: "10.0.0.1" })),
      rejects: { b: NO_PORTS },
    },
  ],
  NodeResourcesFit: [
    {
      says: "everything that is short",
      nodes: [a, testNode("b", { allocatable: { cpu: "16", memory: "64Gi" } })],
      placed: [on("a", "old", { requests: { cpu: "3", memory: "7Gi" } })],
      pod: testPod("new", { requests: { cpu: "1001m", memory: "2Gi" } }),
      rejects: { a: ["Insufficient cpu", "Insufficient memory"] },
    },
    {
      says: "not what just fits",
      nodes: [a],
      pod: testPod("new", { requests: { cpu: "4", memory: "8Gi" } }),
      rejects: {},
    },
    {
      says: "more pods than the node takes",
      nodes: [testNode("a", { allocatable: { pods: "1" } })],
      placed: [on("a", "old")],
      pod: testPod("new"),
      rejects: { a: ["Too many pods"] },
    },
    {
      says: "extended resources",
      nodes: [a, testNode("b", { allocatable: { "example.com/gpu": "1" } })],
      pod: testPod("new", { requests: { "example.com/gpu": "1" } }),
      rejects: { a: ["Insufficient example.com/gpu"] },
    },
    {
      says: "not what is asked for as zero",
      nodes: [a],
      pod: testPod("new", { requests: { "example.com/gpu": "0" } }),
      rejects: {},
    },
    {
      says: "ephemeral-storage",
      nodes: [testNode("a", { allocatable: { "ephemeral-storage": "1Gi" } })],
      pod: testPod("new", { requests: { "ephemeral-storage": "2Gi" } }),
      rejects: { a: ["Insufficient ephemeral-storage"] },
    },
  ],
};

/** These have tests of their own. */
const ELSEWHERE = ["PodTopologySpread", "InterPodAffinity"];

test("FILTERS all have cases", () => {
  assert.deepEqual(
    [...Object.keys(cases), ...ELSEWHERE],
    FILTERS.map(({ name }) => name),
  );
});

for (const filter of FILTERS) testFilter(filter, cases[filter.name] ?? []);
