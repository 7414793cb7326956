import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "#api/kinds/pod/container.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import { podRequests } from "./pod-requests.ts";

const asks = (cpu: string, restartPolicy?: "Always"): Container => ({
  name: "c",
  image: "i",
  resources: { requests: { cpu } },
  ...(restartPolicy && { restartPolicy }),
});

const cases: readonly (readonly [says: string, spec: PodSpec, requests: Readonly<Record<string, number>>])[] = [
  ["adds containers", { containers: [asks("100m"), asks("0.25")] }, { cpu: 350 }],
  [
    "reads every resource in its unit",
    {
      containers: [
        { name: "c", image: "i", resources: { requests: { cpu: "1.5", memory: "1Ki", "example.com/gpu": "2" } } },
      ],
    },
    { cpu: 1500, memory: 1024, "example.com/gpu": 2 },
  ],
  ["leaves out what is zero", { containers: [asks("0")] }, {}],
  [
    "takes the largest init container",
    { containers: [asks("1")], initContainers: [asks("3"), asks("2")] },
    { cpu: 3000 },
  ],
  ["does not add init containers", { containers: [asks("2")], initContainers: [asks("1"), asks("1")] }, { cpu: 2000 }],
  ["adds sidecars", { containers: [asks("1")], initContainers: [asks("2", "Always")] }, { cpu: 3000 }],
  [
    "adds sidecars to later init containers only",
    { containers: [asks("1")], initContainers: [asks("5"), asks("2", "Always"), asks("4")] },
    { cpu: 6000 },
  ],
  [
    "takes what the pod says as a whole",
    { containers: [asks("1")], resources: { requests: { cpu: "3", "example.com/gpu": "1" } } },
    { cpu: 3000 },
  ],
  ["adds overhead", { containers: [asks("1")], overhead: { cpu: "250m", memory: "1" } }, { cpu: 1250, memory: 1 }],
];

for (const [says, spec, requests] of cases) {
  test(`podRequests ${says}`, () => {
    assert.deepEqual(Object.fromEntries(podRequests(spec)), requests);
  });
}

test("podRequests counts with what is missing, container by container", () => {
  const missing = new Map([["cpu", 100]]);
  const spec = { containers: [asks("1"), { name: "d", image: "i" }, { name: "e", image: "i" }] };
  assert.deepEqual(podRequests(spec, missing), new Map([["cpu", 1200]]));
});
