import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { cellsOf, createObject, problemsOfCreate, problemsOfUpdate } from "../testing/create-object.ts";
import { service } from "./service.ts";

const PORTS = { ports: [{ port: 80 }] } as const;

const defaults: readonly (readonly [JsonObject, JsonObject])[] = [
  [PORTS, { type: "ClusterIP", internalTrafficPolicy: "Cluster" }],
  [
    { ...PORTS, externalIPs: ["192.0.2.1"] },
    {
      type: "ClusterIP",
      internalTrafficPolicy: "Cluster",
      externalTrafficPolicy: "Cluster",
      externalIPs: ["192.0.2.1"],
    },
  ],
  [
    { ...PORTS, type: "NodePort" },
    { type: "NodePort", internalTrafficPolicy: "Cluster", externalTrafficPolicy: "Cluster" },
  ],
  [
    { ...PORTS, type: "LoadBalancer" },
    {
      type: "LoadBalancer",
      internalTrafficPolicy: "Cluster",
      externalTrafficPolicy: "Cluster",
      allocateLoadBalancerNodePorts: true,
    },
  ],
  [
    { ...PORTS, clusterIP: "None" },
    { type: "ClusterIP", internalTrafficPolicy: "Cluster", clusterIP: "None", clusterIPs: ["None"] },
  ],
];

for (const [spec, complete] of defaults) {
  test(`service completes ${JSON.stringify(spec)}`, () => {
    const object = createObject(service, { spec });
    const ports = [{ port: 80, protocol: "TCP", targetPort: 80 }];
    assert.deepEqual(object.spec, { sessionAffinity: "None", ports, ...complete });
    assert.deepEqual(object.status, { loadBalancer: {} });
  });
}

test("service of the type ExternalName gets no policy", () => {
  assert.deepEqual(createObject(service, { spec: { type: "ExternalName", externalName: "example.com" } }).spec, {
    type: "ExternalName",
    externalName: "example.com",
    sessionAffinity: "None",
  });
});

test("service has a time for session affinity only when it has affinity", () => {
  const sticky = createObject(service, { spec: { ...PORTS, sessionAffinity: "ClientIP" } });
  assert.deepEqual(sticky.spec.sessionAffinityConfig, { clientIP: { timeoutSeconds: 10800 } });
  const config = { sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } };
  assert.equal(createObject(service, { spec: { ...PORTS, ...config } }).spec.sessionAffinityConfig, undefined);
});

const problems: readonly (readonly [JsonObject, readonly string[]])[] = [
  [PORTS, []],
  [{ clusterIP: "None" }, []],
  [{}, ["spec.ports: Required value"]],
  [{ ports: [{}] }, ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"]],
  [{ ports: [{ name: "a", port: 80 }, { port: 81 }] }, ["spec.ports[1].name: Required value"]],
  [
    {
      ports: [
        { name: "a", port: 80 },
        { name: "a", port: 81 },
      ],
    },
    ['spec.ports[1].name: Duplicate value: "a"'],
  ],
  [
    {
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 80 },
      ],
    },
    ['spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}'],
  ],
  [
    {
      ports: [
        { name: "a", port: 53 },
        { name: "b", port: 53, protocol: "UDP" },
      ],
    },
    [],
  ],
  [
    { ports: [{ port: 80, targetPort: "a--b" }] },
    ['spec.ports[0].targetPort: Invalid value: "a--b": must not contain consecutive hyphens'],
  ],
  [
    { ports: [{ port: 80, nodePort: 30080 }] },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    {
      type: "NodePort",
      ports: [
        { name: "a", port: 80, nodePort: 30080 },
        { name: "b", port: 81, nodePort: 30080 },
      ],
    },
    ["spec.ports[1].nodePort: Duplicate value: 30080"],
  ],
  [
    { ...PORTS, type: "NodePort", clusterIP: "None" },
    ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
  ],
  [{ type: "ExternalName" }, ["spec.externalName: Required value"]],
  [
    { type: "ExternalName", externalName: "example.com.", clusterIP: "10.0.0.1" },
    ["spec.clusterIPs: Forbidden: may not be set for ExternalName services"],
  ],
  [
    { ...PORTS, type: "Cluster" },
    [
      'spec.type: Unsupported value: "Cluster": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  ],
  [
    { ...PORTS, sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 90000 } } },
    [
      "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 90000: must be greater than 0 and less than 86400",
    ],
  ],
  [
    { ...PORTS, externalIPs: ["127.0.0.1"] },
    ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  ],
  [
    { ...PORTS, externalTrafficPolicy: "Local" },
    ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
  ],
  [
    { ...PORTS, healthCheckNodePort: 30000 },
    [
      "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
  ],
  [
    { ...PORTS, loadBalancerClass: "example.com/lb", allocateLoadBalancerNodePorts: false },
    [
      "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
  ],
  [
    { ...PORTS, type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.0/8", "web"] },
    [
      'spec.LoadBalancerSourceRanges[1]: Invalid value: "web": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  ],
];

for (const [spec, texts] of problems) {
  test(`service validation gives ${texts.join(", ") || "no problem"} for ${JSON.stringify(spec)}`, () => {
    assert.deepEqual(problemsOfCreate(service, { spec }), texts);
  });
}

test("service validation reads source ranges from the annotation, too", () => {
  const annotations = { "service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8, web" };
  const path = "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]";
  assert.deepEqual(problemsOfCreate(service, { metadata: { annotations }, spec: PORTS }), [
    `${path}: Forbidden: may only be used when \`type\` is 'LoadBalancer'`,
    `${path}: Invalid value: "web": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`,
  ]);
});

test("service names start with a letter", () => {
  const [text = ""] = problemsOfCreate(service, { metadata: { name: "0web" }, spec: PORTS });
  assert.match(text, /^metadata\.name: Invalid value: "0web": a DNS-1035 label must consist of/);
});

test("service's load balancer has a state only when it has one", () => {
  const plain = createObject(service, { spec: PORTS });
  const balanced = createObject(service, { spec: { ...PORTS, type: "LoadBalancer" } });
  const status = (ingress: JsonObject) => ({ status: { loadBalancer: { ingress: [ingress] } } });
  const path = "status.loadBalancer.ingress";
  assert.deepEqual(problemsOfUpdate(service, balanced, status({ ip: "192.0.2.1" }), "status"), []);
  assert.deepEqual(problemsOfUpdate(service, plain, status({ ip: "192.0.2.1" }), "status"), [
    `${path}: Forbidden: may only be used when \`spec.type\` is 'LoadBalancer'`,
  ]);
  assert.deepEqual(problemsOfUpdate(service, balanced, status({ hostname: "192.0.2.1", ipMode: "VIP" }), "status"), [
    `${path}[0].ipMode: Forbidden: may not be specified when \`ip\` is not set`,
    `${path}[0].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address`,
  ]);
});

const LB = { ...PORTS, type: "LoadBalancer", clusterIP: "10.0.0.1" };
const cells: readonly (readonly [JsonObject, readonly JsonObject[], JsonObject])[] = [
  [
    { ports: [{ port: 80 }], clusterIP: "10.0.0.1", selector: { tier: "a", app: "web" } },
    [],
    { TYPE: "ClusterIP", "CLUSTER-IP": "10.0.0.1", "PORT(S)": "80/TCP", SELECTOR: "app=web,tier=a" },
  ],
  [
    {
      type: "NodePort",
      clusterIP: "10.0.0.1",
      ports: [
        { name: "a", port: 80, nodePort: 30080 },
        { name: "b", port: 53, protocol: "UDP" },
      ],
      externalIPs: ["192.0.2.1", "192.0.2.2"],
    },
    [],
    { TYPE: "NodePort", "PORT(S)": "80:30080/TCP,53/UDP", "EXTERNAL-IP": "192.0.2.1,192.0.2.2" },
  ],
  [LB, [], { TYPE: "LoadBalancer", "EXTERNAL-IP": "<pending>" }],
  [LB, [{ ip: "192.0.2.1" }], { TYPE: "LoadBalancer", "EXTERNAL-IP": "192.0.2.1" }],
  [
    LB,
    [{ hostname: "lb.example.com" }, { ip: "192.0.2.1" }],
    { TYPE: "LoadBalancer", "EXTERNAL-IP": "192.0.2.1,lb.example.com" },
  ],
  [{ ...LB, externalIPs: ["192.0.2.9"] }, [], { TYPE: "LoadBalancer", "EXTERNAL-IP": "192.0.2.9" }],
  [
    { type: "ExternalName", externalName: "example.com" },
    [],
    { TYPE: "ExternalName", "CLUSTER-IP": "<none>", "EXTERNAL-IP": "example.com", "PORT(S)": "<none>" },
  ],
  [{ ...PORTS, clusterIP: "None" }, [], { TYPE: "ClusterIP", "CLUSTER-IP": "None" }],
];

for (const [spec, ingress, expected] of cells) {
  test(`service's cells are kubectl's for ${JSON.stringify(spec)}`, () => {
    const object = createObject(service, { spec, status: { loadBalancer: { ingress } } });
    assert.deepEqual(cellsOf(service, object), {
      NAME: "web",
      "CLUSTER-IP": "10.0.0.1",
      "EXTERNAL-IP": "<none>",
      "PORT(S)": "80/TCP",
      AGE: "60m",
      SELECTOR: "<none>",
      ...expected,
    });
  });
}
