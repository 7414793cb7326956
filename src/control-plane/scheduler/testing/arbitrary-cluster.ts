/** Random nodes and pods in which rules meet often: few names, few labels, little room. */
import fc from "fast-check";
import type { Node } from "#api/kinds/node.ts";
import type { PodAffinityTerm } from "#api/kinds/pod/affinity.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import { testNamespace, testNode, testPod } from "./builders.ts";

export const NODE_NAMES = ["a", "b", "c", "d", "e"];
export const NAMESPACES = [testNamespace("default"), testNamespace("prod", { env: "prod" })];

const ZONE = "topology.kubernetes.io/zone";
const topologyKey = fc.constantFrom("kubernetes.io/hostname", ZONE);
const app = fc.constantFrom("web", "db");
const selector = fc.oneof(
  fc.constant({}),
  app.map((value) => ({ matchLabels: { app: value } })),
  fc.constant({ matchExpressions: [{ key: "app", operator: "In" as const, values: ["web", "db"] }] }),
  fc.constant({ matchExpressions: [{ key: "tier", operator: "DoesNotExist" as const }] }),
);

const rarely = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

export const arbitraryNode: fc.Arbitrary<Node> = fc
  .record({
    name: fc.constantFrom(...NODE_NAMES),
    zone: fc.constantFrom("z1", "z2", undefined),
    size: fc.constantFrom("1", "9", "20"),
    effect: rarely(fc.constantFrom("NoSchedule" as const, "NoExecute" as const, "PreferNoSchedule" as const)),
    unschedulable: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
    cpu: fc.constantFrom("500m", "2", "4"),
    pods: fc.constantFrom("1", "3", "10"),
    gpu: fc.constantFrom("0", "1"),
  })
  .map(({ name, zone, size, effect, unschedulable, cpu, pods, gpu }) =>
    testNode(name, {
      labels: { size, ...(zone !== undefined && { [ZONE]: zone }) },
      taints: effect === undefined ? [] : [{ key: "gpu", value: "yes", effect }],
      unschedulable,
      allocatable: { cpu, pods, "example.com/gpu": gpu },
    }),
  );

const affinityTerm: fc.Arbitrary<PodAffinityTerm> = fc.record(
  {
    topologyKey,
    labelSelector: selector,
    namespaces: fc.constant(["prod"]),
    namespaceSelector: fc.constantFrom({}, { matchLabels: { env: "prod" } }),
  },
  { requiredKeys: ["topologyKey", "labelSelector"] },
);
const affinityTerms = fc.array(affinityTerm, { minLength: 1, maxLength: 2 });

const nodeRule = fc.constantFrom(
  { matchExpressions: [{ key: "size", operator: "Gt" as const, values: ["5"] }] },
  { matchExpressions: [{ key: "size", operator: "NotIn" as const, values: ["9"] }] },
  { matchExpressions: [{ key: ZONE, operator: "Exists" as const }] },
  { matchFields: [{ key: "metadata.name", operator: "In" as const, values: ["a"] }] },
);

const spreadConstraint = fc.record({
  topologyKey,
  maxSkew: fc.integer({ min: 1, max: 2 }),
  whenUnsatisfiable: fc.constantFrom("DoNotSchedule" as const, "ScheduleAnyway" as const),
  labelSelector: selector,
  minDomains: fc.constantFrom(1, 1, 3),
  nodeTaintsPolicy: fc.constantFrom("Honor" as const, "Ignore" as const),
});

const arbitrarySpec: fc.Arbitrary<Partial<PodSpec>> = fc
  .record({
    cpu: fc.constantFrom("0", "100m", "400m"),
    gpu: fc.constantFrom("0", "0", "1"),
    port: rarely(fc.constantFrom(80, 81)),
    tolerates: fc.boolean(),
    nodes: rarely(nodeRule),
    near: rarely(affinityTerms),
    away: rarely(affinityTerms),
    wish: rarely(affinityTerms),
    spread: rarely(fc.uniqueArray(spreadConstraint, { maxLength: 2, selector: (one) => one.topologyKey })),
  })
  .map(({ cpu, gpu, port, tolerates, nodes, near, away, wish, spread }) => ({
    containers: [
      {
        name: "main",
        image: "nginx",
        resources: { requests: { cpu, memory: "1Gi", "example.com/gpu": gpu } },
        ...(port !== undefined && { ports: [{ containerPort: port, hostPort: port, protocol: "TCP" as const }] }),
      },
    ],
    ...(tolerates && { tolerations: [{ key: "gpu", operator: "Exists" as const }] }),
    affinity: {
      ...(nodes && {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [nodes] } },
      }),
      podAffinity: {
        ...(near && { requiredDuringSchedulingIgnoredDuringExecution: near }),
        ...(wish && {
          preferredDuringSchedulingIgnoredDuringExecution: wish.map((podAffinityTerm) => ({
            weight: 10,
            podAffinityTerm,
          })),
        }),
      },
      podAntiAffinity: { ...(away && { requiredDuringSchedulingIgnoredDuringExecution: away }) },
    },
    ...(spread && { topologySpreadConstraints: spread }),
  }));

export const arbitraryPod: fc.Arbitrary<Pod> = fc
  .record({
    number: fc.integer({ min: 0, max: 30 }),
    namespace: fc.constantFrom("default", "default", "prod"),
    labels: fc.record({ app, tier: fc.constantFrom("front", "back") }, { requiredKeys: ["app"] }),
    spec: arbitrarySpec,
  })
  .map(({ number, namespace, labels, spec }) =>
    testPod(`pod-${number}`, { metadata: { namespace, uid: `${namespace}-${number}` }, labels, spec }),
  );
