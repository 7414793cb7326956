import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { describeFieldError } from "../../field-error.ts";
import { decodeObject } from "../../schema/decode.ts";
import { applyDefaults } from "../../schema/defaults.ts";
import { validateObject } from "../../schema/validate.ts";
import { pod } from "./pod.ts";
import { completePodSpec } from "./prepare-pod.ts";
import { validatePodSpec, validatePodTemplate } from "./validate-pod-spec.ts";

const web = { name: "web", image: "nginx:1" };

function errorsOf(spec: JsonObject): readonly string[] {
  const json = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "default" }, spec };
  const { object, strictErrors } = decodeObject(pod, json);
  assert.deepEqual(strictErrors, []);
  const complete = applyDefaults(pod, object);
  return validateObject(pod, { ...complete, spec: completePodSpec(complete.spec) }).map(describeFieldError);
}

const withWeb = (container: JsonObject, spec: JsonObject = {}): JsonObject => ({
  ...spec,
  containers: [{ ...web, ...container }],
});
const at = "spec.containers[0]";

const VALID: readonly (readonly [title: string, spec: JsonObject])[] = [
  ["one container", { containers: [web] }],
  [
    "empty strings and zeros as absent",
    withWeb({ ports: [{ containerPort: 80, hostPort: 0, name: "" }] }, { hostname: "" }),
  ],
  [
    "a sidecar with probes",
    {
      initContainers: [
        { ...web, name: "proxy", restartPolicy: "Always", startupProbe: { exec: { command: ["true"] } } },
      ],
      containers: [web],
    },
  ],
  [
    "the same port twice with different protocols",
    withWeb({
      ports: [
        { containerPort: 53, hostPort: 53, protocol: "UDP" },
        { containerPort: 53, hostPort: 53, protocol: "TCP" },
      ],
    }),
  ],
  ["a host network without host ports", withWeb({ ports: [{ containerPort: 80 }] }, { hostNetwork: true })],
  [
    "all kinds of volumes",
    {
      containers: [web],
      volumes: [
        { name: "a" },
        { name: "b", hostPath: { path: "/var" } },
        { name: "c", configMap: { name: "c", items: [{ key: "k", path: "a/b" }] } },
        { name: "d", secret: { secretName: "s", optional: true } },
        { name: "e", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
        { name: "f", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
        { name: "g", persistentVolumeClaim: { claimName: "data" } },
        { name: "h", csi: { driver: "csi.example.com" } },
        { name: "i", nfs: { server: "nfs", path: "/" } },
        { name: "j", ephemeral: { volumeClaimTemplate: { spec: {} } } },
      ],
    },
  ],
  [
    "variables from everywhere",
    withWeb({
      env: [
        { name: "A", value: "1" },
        { name: "B", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        { name: "C", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: "D", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        { name: "E.with-dots", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
      ],
      envFrom: [{ configMapRef: { name: "c" } }],
    }),
  ],
  [
    "requests below limits in other units",
    withWeb({
      resources: { requests: { cpu: "500m", memory: "1Gi" }, limits: { cpu: "1", memory: "1024Mi" } },
    }),
  ],
];

for (const [title, spec] of VALID) {
  test(`validatePodSpec accepts ${title}`, () => {
    assert.deepEqual(errorsOf(spec), []);
  });
}

const INVALID: readonly (readonly [error: string, spec: JsonObject])[] = [
  ["spec.containers: Required value", {}],
  [`${at}.image: Required value`, { containers: [{ name: "web" }] }],
  [`spec.containers[1].name: Duplicate value: "web"`, { containers: [web, web] }],
  [`${at}.name: Duplicate value: "web"`, { initContainers: [web], containers: [web] }],
  [`${at}.image: Invalid value: " nginx": must not have leading or trailing whitespace`, withWeb({ image: " nginx" })],
  [
    `spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"`,
    { containers: [web], restartPolicy: "Sometimes" },
  ],
  [
    `${at}.imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"`,
    withWeb({ imagePullPolicy: "Maybe" }),
  ],
  [
    `${at}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
    withWeb({ ports: [{ containerPort: 70000 }] }),
  ],
  [
    `${at}.ports[0].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
    withWeb({ ports: [{ containerPort: 80, hostPort: 70000 }] }),
  ],
  [
    `${at}.ports[1].name: Duplicate value: "http"`,
    withWeb({
      ports: [
        { containerPort: 80, name: "http" },
        { containerPort: 81, name: "http" },
      ],
    }),
  ],
  [
    `${at}.ports[0].name: Invalid value: "much-too-long-name": must be no more than 15 characters`,
    withWeb({ ports: [{ containerPort: 80, name: "much-too-long-name" }] }),
  ],
  [
    `spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"`,
    {
      containers: [
        { ...web, ports: [{ containerPort: 80, hostPort: 80 }] },
        { ...web, name: "b", ports: [{ containerPort: 81, hostPort: 80 }] },
      ],
    },
  ],
  [
    `${at}.ports[0].hostPort: Invalid value: 81: must match \`containerPort\` when \`hostNetwork\` is true`,
    withWeb({ ports: [{ containerPort: 80, hostPort: 81 }] }, { hostNetwork: true }),
  ],
  [`${at}.volumeMounts[0].name: Not found: "data"`, withWeb({ volumeMounts: [{ name: "data", mountPath: "/data" }] })],
  [
    `${at}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique`,
    withWeb(
      {
        volumeMounts: [
          { name: "v", mountPath: "/a" },
          { name: "v", mountPath: "/a" },
        ],
      },
      { volumes: [{ name: "v" }] },
    ),
  ],
  [
    `${at}.volumeMounts[0].subPath: Invalid value: "../x": must not contain '..'`,
    withWeb({ volumeMounts: [{ name: "v", mountPath: "/a", subPath: "../x" }] }, { volumes: [{ name: "v" }] }),
  ],
  [
    `${at}.volumeMounts[0].mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`,
    withWeb(
      { volumeMounts: [{ name: "v", mountPath: "/a", mountPropagation: "Bidirectional" }] },
      { volumes: [{ name: "v" }] },
    ),
  ],
  [`spec.volumes[1].name: Duplicate value: "v"`, { containers: [web], volumes: [{ name: "v" }, { name: "v" }] }],
  [
    "spec.volumes[0].emptyDir: Forbidden: may not specify more than 1 volume type",
    { containers: [web], volumes: [{ name: "v", hostPath: { path: "/" }, emptyDir: {} }] },
  ],
  ["spec.volumes[0].configMap.name: Required value", { containers: [web], volumes: [{ name: "v", configMap: {} }] }],
  [
    "spec.volumes[0].secret.defaultMode: Invalid value: 512: must be between 0 and 511, inclusive",
    { containers: [web], volumes: [{ name: "v", secret: { secretName: "s", defaultMode: 512 } }] },
  ],
  [
    "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes",
    {
      containers: [web],
      volumes: [{ name: "v", projected: { sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 60 } }] } }],
    },
  ],
  [`${at}.env[0].name: Required value`, withWeb({ env: [{ value: "1" }] })],
  [
    `${at}.env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than '='`,
    withWeb({ env: [{ name: "A=B" }] }),
  ],
  [
    `${at}.env[0].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`,
    withWeb({ env: [{ name: "A", value: "1", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] }),
  ],
  [
    `${at}.env[0].valueFrom: Invalid value: "": must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\` or \`secretKeyRef\``,
    withWeb({ env: [{ name: "A", valueFrom: {} }] }),
  ],
  [
    `${at}.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "spec.x": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
    withWeb({ env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "spec.x" } } }] }),
  ],
  [
    `${at}.envFrom[0]: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``,
    withWeb({ envFrom: [{}] }),
  ],
  [
    `${at}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`,
    withWeb({ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }),
  ],
  [
    `${at}.resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0`,
    withWeb({ resources: { limits: { memory: "-1" } } }),
  ],
  [
    `${at}.resources.requests[disks]: Invalid value: "disks": must be a standard resource for containers`,
    withWeb({ resources: { requests: { disks: "1" } } }),
  ],
  [
    `${at}.resources.limits: Required value: Limit must be set for non overcommitable resources`,
    withWeb({ resources: { requests: { "example.com/gpu": "1" } } }),
  ],
  [
    `${at}.resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer`,
    withWeb({ resources: { limits: { "example.com/gpu": "500m" } } }),
  ],
  [`${at}.livenessProbe: Required value: must specify a handler type`, withWeb({ livenessProbe: {} })],
  [
    `${at}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`,
    withWeb({ livenessProbe: { httpGet: { port: 80 }, tcpSocket: { port: 80 } } }),
  ],
  [
    `${at}.livenessProbe.successThreshold: Invalid value: 2: must be 1`,
    withWeb({ livenessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 } }),
  ],
  [
    `${at}.readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0`,
    withWeb({ readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: -1 } }),
  ],
  [
    `${at}.readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive`,
    withWeb({ readinessProbe: { httpGet: { port: 0 } } }),
  ],
  [`${at}.lifecycle.preStop.exec.command: Required value`, withWeb({ lifecycle: { preStop: { exec: {} } } })],
  [
    `${at}.lifecycle.preStop.sleep: Invalid value: 60: must be greater than 0 and less than terminationGracePeriodSeconds (30)`,
    withWeb({ lifecycle: { preStop: { sleep: { seconds: 60 } } } }),
  ],
  [`${at}.restartPolicy: Forbidden: may not be set for non-init containers`, withWeb({ restartPolicy: "Always" })],
  [
    "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
    { initContainers: [{ ...web, name: "i", readinessProbe: { tcpSocket: { port: 1 } } }], containers: [web] },
  ],
  [
    "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
    { containers: [web], ephemeralContainers: [{ ...web, name: "debug", ports: [{ containerPort: 1 }] }] },
  ],
  [
    `spec.ephemeralContainers[0].targetContainerName: Not found: "db"`,
    { containers: [web], ephemeralContainers: [{ ...web, name: "debug", targetContainerName: "db" }] },
  ],
  [
    "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
    { containers: [web], dnsPolicy: "None" },
  ],
  [
    `spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)`,
    { containers: [web], dnsConfig: { nameservers: ["x"] } },
  ],
  [
    `spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when \`key\` is empty, which means "match all values and all keys"`,
    { containers: [web], tolerations: [{ operator: "Equal" }] },
  ],
  [
    `spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
    { containers: [web], tolerations: [{ key: "a", effect: "NoSchedule", tolerationSeconds: 0 }] },
  ],
  [
    "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than or equal to 1",
    {
      containers: [web],
      topologySpreadConstraints: [
        { maxSkew: 0, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: {} },
      ],
    },
  ],
  [
    "spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
    {
      containers: [web],
      topologySpreadConstraints: [
        { maxSkew: 1, minDomains: 2, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" },
      ],
    },
  ],
  [
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    {
      containers: [web],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "In" }] }],
          },
        },
      },
    },
  ],
  [
    "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be between 1 and 100, inclusive",
    {
      containers: [web],
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 101, podAffinityTerm: { topologyKey: "zone" } }],
        },
      },
    },
  ],
  [
    "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
    { containers: [web], activeDeadlineSeconds: 0 },
  ],
  [
    "spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled",
    { containers: [web], shareProcessNamespace: true, hostPID: true },
  ],
  [
    "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
    { containers: [web], schedulingGates: [{ name: "example.com/wait" }], nodeName: "n1" },
  ],
  [
    "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost",
    { containers: [web], securityContext: { seccompProfile: { type: "Localhost" } } },
  ],
];

for (const [error, spec] of INVALID) {
  test(`validatePodSpec says ${error}`, () => {
    const errors = errorsOf(spec);
    assert.ok(errors.includes(error), errors.join("\n"));
  });
}

test("validatePodTemplate names the template's path and lets host ports be left out", () => {
  const ports = [{ containerPort: 80, protocol: "TCP" }] as const;
  const spec = { hostNetwork: true, containers: [{ ...web, ports }] };
  assert.deepEqual(validatePodTemplate({ spec }, "spec.template"), []);
  const mounts = { ...spec, containers: [{ ...web, volumeMounts: [{ name: "v", mountPath: "/" }] }] };
  assert.deepEqual(validatePodTemplate({ spec: mounts }, "spec.template").map(describeFieldError), [
    `spec.template.spec.containers[0].volumeMounts[0].name: Not found: "v"`,
  ]);
  assert.equal(validatePodSpec(spec, "spec", { isTemplate: false }).length, 1);
  const debug = { containers: [web], ephemeralContainers: [{ ...web, name: "debug" }] };
  assert.deepEqual(validatePodTemplate({ spec: debug }, "spec.template").map(describeFieldError), [
    "spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template",
  ]);
});
