import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { readyStatus, runningPod, sampleNode, samplePod, sampleService } from "../testing/sample-objects.ts";
import { planEndpointSlices } from "./plan-endpoint-slices.ts";
import type { SlicePlan } from "./plan-slices.ts";

function plan(service: Service, pods: readonly Pod[], slices: readonly EndpointSlice[] = []): SlicePlan {
  const nodes = [sampleNode("node-1", "True", "zone-a"), sampleNode("node-2")];
  const findNode = (name: string) => nodes.find(({ metadata }) => metadata.name === name);
  return planEndpointSlices({ service, pods, slices, findNode, maxPerSlice: 100 });
}

/** What the drafts become on the server. */
function stored(drafts: SlicePlan["create"]): readonly EndpointSlice[] {
  return drafts.map((draft, index) => ({
    ...draft,
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...draft.metadata, name: `web-${index}`, resourceVersion: "1" },
  }));
}

const NOTHING: SlicePlan = { create: [], update: [], delete: [] };

test("planEndpointSlices describes a ready pod with all that is known of it", () => {
  const pod = runningPod("web-0", "10.0.0.1", { spec: { hostname: "zero", subdomain: "web" } });
  const { create } = plan(sampleService("web"), [pod]);
  assert.deepEqual(create, [
    {
      metadata: {
        generateName: "web-",
        namespace: "default",
        labels: {
          "kubernetes.io/service-name": "web",
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        },
        annotations: { "endpoints.kubernetes.io/last-change-trigger-time": "2025-01-01T00:00:00Z" },
        ownerReferences: [
          {
            apiVersion: "v1",
            kind: "Service",
            name: "web",
            uid: "uid-web",
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      addressType: "IPv4",
      endpoints: [
        {
          addresses: ["10.0.0.1"],
          conditions: { ready: true, serving: true, terminating: false },
          hostname: "zero",
          targetRef: { kind: "Pod", namespace: "default", name: "web-0", uid: "uid-web-0" },
          nodeName: "node-1",
          zone: "zone-a",
        },
      ],
      ports: [{ name: "", protocol: "TCP", port: 8080 }],
    },
  ]);
  assert.deepEqual(plan(sampleService("web"), [pod], stored(create)), NOTHING);
});

const deleted = { metadata: { deletionTimestamp: "2025-01-01T00:01:00Z" } };
const all = { publishNotReadyAddresses: true };
for (const { title, spec, pod, conditions } of [
  { title: "ready", spec: {}, pod: {}, conditions: [true, true, false] },
  { title: "not ready", spec: {}, pod: { isReady: false }, conditions: [false, false, false] },
  { title: "ready and terminating", spec: {}, pod: deleted, conditions: [false, true, true] },
  {
    title: "not ready and terminating",
    spec: {},
    pod: { isReady: false, ...deleted },
    conditions: [false, false, true],
  },
  { title: "not ready but published", spec: all, pod: { isReady: false }, conditions: [true, false, false] },
  { title: "terminating but published", spec: all, pod: deleted, conditions: [true, true, true] },
] as const) {
  test(`planEndpointSlices tells the conditions of a pod that is ${title}`, () => {
    const { create } = plan(sampleService("web", spec), [runningPod("web-0", "10.0.0.1", pod)]);
    const [ready, serving, terminating] = conditions;
    assert.deepEqual(create[0]?.endpoints[0]?.conditions, { ready, serving, terminating });
  });
}

for (const { title, pod } of [
  { title: "without an address", pod: samplePod("web-0", { status: readyStatus(true) }) },
  { title: "that have failed", pod: runningPod("web-0", "10.0.0.1", { status: { phase: "Failed" } }) },
  { title: "that have ended", pod: runningPod("web-0", "10.0.0.1", { status: { phase: "Succeeded" } }) },
  { title: "of a node that is gone", pod: runningPod("web-0", "10.0.0.1", { spec: { nodeName: "gone" } }) },
  { title: "of another family only", pod: runningPod("web-0", "fd00::1") },
]) {
  test(`planEndpointSlices leaves out pods ${title}, and has an empty slice instead`, () => {
    const { create } = plan(sampleService("web"), [pod]);
    assert.deepEqual(
      create.map(({ endpoints, ports }) => ({ endpoints, ports })),
      [{ endpoints: [], ports: [] }],
    );
    assert.deepEqual(plan(sampleService("web"), [pod], stored(create)), NOTHING);
  });
}

test("planEndpointSlices has slices of both families for a dual-stack service", () => {
  const service = sampleService("web", { ipFamilies: ["IPv6", "IPv4"] });
  const { create } = plan(service, [runningPod("web-0", ["10.0.0.1", "fd00::1"])]);
  assert.deepEqual(
    create.map(({ addressType, endpoints }) => [addressType, endpoints[0]?.addresses]),
    [
      ["IPv6", ["fd00::1"]],
      ["IPv4", ["10.0.0.1"]],
    ],
  );
});

test("planEndpointSlices finds named ports in each pod, and puts pods with different ones into different slices", () => {
  const service = sampleService("web", {
    ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: "web", appProtocol: "http" }],
  });
  const withPort = (name: string, ip: string, containerPort: number) =>
    runningPod(name, ip, {
      spec: { containers: [{ name: "main", image: "nginx", ports: [{ name: "web", containerPort }] }] },
    });
  const pods = [withPort("a", "10.0.0.1", 8080), withPort("b", "10.0.0.2", 9090), withPort("c", "10.0.0.3", 8080)];
  const { create } = plan(service, pods);
  assert.deepEqual(
    create.map(({ ports, endpoints }) => [ports[0]?.port, ports[0]?.appProtocol, endpoints.length]),
    [
      [8080, "http", 2],
      [9090, "http", 1],
    ],
  );
});

test("planEndpointSlices labels slices as their service, and those of headless services", () => {
  const service = sampleService("web", { clusterIP: "None" });
  const labelled = {
    ...service,
    metadata: { ...service.metadata, labels: { team: "shop", "kubernetes.io/service-name": "wrong" } },
  };
  assert.deepEqual(plan(labelled, []).create[0]?.metadata.labels, {
    team: "shop",
    "service.kubernetes.io/headless": "",
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
  });
  const slices = stored(plan(service, []).create);
  const { update } = plan(labelled, [], slices);
  assert.equal(update[0]?.metadata.labels?.["team"], "shop");
});

test("planEndpointSlices keeps to the zone where that is asked for", () => {
  const pods = [
    runningPod("a", "10.0.0.1"),
    runningPod("b", "10.0.0.2", { spec: { nodeName: "node-2" } }),
    runningPod("c", "10.0.0.3", { isReady: false }),
  ];
  const { create } = plan(sampleService("web", { trafficDistribution: "PreferClose" }), pods);
  assert.deepEqual(
    create[0]?.endpoints.map(({ hints }) => hints?.forZones?.[0]?.name),
    ["zone-a", undefined, undefined],
  );
});

test("planEndpointSlices uses slices that it would delete for those that it would create", () => {
  const before = plan(sampleService("web"), [runningPod("a", "10.0.0.1")]);
  const moved = sampleService("web", { ports: [{ port: 80, protocol: "TCP", targetPort: 9090 }] });
  const after = plan(moved, [runningPod("a", "10.0.0.1")], stored(before.create));
  assert.deepEqual([after.create, after.delete], [[], []]);
  assert.deepEqual(after.update[0]?.ports, [{ name: "", protocol: "TCP", port: 9090 }]);
});

test("planEndpointSlices deletes slices of families that the service does not have any more", () => {
  const dual = sampleService("web", { ipFamilies: ["IPv4", "IPv6"] });
  const pods = [runningPod("a", ["10.0.0.1", "fd00::1"])];
  const slices = stored(plan(dual, pods).create);
  const after = plan(sampleService("web"), pods, slices);
  assert.deepEqual(after, { ...NOTHING, delete: slices.filter(({ addressType }) => addressType === "IPv6") });
});

test("planEndpointSlices tells when a pod changed, and nothing of the time otherwise", () => {
  const pods = [runningPod("a", "10.0.0.1"), runningPod("b", "10.0.0.2")];
  const slices = stored(plan(sampleService("web"), pods).create);
  const changed = runningPod("b", "10.0.0.2", { status: readyStatus(false, "2025-01-01T00:05:00Z") });
  const [update] = plan(sampleService("web"), [...pods.slice(0, 1), changed], slices).update;
  const annotation = "endpoints.kubernetes.io/last-change-trigger-time";
  assert.equal(update?.metadata.annotations?.[annotation], "2025-01-01T00:05:00Z");
  const [shrunk] = plan(sampleService("web"), pods.slice(0, 1), slices).update;
  assert.equal(shrunk?.metadata.annotations, undefined);
});
