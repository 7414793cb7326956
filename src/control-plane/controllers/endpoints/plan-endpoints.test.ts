import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoints } from "#api/kinds/endpoints.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { runningPod, sampleService } from "../testing/sample-objects.ts";
import { truncateSubsets } from "./pack-subsets.ts";
import { planEndpoints } from "./plan-endpoints.ts";

function create(service: Service, pods: readonly Pod[]): Endpoints {
  const plan = planEndpoints({ service, pods, current: undefined });
  assert.ok(plan.type === "create");
  return { apiVersion: "v1", kind: "Endpoints", ...plan.draft };
}

/** "10.0.0.1 10.0.0.2 | 10.0.0.3 : http=80": ready, not ready, ports. */
function texts({ subsets = [] }: Endpoints): readonly string[] {
  return subsets.map(({ addresses = [], notReadyAddresses = [], ports = [] }) =>
    [
      addresses.map(({ ip }) => ip).join(" "),
      "|",
      notReadyAddresses.map(({ ip }) => ip).join(" "),
      ":",
      ports.map(({ name = "", port }) => `${name}=${port}`).join(" "),
    ].join(" "),
  );
}

const deleted = { metadata: { deletionTimestamp: "2025-01-01T00:01:00Z" } };
const pods = [
  runningPod("b", "10.0.0.20"),
  runningPod("a", "10.0.0.3"),
  runningPod("c", "10.0.0.4", { isReady: false }),
  runningPod("d", "10.0.0.5", deleted),
];

const cases: readonly {
  readonly title: string;
  readonly spec: Partial<Service["spec"]>;
  readonly pods: readonly Pod[];
  readonly subsets: readonly string[];
}[] = [
  {
    title: "sorts addresses, and leaves out pods that end",
    spec: {},
    pods,
    subsets: ["10.0.0.3 10.0.0.20 | 10.0.0.4 : =8080"],
  },
  {
    title: "takes all pods as ready where that is asked for",
    spec: { publishNotReadyAddresses: true },
    pods,
    subsets: ["10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.20 |  : =8080"],
  },
  { title: "has no subsets without pods", spec: {}, pods: [], subsets: [] },
  {
    title: "has addresses without ports for a headless service without any",
    spec: { clusterIP: "None", ports: [] },
    pods: pods.slice(0, 1),
    subsets: ["10.0.0.20 |  : "],
  },
  {
    title: "takes the first family",
    spec: { ipFamilies: ["IPv6", "IPv4"] },
    pods: [runningPod("a", ["10.0.0.1", "fd00::1"])],
    subsets: ["fd00::1 |  : =8080"],
  },
  {
    title: "puts pods with different ports into different subsets, and leaves out those without any",
    spec: { ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: "web" }] },
    pods: [
      ...[8080, 9090, 8080].map((containerPort, index) =>
        runningPod(`p${index}`, `10.0.0.${index + 1}`, {
          spec: { containers: [{ name: "main", image: "nginx", ports: [{ name: "web", containerPort }] }] },
        }),
      ),
      runningPod("other", "10.0.0.9"),
    ],
    subsets: ["10.0.0.1 10.0.0.3 |  : http=8080", "10.0.0.2 |  : http=9090"],
  },
];

for (const { title, spec, pods: selected, subsets } of cases) {
  test(`planEndpoints ${title}`, () => {
    const service = sampleService("web", spec);
    const endpoints = create(service, selected);
    assert.deepEqual(texts(endpoints), subsets);
    assert.deepEqual(planEndpoints({ service, pods: selected.toReversed(), current: endpoints }), { type: "none" });
  });
}

test("planEndpoints writes labels, nodes and targets", () => {
  const service = sampleService("web", { clusterIP: "None" });
  const pod = runningPod("web-0", "10.0.0.1", { spec: { hostname: "zero", subdomain: "web" } });
  const { metadata, subsets } = create(service, [pod]);
  assert.deepEqual(metadata.labels, { "service.kubernetes.io/headless": "" });
  assert.deepEqual(subsets?.[0]?.addresses, [
    {
      ip: "10.0.0.1",
      hostname: "zero",
      nodeName: "node-1",
      targetRef: { kind: "Pod", namespace: "default", name: "web-0", uid: "uid-web-0" },
    },
  ]);
});

function ips(count: number) {
  return Array.from({ length: count }, (_, index) => ({ ip: `10.0.${index >> 8}.${index & 255}` }));
}

for (const { title, ready, notReady, kept } of [
  { title: "keeps all up to the capacity", ready: [600], notReady: [400], kept: [[600, 400]] },
  { title: "drops those that are not ready first", ready: [900], notReady: [300], kept: [[900, 100]] },
  { title: "keeps only ready ones when there are too many", ready: [1200], notReady: [5], kept: [[1000, 0]] },
  {
    title: "keeps a share of each subset",
    ready: [1500, 500],
    notReady: [0, 0],
    kept: [
      [750, 0],
      [250, 0],
    ],
  },
]) {
  test(`truncateSubsets ${title}`, () => {
    const subsets = ready.map((count, index) => ({
      addresses: ips(count),
      notReadyAddresses: ips(notReady[index] ?? 0),
    }));
    const result = truncateSubsets(subsets, 1000);
    assert.deepEqual(
      result.subsets.map(({ addresses = [], notReadyAddresses = [] }) => [addresses.length, notReadyAddresses.length]),
      kept,
    );
    assert.equal(result.isTruncated, ready.concat(notReady).reduce((a, b) => a + b) > 1000);
  });
}

test("planEndpoints says that there are more addresses than it holds, as long as there are", () => {
  const service = sampleService("web");
  const many = Array.from({ length: 1001 }, (_, index) => runningPod(`p${index}`, `10.0.${index >> 8}.${index & 255}`));
  const full = create(service, many);
  const annotation = "endpoints.kubernetes.io/over-capacity";
  assert.equal(full.metadata.annotations?.[annotation], "truncated");
  assert.deepEqual(planEndpoints({ service, pods: many, current: full }), { type: "none" });
  const plan = planEndpoints({ service, pods: many.slice(1), current: full });
  assert.ok(plan.type === "update");
  assert.equal(plan.next.metadata.annotations?.[annotation], undefined);
});
