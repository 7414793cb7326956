import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { endpoints as endpointsKind } from "#api/kinds/endpoints.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { endpointSliceMirroringController } from "../endpoint-slice-mirroring/start-endpoint-slice-mirroring.ts";
import { runningPod, runPod, sampleService } from "../testing/sample-objects.ts";
import { createTestCluster, type TestCluster } from "../testing/test-cluster.ts";
import { endpointsController } from "./start-endpoints.ts";

async function createService(cluster: TestCluster, name: string, hasSelector = true): Promise<void> {
  const { metadata, spec, ...service } = sampleService(name);
  const { uid: _uid, ...rest } = metadata;
  const { selector, ...others } = spec;
  await cluster.create(serviceKind, { ...service, metadata: rest, spec: hasSelector ? spec : others });
}

async function addresses(cluster: TestCluster, name: string): Promise<readonly string[] | undefined> {
  const found = await cluster.find(endpointsKind, name);
  return found && (found.subsets ?? []).flatMap(({ addresses: ready = [] }) => ready.map(({ ip }) => ip));
}

test("endpointsController follows pods and services", async () => {
  await using cluster = await createTestCluster();
  await cluster.start(endpointsController());
  await createService(cluster, "web");
  await cluster.settle();
  assert.deepEqual(await addresses(cluster, "default/web"), []);
  await runPod(cluster, runningPod("web-0", "10.0.0.1"));
  await cluster.settle();
  assert.deepEqual(await addresses(cluster, "default/web"), ["10.0.0.1"]);
  await cluster.change(podKind, "default/web-0", (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, labels: { app: "other" } },
  }));
  await cluster.settle();
  assert.deepEqual(await addresses(cluster, "default/web"), []);
  const before = cluster.writes.length;
  await cluster.pass(3600);
  assert.equal(cluster.writes.length, before, "nothing is written when nothing changes");
  await cluster.delete(serviceKind, "default/web");
  await cluster.settle();
  assert.equal(await addresses(cluster, "default/web"), undefined);
  assert.deepEqual(cluster.errors, []);
});

test("endpointsController removes what a service left behind, and no one's lock", async () => {
  await using cluster = await createTestCluster();
  const lock = { "control-plane.alpha.kubernetes.io/leader": "{}" };
  await cluster.create(endpointsKind, { metadata: { namespace: "default", name: "left" } });
  await cluster.create(endpointsKind, { metadata: { namespace: "default", name: "lock", annotations: lock } });
  await cluster.start(endpointsController());
  await cluster.create(endpointsKind, { metadata: { namespace: "default", name: "early" } });
  await cluster.settle();
  const names = (await cluster.list(endpointsKind)).map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ["early", "lock"]);
});

test("endpointSliceMirroringController mirrors endpoints that are made by hand", async () => {
  await using cluster = await createTestCluster();
  await createService(cluster, "db", false);
  await cluster.create(endpointsKind, {
    metadata: { namespace: "default", name: "db", labels: { team: "shop" }, annotations: { note: "by hand" } },
    subsets: [
      {
        addresses: [{ ip: "192.0.2.1" }, { ip: "2001:db8::1" }],
        notReadyAddresses: [{ ip: "192.0.2.2" }],
        ports: [{ name: "pg", port: 5432, protocol: "TCP" }],
      },
    ],
  });
  await cluster.start(endpointSliceMirroringController());
  const slices = (await cluster.list(endpointSlice, "default")).toSorted((a, b) =>
    a.addressType < b.addressType ? -1 : 1,
  );
  assert.deepEqual(
    slices.map(({ addressType, endpoints, ports }) => [
      addressType,
      endpoints.map((endpoint) => `${endpoint.addresses[0]} ${endpoint.conditions?.ready}`),
      ports[0]?.port,
    ]),
    [
      ["IPv4", ["192.0.2.1 true", "192.0.2.2 false"], 5432],
      ["IPv6", ["2001:db8::1 true"], 5432],
    ],
  );
  assert.deepEqual(slices[0]?.metadata.labels, {
    team: "shop",
    "kubernetes.io/service-name": "db",
    "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
  });
  assert.equal(slices[0]?.metadata.annotations?.["note"], "by hand");
  const before = cluster.writes.length;
  await cluster.pass(3600);
  assert.equal(cluster.writes.length, before, "nothing is written when nothing changes");

  await cluster.change(endpointsKind, "default/db", (object) => ({
    ...object,
    metadata: { ...object.metadata, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
  }));
  await cluster.settle();
  assert.deepEqual(await cluster.list(endpointSlice, "default"), []);
});

test("endpointSliceMirroringController leaves endpoints of services with a selector alone", async () => {
  await using cluster = await createTestCluster();
  await createService(cluster, "web");
  await runPod(cluster, runningPod("web-0", "10.0.0.1"));
  await cluster.start(endpointsController(), endpointSliceMirroringController());
  assert.deepEqual(await addresses(cluster, "default/web"), ["10.0.0.1"]);
  assert.deepEqual(await cluster.list(endpointSlice, "default"), []);
});
