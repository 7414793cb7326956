import type { Affinity } from "#api/kinds/pod/affinity.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import { testNode, testPod } from "../testing/builders.ts";
import { HOST, inZone, on, testFilter, withSpec, ZONE } from "../testing/filter-cases.ts";
import { podAffinity } from "./pod-affinity.ts";

type Term = NonNullable<NonNullable<Affinity["podAffinity"]>["requiredDuringSchedulingIgnoredDuringExecution"]>[number];
const near = (...terms: readonly Term[]): Partial<PodSpec> => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const away = (...terms: readonly Term[]): Partial<PodSpec> => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const app = (value: string) => ({ matchLabels: { app: value } });

const NOT_NEAR = ["node(s) didn't match pod affinity rules"];
const TOO_NEAR = ["node(s) didn't match pod anti-affinity rules"];
const UNWANTED = ["node(s) didn't satisfy existing pods anti-affinity rules"];

const zones = [inZone("a", "z1"), inZone("b", "z2"), testNode("c")];

testFilter(podAffinity, [
  {
    says: "zones without the pods that are wanted near",
    nodes: zones,
    placed: [on("a", "db", { labels: { app: "db" } })],
    pod: withSpec(near({ topologyKey: ZONE, labelSelector: app("db") })),
    rejects: { b: NOT_NEAR, c: NOT_NEAR },
  },
  {
    says: "all nodes while there are none",
    nodes: zones,
    pod: withSpec(near({ topologyKey: ZONE, labelSelector: app("db") })),
    rejects: { a: NOT_NEAR, b: NOT_NEAR, c: NOT_NEAR },
  },
  {
    says: "only nodes without a zone for the first of its kind",
    nodes: zones,
    pod: withSpec(near({ topologyKey: ZONE, labelSelector: app("web") }), { app: "web" }),
    rejects: { c: NOT_NEAR },
  },
  {
    says: "places that only meet one of two terms",
    nodes: zones,
    placed: [on("a", "db", { labels: { app: "db" } }), on("b", "both", { labels: { app: "db", tier: "x" } })],
    pod: withSpec(
      near(
        { topologyKey: ZONE, labelSelector: app("db") },
        { topologyKey: HOST, labelSelector: { matchLabels: { tier: "x" } } },
      ),
    ),
    rejects: { a: NOT_NEAR, c: NOT_NEAR },
  },
  {
    says: "zones with pods that are to be avoided",
    nodes: zones,
    placed: [on("a", "old", { labels: { app: "web" } })],
    pod: withSpec(away({ topologyKey: ZONE, labelSelector: app("web") }), { app: "web" }),
    rejects: { a: TOO_NEAR },
  },
  {
    says: "nothing because of other namespaces",
    nodes: zones,
    placed: [on("a", "old", { labels: { app: "web" }, metadata: { namespace: "prod" } })],
    pod: withSpec(away({ topologyKey: ZONE, labelSelector: app("web") })),
    rejects: {},
  },
  {
    says: "what is avoided in namespaces by name",
    nodes: zones,
    placed: [on("a", "old", { labels: { app: "web" }, metadata: { namespace: "prod" } })],
    pod: withSpec(away({ topologyKey: ZONE, labelSelector: app("web"), namespaces: ["prod"] })),
    rejects: { a: TOO_NEAR },
  },
  {
    says: "what is avoided in namespaces by label",
    nodes: zones,
    placed: [
      on("a", "old", { labels: { app: "web" }, metadata: { namespace: "prod" } }),
      on("b", "old2", { labels: { app: "web" } }),
    ],
    pod: withSpec(
      away({ topologyKey: ZONE, labelSelector: app("web"), namespaceSelector: { matchLabels: { env: "prod" } } }),
    ),
    rejects: { a: TOO_NEAR },
  },
  {
    says: "what is avoided in all namespaces",
    nodes: zones,
    placed: [on("a", "old", { labels: { app: "web" }, metadata: { namespace: "unknown" } })],
    pod: withSpec(away({ topologyKey: ZONE, labelSelector: app("web"), namespaceSelector: {} })),
    rejects: { a: TOO_NEAR },
  },
  {
    says: "places that existing pods want for themselves",
    nodes: zones,
    placed: [on("a", "old", { spec: away({ topologyKey: ZONE, labelSelector: app("web") }) })],
    pod: testPod("new", { labels: { app: "web" } }),
    rejects: { a: UNWANTED },
  },
  {
    says: "what existing pods avoid in namespaces by label",
    nodes: zones,
    placed: [
      on("a", "old", {
        metadata: { namespace: "other" },
        spec: away({ topologyKey: ZONE, labelSelector: {}, namespaceSelector: { matchLabels: { env: "prod" } } }),
      }),
    ],
    pod: testPod("new", { metadata: { namespace: "prod" } }),
    rejects: { a: UNWANTED },
  },
  {
    says: "pods of the same revision only, with matchLabelKeys",
    nodes: zones,
    placed: [on("a", "v1", { labels: { app: "web", rev: "1" } }), on("b", "v2", { labels: { app: "web", rev: "2" } })],
    pod: withSpec(away({ topologyKey: ZONE, labelSelector: app("web"), matchLabelKeys: ["rev"] }), {
      app: "web",
      rev: "2",
    }),
    rejects: { b: TOO_NEAR },
  },
  {
    says: "pods of other tenants only, with mismatchLabelKeys",
    nodes: zones,
    placed: [on("a", "mine", { labels: { tenant: "1" } }), on("b", "other", { labels: { tenant: "2" } })],
    pod: withSpec(away({ topologyKey: ZONE, labelSelector: {}, mismatchLabelKeys: ["tenant"] }), { tenant: "1" }),
    rejects: { b: TOO_NEAR },
  },
]);
