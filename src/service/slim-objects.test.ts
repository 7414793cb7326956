import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { compileService } from "./compile-service.ts";
import { slimService, slimSlice } from "./slim-objects.ts";
import { NODE, type SampleEndpoint, sampleService, sampleSlice } from "./testing/sample-service.ts";

const ENDPOINTS: readonly (readonly (string | SampleEndpoint)[])[] = [
  ["10.0.0.1", { address: "10.0.0.2", node: "n2" }],
  [
    { address: "10.0.0.1", state: "unready" },
    { address: "10.0.0.2", node: "n2", state: "terminating" },
    { address: "10.0.0.3", state: "gone" },
  ],
  [
    { address: "10.0.0.1", zones: ["a"] },
    { address: "10.0.0.2", node: "n2", zones: ["b"] },
    { address: "10.0.0.3", node: "n2", zones: ["a", "b"], nodes: ["n1"] },
  ],
];
const SPECS: readonly JsonObject[] = [
  {},
  { selector: { app: "web" }, sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 7 } } },
  { internalTrafficPolicy: "Local", externalIPs: ["192.0.2.7"] },
  { ports: [{ name: "dns", port: 53, protocol: "UDP" }] },
  {
    type: "LoadBalancer",
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 30999,
    loadBalancerSourceRanges: ["198.51.100.0/24"],
    ports: [{ port: 80, nodePort: 30080 }],
  },
  { type: "ExternalName", externalName: "example.org" },
];
const RESTS: readonly JsonObject[] = [
  { metadata: { namespace: "default", name: "web", annotations: { a: "b" }, labels: { app: "web" } } },
  { metadata: { namespace: "default", name: "web", labels: { "service.kubernetes.io/service-proxy-name": "other" } } },
];

test("slimService and slimSlice keep all that a Service is compiled from", () => {
  for (const spec of SPECS) {
    for (const rest of RESTS) {
      for (const endpoints of ENDPOINTS) {
        for (const name of ["", "dns"]) {
          const status = { loadBalancer: { ingress: [{ ip: "203.0.113.5" }] } };
          const service = sampleService(spec, { ...rest, status });
          const protocol = name === "dns" ? "UDP" : "TCP";
          const slice = sampleSlice(endpoints, { ports: [{ name, port: 8080, protocol }] });
          assert.deepEqual(
            compileService(slimService(service), [slimSlice(slice)], NODE),
            compileService(service, [slice], NODE),
            JSON.stringify({ spec, endpoints }),
          );
        }
      }
    }
  }
});

test("slimSlice leaves an address and the name of a node of a ready endpoint, and shares what many have", () => {
  const [one, other] = ["web-1", "web-2"].map((name) => {
    const labels = { "kubernetes.io/service-name": "web", other: "label" };
    const metadata = { namespace: "default", name, uid: `uid-${name}`, resourceVersion: "7", labels };
    const { endpoints, ports, ...rest } = sampleSlice(["10.0.0.1"], { metadata });
    const targetRef = { kind: "Pod", namespace: "default", name: "web-0", uid: "pod-uid" };
    return slimSlice({ ...rest, ports, endpoints: endpoints.map((endpoint) => ({ ...endpoint, targetRef })) });
  });
  assert.deepEqual(one?.endpoints, [{ addresses: ["10.0.0.1"], nodeName: "n1" }]);
  assert.equal(one?.ports, other?.ports);
  assert.deepEqual(one?.metadata, {
    namespace: "default",
    name: "web-1",
    uid: "uid-web-1",
    resourceVersion: "7",
    labels: { "kubernetes.io/service-name": "web" },
  });
});
