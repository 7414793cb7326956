/** Small pods for tests. */
import type { Container } from "#api/kinds/pod/container.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { ContainerInstance, PodRuntimeState, PodView } from "../pod-worker/pod-view.ts";
import { emptyMemory } from "../pod-worker/pod-view.ts";

export const NOW_MS = Date.UTC(2030, 0, 1);

export function container(name: string, more: Partial<Container> = {}): Container {
  return { name, image: "busybox", ...more };
}

export function podObject(spec: Partial<PodSpec> = {}, more: Partial<Pod> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default", uid: "u1", ...more.metadata },
    spec: { containers: [container("app")], ...spec },
    ...(more.status !== undefined && { status: more.status }),
  };
}

export function instance(name: string, more: Partial<ContainerInstance> = {}): ContainerInstance {
  const attempt = more.attempt ?? 0;
  return {
    id: `${name}-${attempt}`,
    name,
    sandboxId: "s0",
    attempt,
    state: "running",
    createdAtMs: NOW_MS - 2000,
    startedAtMs: NOW_MS - 1000,
    finishedAtMs: more.state === "exited" ? NOW_MS : 0,
    exitCode: 0,
    reason: "",
    message: "",
    image: "busybox",
    imageRef: "sha256:1",
    wantedImage: "busybox",
    backOffMs: 0,
    logPath: "",
    graceSeconds: 30,
    ...more,
  };
}

export const readySandbox = { id: "s0", attempt: 0, isReady: true, createdAtMs: NOW_MS - 3000, ips: ["10.0.0.2"] };

export function podView(pod: Pod, runtime: Partial<PodRuntimeState> = {}, more: Partial<PodView> = {}): PodView {
  const containers = runtime.containers ?? [];
  const running = new Set(containers.filter(({ state }) => state === "running").map(({ id }) => id));
  return {
    pod,
    isGone: false,
    runtime: { sandboxes: runtime.sandboxes ?? [], containers },
    memory: { ...emptyMemory(NOW_MS - 5000), started: running, ready: running },
    nowMs: NOW_MS,
    ...more,
  };
}
