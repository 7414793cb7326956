import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { isApiError } from "../../api-error.ts";
import { describeFieldError } from "../../field-error.ts";
import { decodeObject } from "../../schema/decode.ts";
import { applyDefaults } from "../../schema/defaults.ts";
import { validateObjectUpdate } from "../../schema/validate.ts";
import { defaultPullPolicy } from "./image.ts";
import { type Pod, pod } from "./pod.ts";

const NOW = new Date("2026-01-01T01:00:00Z");

function created(spec: JsonObject, metadata: JsonObject = {}): Pod {
  const json = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "default", ...metadata }, spec };
  const object = applyDefaults(pod, decodeObject(pod, json).object);
  return pod.prepareForCreate?.(object) ?? object;
}

const web = { name: "web", image: "nginx:1" };

test("pod gets the defaults that Kubernetes sets", () => {
  const { spec } = created({
    serviceAccount: "robot",
    containers: [{ ...web, ports: [{ containerPort: 80 }], livenessProbe: { httpGet: { port: 80 } } }],
    volumes: [{ name: "a" }, { name: "b", configMap: { name: "c" } }],
  });
  assert.deepEqual(spec, {
    serviceAccount: "robot",
    serviceAccountName: "robot",
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    terminationGracePeriodSeconds: 30,
    securityContext: {},
    enableServiceLinks: true,
    containers: [
      {
        ...web,
        imagePullPolicy: "IfNotPresent",
        ports: [{ containerPort: 80, protocol: "TCP" }],
        resources: {},
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
        livenessProbe: {
          httpGet: { path: "/", port: 80, scheme: "HTTP" },
          timeoutSeconds: 1,
          periodSeconds: 10,
          successThreshold: 1,
          failureThreshold: 3,
        },
      },
    ],
    volumes: [
      { name: "a", emptyDir: {} },
      { name: "b", configMap: { name: "c", defaultMode: 420 } },
    ],
  });
});

test("pod.prepareForCreate sets host ports, requests and the first status", () => {
  const { spec, status } = created({
    hostNetwork: true,
    containers: [{ ...web, ports: [{ containerPort: 80 }], resources: { limits: { cpu: "1", memory: "1Gi" } } }],
  });
  assert.equal(spec.containers[0]?.ports?.[0]?.hostPort, 80);
  assert.deepEqual(spec.containers[0]?.resources?.requests, { cpu: "1", memory: "1Gi" });
  assert.deepEqual(status, { phase: "Pending", qosClass: "Guaranteed" });
});

test("pod.prepareForCreate says that a gated pod is not scheduled", () => {
  const { status } = created({ containers: [web], schedulingGates: [{ name: "example.com/wait" }] });
  assert.equal(status?.conditions?.[0]?.reason, "SchedulingGated");
});

test("pod.prepareForCreate refuses ephemeral containers", () => {
  assert.throws(
    () => created({ containers: [web], ephemeralContainers: [{ ...web, name: "debug" }] }),
    (error) =>
      isApiError(error, "Invalid") &&
      error.message === 'Pod "p" is invalid: spec.ephemeralContainers: Forbidden: cannot be set on create',
  );
});

const QOS: readonly (readonly [expected: string, ...resources: JsonObject[]])[] = [
  ["BestEffort", {}],
  ["BestEffort", { requests: { "ephemeral-storage": "1Gi" } }],
  ["BestEffort", { requests: { cpu: "0" } }],
  ["Burstable", { requests: { cpu: "100m" } }],
  ["Burstable", { limits: { cpu: "1" } }],
  ["Burstable", { limits: { cpu: "1", memory: "1Gi" } }, {}],
  ["Burstable", { requests: { cpu: "500m" }, limits: { cpu: "1", memory: "1Gi" } }],
  ["Guaranteed", { limits: { cpu: "1", memory: "1Gi" } }],
  ["Guaranteed", { requests: { cpu: "1000m" }, limits: { cpu: "1", memory: "1Gi" } }],
];

for (const [expected, ...resources] of QOS) {
  test(`pod.status.qosClass is ${expected} for ${JSON.stringify(resources)}`, () => {
    const containers = resources.map((resources, index) => ({ ...web, name: `c${index}`, resources }));
    assert.equal(created({ containers }).status?.qosClass, expected);
  });
}

const POLICIES: readonly (readonly [image: string, policy: string])[] = [
  ["nginx", "Always"],
  ["nginx:latest", "Always"],
  ["nginx:1.27", "IfNotPresent"],
  ["registry:5000/nginx", "Always"],
  ["registry:5000/nginx:1", "IfNotPresent"],
  ["nginx@sha256:0123", "IfNotPresent"],
];

for (const [image, policy] of POLICIES) {
  test(`defaultPullPolicy of ${image} is ${policy}`, () => {
    assert.equal(defaultPullPolicy(image), policy);
  });
}

test("pod columns show what kubectl prints", () => {
  const made = created(
    { containers: [web], nodeName: "n1", readinessGates: [{ conditionType: "example.com/a" }] },
    { creationTimestamp: "2026-01-01T00:00:00Z" },
  );
  const object: Pod = {
    ...made,
    status: {
      phase: "Running",
      podIPs: [{ ip: "10.1.0.5" }, { ip: "fd00::5" }],
      conditions: [{ type: "example.com/a", status: "True" }],
      containerStatuses: [
        {
          name: "web",
          image: "nginx:1",
          imageID: "",
          ready: true,
          restartCount: 3,
          state: { running: {} },
          lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:55:00Z" } },
        },
      ],
    },
  };
  const cells = pod.columns.map((column) => [column.name, column.cell(object, NOW)]);
  assert.deepEqual(cells, [
    ["Name", "p"],
    ["Ready", "1/1"],
    ["Status", "Running"],
    ["Restarts", "3 (5m ago)"],
    ["Age", "60m"],
    ["IP", "10.1.0.5"],
    ["Node", "n1"],
    ["Nominated Node", "<none>"],
    ["Readiness Gates", "1/1"],
  ]);
});

test("pod field selectors read what they name", () => {
  const made = created({ containers: [web], nodeName: "n1", serviceAccountName: "robot" });
  const values = Object.entries(pod.fieldSelectors).map(([label, read]) => [label, read(made)]);
  assert.deepEqual(values, [
    ["spec.nodeName", "n1"],
    ["spec.restartPolicy", "Always"],
    ["spec.schedulerName", "default-scheduler"],
    ["spec.serviceAccountName", "robot"],
    ["spec.hostNetwork", "false"],
    ["status.phase", "Pending"],
    ["status.podIP", ""],
    ["status.nominatedNodeName", ""],
  ]);
});

const MAY_NOT =
  "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const gates = [{ name: "example.com/a" }, { name: "example.com/b" }];
const debug = { ...web, name: "debug" };
const required = (...values: readonly string[]) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: values.map((key) => ({ key, operator: "Exists" })) }],
    },
  },
});

const UPDATES: readonly (readonly [
  title: string,
  old: JsonObject,
  next: JsonObject,
  errors: readonly string[],
  subresource?: string,
])[] = [
  ["an image", {}, { containers: [{ ...web, image: "nginx:2", imagePullPolicy: "IfNotPresent" }] }, []],
  ["nothing", {}, {}, []],
  ["a node", {}, { nodeName: "n2" }, [MAY_NOT]],
  ["a command", {}, { containers: [{ ...web, command: ["x"] }] }, [MAY_NOT]],
  [
    "the number of containers",
    {},
    { containers: [web, { ...web, name: "b" }] },
    ["spec.containers: Forbidden: pod updates may not add or remove containers"],
  ],
  ["a new deadline", {}, { activeDeadlineSeconds: 10 }, []],
  [
    "a later deadline",
    { activeDeadlineSeconds: 10 },
    { activeDeadlineSeconds: 20 },
    ["spec.activeDeadlineSeconds: Invalid value: 20: must be less than or equal to previous value"],
  ],
  [
    "no deadline any more",
    { activeDeadlineSeconds: 10 },
    {},
    ["spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"],
  ],
  [
    "more tolerations",
    { tolerations: [{ key: "a", operator: "Exists" }] },
    {
      tolerations: [
        { key: "a", operator: "Exists" },
        { key: "b", operator: "Exists" },
      ],
    },
    [],
  ],
  [
    "less tolerations",
    { tolerations: [{ key: "a", operator: "Exists" }] },
    {},
    ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
  ],
  ["a negative grace period", { terminationGracePeriodSeconds: -1 }, { terminationGracePeriodSeconds: 1 }, []],
  ["a grace period", {}, { terminationGracePeriodSeconds: 1 }, [MAY_NOT]],
  ["less gates", { schedulingGates: gates }, { schedulingGates: gates.slice(1) }, []],
  [
    "more gates",
    { schedulingGates: gates.slice(1) },
    { schedulingGates: gates },
    ["spec.schedulingGates[0]: Forbidden: only deletion is allowed, but found new scheduling gate 'example.com/a'"],
  ],
  ["a gated pod's node selector", { schedulingGates: gates }, { schedulingGates: gates, nodeSelector: { a: "b" } }, []],
  [
    "a gated pod's old node selector",
    { schedulingGates: gates, nodeSelector: { a: "b" } },
    { schedulingGates: gates, nodeSelector: { a: "c" } },
    [
      'spec.nodeSelector: Invalid value: {"a":"c"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    ],
  ],
  ["a scheduled pod's node selector", {}, { nodeSelector: { a: "b" } }, [MAY_NOT]],
  [
    "a gated pod's affinity",
    { schedulingGates: gates, affinity: required("a") },
    { schedulingGates: gates, affinity: required("a", "b") },
    [],
  ],
  ["ephemeral containers, directly", {}, { ephemeralContainers: [debug] }, [MAY_NOT]],
  ["ephemeral containers, by their subresource", {}, { ephemeralContainers: [debug] }, [], "ephemeralcontainers"],
  [
    "removed ephemeral containers",
    { ephemeralContainers: [debug] },
    {},
    ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n'],
    "ephemeralcontainers",
  ],
  [
    "changed ephemeral containers",
    { ephemeralContainers: [debug] },
    { ephemeralContainers: [{ ...debug, image: "other:1" }] },
    ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be changed\n'],
    "ephemeralcontainers",
  ],
];

for (const [title, old, next, errors, subresource = ""] of UPDATES) {
  test(`pod.validateUpdate with ${title} gives ${errors.length === 0 ? "no error" : "an error"}`, () => {
    const [before, after] = [old, next].map((spec) => {
      const json = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "p", namespace: "default", resourceVersion: "1" },
        spec: { containers: [web], ...spec },
      };
      return applyDefaults(pod, decodeObject(pod, json).object);
    });
    assert.ok(before !== undefined && after !== undefined);
    assert.deepEqual(validateObjectUpdate(pod, after, before, subresource).map(describeFieldError), errors);
  });
}
