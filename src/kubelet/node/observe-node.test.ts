import assert from "node:assert/strict";
import { test } from "node:test";
import { CriError } from "#cri/cri-error.ts";
import { createNodeObserver, type NodeObserverDeps } from "./observe-node.ts";

const machine = {
  cpus: 2,
  memoryBytes: 1 << 30,
  diskBytes: 1 << 30,
  architecture: "amd64",
  bootId: "",
  machineId: "",
  systemUuid: "",
  kernelVersion: "",
  osImage: "",
} as const;
const fixed = { nodeName: "node", ips: [], machine, maxPods: 110, kubeletPort: 10_250, kubeletVersion: "v1.32.0" };

function runtime(): { readonly cri: NodeObserverDeps["cri"]; isUp: boolean } {
  const state = { isUp: true };
  const answer =
    <T>(value: T) =>
    async (): Promise<T> => {
      if (!state.isUp) throw new CriError("Status", "UNAVAILABLE", "connection refused");
      return value;
    };
  const conditions = ["RuntimeReady", "NetworkReady"].map((type) => ({ type, status: true, reason: "", message: "" }));
  const cri: NodeObserverDeps["cri"] = {
    version: answer({
      version: "0.1.0",
      runtimeName: "containerd",
      runtimeVersion: "1.6.20~ds1",
      runtimeApiVersion: "v1",
    }),
    status: answer({ status: { conditions }, info: {} }),
    listImages: answer({ images: [] }),
  };
  return Object.assign(state, { cri });
}

test("createNodeObserver counts a runtime's last answer for 30 s, and a node is not ready after that", async () => {
  const it = runtime();
  let nowMs = 1_000_000;
  const observe = createNodeObserver({ cri: it.cri, nowMs: () => nowMs }, fixed);
  const ready = async (): Promise<readonly (string | undefined)[]> => {
    const { conditions = [] } = await observe(undefined);
    const found = conditions.find(({ type }) => type === "Ready");
    return [found?.status, found?.message];
  };
  assert.deepEqual(await ready(), ["True", "kubelet is posting ready status"]);
  it.isUp = false;
  nowMs += 29_999;
  assert.deepEqual(await ready(), ["True", "kubelet is posting ready status"]);
  nowMs += 1;
  assert.deepEqual(await ready(), ["False", "container runtime is down: connection refused"]);
  it.isUp = true;
  assert.deepEqual(await ready(), ["True", "kubelet is posting ready status"]);
});

test("createNodeObserver has no patience with a runtime that has never answered", async () => {
  const it = runtime();
  it.isUp = false;
  const { conditions = [] } = await createNodeObserver({ cri: it.cri }, fixed)(undefined);
  assert.equal(conditions.find(({ type }) => type === "Ready")?.status, "False");
});
