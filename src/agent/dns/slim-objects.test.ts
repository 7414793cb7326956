import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceObject, sliceObject, testZone } from "#dns/testing/dns-objects.ts";
import { MANAGED_BY, MANAGED_BY_LABEL } from "./decide-serving.ts";
import { slimService, slimSlice } from "./slim-objects.ts";

const metadata = { uid: "u", resourceVersion: "7", annotations: { a: "b" }, creationTimestamp: "2030-01-01T00:00:00Z" };

test("slimSlice keeps what names are made of, and who wrote it", () => {
  const endpoints = [
    { address: "10.1.0.1", hostname: "x" },
    { address: "10.1.0.2", ready: false },
  ];
  const plain = sliceObject({ service: "default/db", endpoints, ports: [{ name: "http", protocol: "TCP", port: 80 }] });
  const labels = { ...plain.metadata.labels, [MANAGED_BY_LABEL]: MANAGED_BY };
  const [first, ...others] = plain.endpoints.map((each) => ({
    ...each,
    nodeName: "n",
    zone: "z",
    targetRef: { name: "p" },
  }));
  assert.ok(first);
  const whole = { ...plain, metadata: { ...plain.metadata, ...metadata, labels: { ...labels, more: "x" } } };
  const slim = slimSlice({ ...whole, endpoints: [first, ...others] });
  const { namespace, name } = plain.metadata;
  assert.deepEqual(slim.metadata, { namespace, name, uid: "u", resourceVersion: "7", labels });
  assert.deepEqual(slim.endpoints[0], { addresses: ["10.1.0.1"], hostname: "x" });
  const answers = [plain, slim].map((slice) => {
    const zone = testZone();
    zone.setService(slimService(serviceObject("default/db", { clusterIP: "None" })));
    zone.setSlice(slice);
    const names = ["db", "x.db", "_http._tcp.db", "10-1-0-2.db"].map((each) =>
      `${each}.default.svc.cluster.local`.split("."),
    );
    return names.map((labels) => [zone.lookUp(labels, "A")?.answers, zone.lookUp(labels, "SRV")?.answers]);
  });
  assert.deepEqual(answers[1], answers[0]);
});
