import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { container, podObject } from "../testing/pod-object.ts";
import { type ContainerInput, containerConfig } from "./container-config.ts";
import { expand } from "./expand.ts";

const data = {
  configMap: (name: string) => (name === "settings" ? new Map([["color", Buffer.from("blue")]]) : undefined),
  secret: () => undefined,
};
const facts = { nodeName: "n1", hostIps: ["192.0.2.2"], podIps: ["10.0.0.2"], allocatable: { cpu: "2" } };

function input(more: Parameters<typeof container>[1]): ContainerInput {
  const app = container("app", more);
  return {
    pod: podObject({ containers: [app] }),
    container: app,
    facts,
    data,
    serviceLinks: { WEB_PORT: "tcp://10.96.0.1:80" },
    attempt: 1,
    backOffMs: 10_000,
    imageRef: "sha256:1",
    volumePaths: new Map([["data", "/pods/u1/data"]]),
    hostsPath: "/pods/u1/etc-hosts",
    messagePath: "/pods/u1/message",
    targetId: undefined,
    nodeMemoryBytes: 2 ** 30,
  };
}

suite("expand", () => {
  for (const [text, expected] of [
    ["$(A)-$(B)", "1-$(B)"],
    ["$$(A)", "$(A)"],
    ["$A $(", "$A $("],
  ] as const) {
    test(text, () =>
      assert.equal(
        expand(text, (name) => (name === "A" ? "1" : undefined)),
        expected,
      ),
    );
  }
});

suite("containerConfig", () => {
  test("variables see earlier ones, and commands see all", () => {
    const { envs, command } = containerConfig(
      input({
        command: ["echo", "$(GREETING)", "$(WEB_PORT)"],
        envFrom: [{ prefix: "CFG_", configMapRef: { name: "settings" } }],
        env: [
          { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
          { name: "CPUS", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
          { name: "GREETING", value: "hello $(NODE) $(CFG_color)" },
        ],
      }),
    );
    assert.deepEqual(command, ["echo", "hello n1 blue", "tcp://10.96.0.1:80"]);
    assert.deepEqual(
      envs?.map(({ key, value }) => `${key}=${value}`),
      ["WEB_PORT=tcp://10.96.0.1:80", "CFG_color=blue", "NODE=n1", "CPUS=2", "GREETING=hello n1 blue"],
    );
  });

  for (const [title, more, message] of [
    ["a missing ConfigMap", { envFrom: [{ configMapRef: { name: "none" } }] }, 'configmap "none" not found'],
    [
      "a missing key",
      { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "settings", key: "size" } } }] },
      "couldn't find key size in ConfigMap default/settings",
    ],
    [
      "an unknown volume",
      { volumeMounts: [{ name: "x", mountPath: "/x" }] },
      'cannot find volume "x" to mount into container',
    ],
    [
      "a path out of the volume",
      { volumeMounts: [{ name: "data", mountPath: "/x", subPath: "../y" }] },
      "subPath \"../y\" must be a relative path without '..'",
    ],
  ] as const) {
    test(`refuses ${title}`, () => assert.throws(() => containerConfig(input(more)), { message }));
  }

  test("mounts volumes, hosts and the message file", () => {
    const { mounts } = containerConfig(
      input({ volumeMounts: [{ name: "data", mountPath: "/data", subPath: "a", readOnly: true }] }),
    );
    assert.deepEqual(
      mounts?.map(({ containerPath, hostPath, readonly }) => [containerPath, hostPath, readonly]),
      [
        ["/data", "/pods/u1/data/a", true],
        ["/etc/hosts", "/pods/u1/etc-hosts", undefined],
        ["/dev/termination-log", "/pods/u1/message", undefined],
      ],
    );
  });

  test("turns requests and limits into control groups' values", () => {
    const { linux } = containerConfig(
      input({ resources: { requests: { cpu: "250m", memory: "64Mi" }, limits: { cpu: "500m", memory: "128Mi" } } }),
    );
    const { cpuShares, cpuQuota, cpuPeriod, memoryLimitInBytes, oomScoreAdj } = linux?.resources ?? {};
    assert.deepEqual([cpuShares, cpuQuota, cpuPeriod], [256n, 50_000n, 100_000n]);
    assert.deepEqual([memoryLimitInBytes, oomScoreAdj], [134_217_728n, 938n]);
  });
});
