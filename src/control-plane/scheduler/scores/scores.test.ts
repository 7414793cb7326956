import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { ReplicaSet } from "#api/kinds/replica-set.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { demandOf } from "../pod/pod-demand.ts";
import { clusterOf, testNamespace, testNode, testPod } from "../testing/builders.ts";
import { HOST, inZone, on, withSpec, ZONE } from "../testing/filter-cases.ts";
import { SCORES } from "./scores.ts";

interface Case {
  readonly says: string;
  readonly nodes: readonly Node[];
  readonly placed?: readonly Pod[];
  readonly services?: readonly Service[];
  readonly owners?: readonly ReplicaSet[];
  readonly pod: Pod;
  /** One per node; undefined: it has no opinion. */
  readonly gives: readonly number[] | undefined;
}

const a = testNode("a");
const b = testNode("b");
const ssd = testNode("b", { labels: { disk: "ssd" } });
const zones = [inZone("a", "z1"), inZone("b", "z2"), inZone("c", "z2")];
const web = { matchLabels: { app: "web" } };
const term = { topologyKey: ZONE, labelSelector: web };
const avoid = { key: "old", effect: "PreferNoSchedule" as const };

const wish = (weight: number): Partial<PodSpec> => ({
  affinity: {
    [weight > 0 ? "podAffinity" : "podAntiAffinity"]: {
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: Math.abs(weight), podAffinityTerm: term }],
    },
  },
});

const ofOwner = (name: string, uid: string, spec: Partial<PodSpec> = {}): Pod =>
  testPod(name, {
    labels: { app: "web" },
    metadata: {
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid, controller: true }],
    },
    spec,
  });

const webReplicaSet: ReplicaSet = {
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { namespace: "default", name: "web", uid: "rs" },
  spec: { selector: web, template: { spec: { containers: [] } } },
};

const webService: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "default", name: "web" },
  spec: { selector: { app: "web" } },
};

const cases: Readonly<Record<string, readonly Case[]>> = {
  TaintToleration: [
    {
      says: "fewer taints that are not borne",
      nodes: [
        a,
        testNode("b", { taints: [avoid] }),
        testNode("c", { taints: [avoid, { key: "older", effect: "PreferNoSchedule" }] }),
      ],
      pod: testPod("new"),
      gives: [100, 50, 0],
    },
    {
      says: "nothing where all are borne",
      nodes: [a, testNode("b", { taints: [avoid] })],
      pod: withSpec({ tolerations: [{ key: "old", operator: "Exists", effect: "PreferNoSchedule" }] }),
      gives: undefined,
    },
  ],
  NodeAffinity: [
    {
      says: "weights of terms that match",
      nodes: [a, ssd, testNode("c", { labels: { disk: "ssd", gpu: "yes" } })],
      pod: withSpec({
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 25, preference: { matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] } },
              { weight: 75, preference: { matchExpressions: [{ key: "gpu", operator: "Exists" }] } },
            ],
          },
        },
      }),
      gives: [0, 25, 100],
    },
    { says: "nothing without wishes", nodes: [a, ssd], pod: testPod("new"), gives: undefined },
  ],
  PodTopologySpread: [
    {
      says: "zones with fewer pods, and no node without a zone",
      nodes: [...zones, testNode("d")],
      placed: ["a", "a", "b"].map((node, index) => on(node, `old-${index}`, { labels: { app: "web" } })),
      pod: withSpec({
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: ZONE, whenUnsatisfiable: "ScheduleAnyway", labelSelector: web },
        ],
      }),
      gives: [33, 100, 100, 0],
    },
    {
      says: "nodes without pods of the same ReplicaSet",
      nodes: [a, b],
      placed: [ofOwner("old", "rs", { nodeName: "a" })],
      owners: [webReplicaSet],
      pod: ofOwner("new", "rs"),
      gives: [66, 100],
    },
    {
      says: "nodes without pods of the same service",
      nodes: [a, b],
      placed: [on("a", "old", { labels: { app: "web" } })],
      services: [webService],
      pod: testPod("new", { labels: { app: "web" } }),
      gives: [66, 100],
    },
    {
      says: "nothing for a pod that belongs to nothing",
      nodes: [a, b],
      placed: [on("a", "old", { labels: { app: "web" } })],
      pod: testPod("new", { labels: { app: "web" } }),
      gives: undefined,
    },
    {
      says: "nothing for a pod with constraints that must hold",
      nodes: [a, b],
      services: [webService],
      pod: withSpec(
        {
          topologySpreadConstraints: [
            { maxSkew: 1, topologyKey: HOST, whenUnsatisfiable: "DoNotSchedule", labelSelector: web },
          ],
        },
        { app: "web" },
      ),
      gives: undefined,
    },
  ],
  InterPodAffinity: [
    {
      says: "zones with pods that are wanted near",
      nodes: zones,
      placed: [on("b", "old", { labels: { app: "web" } })],
      pod: withSpec(wish(10)),
      gives: [0, 100, 100],
    },
    {
      says: "zones without pods that are avoided",
      nodes: zones,
      placed: [on("b", "old", { labels: { app: "web" } })],
      pod: withSpec(wish(-10)),
      gives: [100, 0, 0],
    },
    {
      says: "what existing pods wish",
      nodes: zones,
      placed: [on("a", "old", { spec: wish(-10) }), on("b", "old2", { spec: wish(10) })],
      pod: testPod("new", { labels: { app: "web" } }),
      gives: [0, 100, 100],
    },
    {
      says: "what existing pods require, as a small wish",
      nodes: zones,
      placed: [
        on("a", "old", {
          spec: { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
        }),
      ],
      pod: testPod("new", { labels: { app: "web" } }),
      gives: [100, 0, 0],
    },
    {
      says: "nothing when nobody wishes",
      nodes: zones,
      placed: [on("b", "old", { labels: { app: "web" } })],
      pod: testPod("new", { labels: { app: "web" } }),
      gives: undefined,
    },
  ],
  NodeResourcesFit: [
    {
      says: "what is left of cpu and memory",
      nodes: [a, b],
      placed: [on("a", "old", { requests: { cpu: "2", memory: "4Gi" } })],
      pod: testPod("new", { requests: { cpu: "1", memory: "2Gi" } }),
      gives: [25, 75],
    },
    {
      says: "a little for pods that do not say",
      nodes: [a, b],
      placed: [on("a", "old")],
      pod: testPod("new"),
      gives: [95, 97],
    },
  ],
  NodeResourcesBalancedAllocation: [
    {
      says: "nodes with equal parts of cpu and memory in use",
      nodes: [a, b],
      placed: [on("a", "old", { requests: { cpu: "2" } }), on("b", "old2", { requests: { cpu: "1", memory: "2Gi" } })],
      pod: testPod("new", { requests: { cpu: "1", memory: "2Gi" } }),
      gives: [75, 100],
    },
    { says: "nothing for pods that ask for neither", nodes: [a, b], pod: testPod("new"), gives: undefined },
  ],
};

test("SCORES all have cases", () => {
  assert.deepEqual(
    Object.keys(cases),
    SCORES.map(({ name }) => name),
  );
});

for (const score of SCORES) {
  for (const { says, nodes, placed = [], services = [], owners = [], pod, gives } of cases[score.name] ?? []) {
    test(`${score.name} rates ${says}`, () => {
      const cluster = clusterOf({ nodes, pods: placed, namespaces: [testNamespace("default")] });
      for (const service of services) cluster.services.setService(service);
      for (const owner of owners) cluster.owners.setOwner(owner);
      assert.deepEqual(score.rate(demandOf(pod), cluster.nodes, cluster), gives);
    });
  }
}
