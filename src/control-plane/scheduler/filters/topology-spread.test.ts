import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { TopologySpreadConstraint } from "#api/kinds/pod/topology-spread.ts";
import { testNode } from "../testing/builders.ts";
import { HOST, inZone, on, testFilter, withSpec, ZONE } from "../testing/filter-cases.ts";
import { topologySpread } from "./topology-spread.ts";

const spread = (constraint: Partial<TopologySpreadConstraint>): Partial<PodSpec> => ({
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: ZONE,
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { app: "web" } },
      ...constraint,
    },
  ],
});

const UNEVEN = ["node(s) didn't match pod topology spread constraints"];
const NO_LABEL = ["node(s) didn't match pod topology spread constraints (missing required label)"];

const zones = [inZone("a", "z1"), inZone("b", "z2"), testNode("c")];

testFilter(topologySpread, [
  {
    says: "fuller zones, and nodes without one",
    nodes: zones,
    placed: [on("a", "old", { labels: { app: "web" } })],
    pod: withSpec(spread({}), { app: "web" }),
    rejects: { a: UNEVEN, c: NO_LABEL },
  },
  {
    says: "not within maxSkew",
    nodes: zones,
    placed: [on("a", "old", { labels: { app: "web" } })],
    pod: withSpec(spread({ maxSkew: 2 }), { app: "web" }),
    rejects: { c: NO_LABEL },
  },
  {
    says: "one more for a pod that is not counted itself",
    nodes: zones,
    placed: [on("a", "old", { labels: { app: "web" } })],
    pod: withSpec(spread({}), { app: "db" }),
    rejects: { c: NO_LABEL },
  },
  {
    says: "not for pods elsewhere, or that go",
    nodes: zones,
    placed: [
      on("a", "other", { labels: { app: "web" }, metadata: { namespace: "other" } }),
      on("a", "going", { labels: { app: "web" }, metadata: { deletionTimestamp: "2025-01-01T00:00:00Z" } }),
    ],
    pod: withSpec(spread({}), { app: "web" }),
    rejects: { c: NO_LABEL },
  },
  {
    says: "every used zone when there are fewer than minDomains",
    nodes: zones,
    placed: [on("a", "old1", { labels: { app: "web" } }), on("b", "old2", { labels: { app: "web" } })],
    pod: withSpec(spread({ minDomains: 3 }), { app: "web" }),
    rejects: { a: UNEVEN, b: UNEVEN, c: NO_LABEL },
  },
  {
    says: "not because of zones that the pod cannot use",
    nodes: [inZone("a", "z1"), inZone("b", "z2")],
    placed: [on("a", "old", { labels: { app: "web" } })],
    pod: withSpec({ ...spread({}), nodeSelector: { [HOST]: "a" } }, { app: "web" }),
    rejects: {},
  },
  {
    says: "because of them with nodeAffinityPolicy Ignore",
    nodes: [inZone("a", "z1"), inZone("b", "z2")],
    placed: [on("a", "old", { labels: { app: "web" } })],
    pod: withSpec({ ...spread({ nodeAffinityPolicy: "Ignore" }), nodeSelector: { [HOST]: "a" } }, { app: "web" }),
    rejects: { a: UNEVEN },
  },
  {
    says: "because of tainted zones",
    nodes: [
      inZone("a", "z1"),
      testNode("b", { labels: { [ZONE]: "z2" }, taints: [{ key: "x", effect: "NoSchedule" }] }),
    ],
    placed: [on("a", "old", { labels: { app: "web" } })],
    pod: withSpec(spread({}), { app: "web" }),
    rejects: { a: UNEVEN },
  },
  {
    says: "not because of them with nodeTaintsPolicy Honor",
    nodes: [
      inZone("a", "z1"),
      testNode("b", { labels: { [ZONE]: "z2" }, taints: [{ key: "x", effect: "NoSchedule" }] }),
    ],
    placed: [on("a", "old", { labels: { app: "web" } })],
    pod: withSpec(spread({ nodeTaintsPolicy: "Honor" }), { app: "web" }),
    rejects: {},
  },
  {
    says: "pods of the same revision only, with matchLabelKeys",
    nodes: zones.slice(0, 2),
    placed: [on("a", "v1", { labels: { app: "web", rev: "1" } }), on("b", "v2", { labels: { app: "web", rev: "2" } })],
    pod: withSpec(spread({ matchLabelKeys: ["rev"] }), { app: "web", rev: "2" }),
    rejects: { b: UNEVEN },
  },
  {
    says: "nothing for wishes",
    nodes: zones,
    placed: [on("a", "old", { labels: { app: "web" } })],
    pod: withSpec(spread({ whenUnsatisfiable: "ScheduleAnyway" }), { app: "web" }),
    rejects: {},
  },
]);
