import assert from "node:assert/strict";
import { test } from "node:test";
import { prepareSpec, prepareSpecUpdate } from "./prepare-service.ts";
import type { ServiceSpec } from "./service-spec.ts";

const V4 = "10.0.0.1";
const V6 = "2001:db8::1";

test("prepareSpec gives clusterIPs to clients that only know clusterIP", () => {
  assert.deepEqual(prepareSpec({ clusterIP: V4 }), { clusterIP: V4, clusterIPs: [V4] });
  assert.deepEqual(prepareSpec({}), {});
});

const allocated: ServiceSpec = {
  type: "NodePort",
  clusterIP: V4,
  clusterIPs: [V4],
  externalTrafficPolicy: "Cluster",
  ports: [
    { name: "a", port: 80, nodePort: 30080 },
    { name: "b", port: 81, nodePort: 30081 },
  ],
};
const balanced: ServiceSpec = {
  ...allocated,
  type: "LoadBalancer",
  externalTrafficPolicy: "Local",
  healthCheckNodePort: 32000,
  allocateLoadBalancerNodePorts: true,
  loadBalancerClass: "example.com/lb",
};

const updates: readonly (readonly [string, ServiceSpec, ServiceSpec, ServiceSpec])[] = [
  [
    "keeps what was allocated when the client leaves it out",
    balanced,
    {
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      ports: [
        { name: "a", port: 8080 },
        { name: "c", port: 82 },
      ],
    },
    {
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      clusterIP: V4,
      clusterIPs: [V4],
      healthCheckNodePort: 32000,
      ports: [
        { name: "a", port: 8080, nodePort: 30080 },
        { name: "c", port: 82 },
      ],
    },
  ],
  [
    "gives no node port that another port took",
    allocated,
    {
      type: "NodePort",
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 81, nodePort: 30080 },
      ],
    },
    {
      type: "NodePort",
      clusterIP: V4,
      clusterIPs: [V4],
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 81, nodePort: 30080 },
      ],
    },
  ],
  [
    "drops what only the old type has",
    balanced,
    { ...balanced, type: "ClusterIP" },
    {
      type: "ClusterIP",
      clusterIP: V4,
      clusterIPs: [V4],
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 81 },
      ],
    },
  ],
  [
    "keeps node ports that the client changed, for validation to refuse",
    { ...allocated, ports: [{ port: 80, nodePort: 30080 }] },
    { type: "ClusterIP", ports: [{ port: 80, nodePort: 30081 }] },
    { type: "ClusterIP", clusterIP: V4, clusterIPs: [V4], ports: [{ port: 80, nodePort: 30081 }] },
  ],
  [
    "drops addresses when the type has none",
    { type: "ClusterIP", clusterIP: V4, clusterIPs: [V4], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" },
    {
      type: "ExternalName",
      externalName: "example.com",
      clusterIP: V4,
      clusterIPs: [V4],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    },
    { type: "ExternalName", externalName: "example.com" },
  ],
  [
    "follows clusterIP when the client changed it alone",
    { type: "ClusterIP", clusterIP: V4, clusterIPs: [V4] },
    { type: "ClusterIP", clusterIP: "10.0.0.2", clusterIPs: [V4] },
    { type: "ClusterIP", clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2"] },
  ],
  [
    "drops the second family with ipFamilyPolicy SingleStack",
    {
      type: "ClusterIP",
      clusterIP: V4,
      clusterIPs: [V4, V6],
      ipFamilies: ["IPv4", "IPv6"],
      ipFamilyPolicy: "PreferDualStack",
    },
    {
      type: "ClusterIP",
      clusterIP: V4,
      clusterIPs: [V4, V6],
      ipFamilies: ["IPv4", "IPv6"],
      ipFamilyPolicy: "SingleStack",
    },
    {
      type: "ClusterIP",
      clusterIP: V4,
      clusterIPs: [V4],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    },
  ],
];

for (const [behaviour, old, next, prepared] of updates) {
  test(`prepareSpecUpdate ${behaviour}`, () => {
    assert.deepEqual(prepareSpecUpdate(next, old), prepared);
  });
}
