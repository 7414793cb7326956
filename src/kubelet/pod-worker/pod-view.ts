/**
 * Everything that decisions about one pod are made from: the object, what the container runtime has of it, and what only
 * this kubelet knows. Plain data, so that planning and status are functions of it.
 */
import type { Container } from "#api/kinds/pod/container.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";

export interface SandboxState {
  readonly id: string;
  readonly attempt: number;
  readonly isReady: boolean;
  readonly createdAtMs: number;
  /** Empty for a pod in the node's network namespace. */
  readonly ips: readonly string[];
}

/** One run of a container. Times are 0 when it has not happened. */
export interface ContainerInstance {
  readonly id: string;
  readonly name: string;
  readonly sandboxId: string;
  /** Unique among the instances of the pod's containers of this name; the restart count. */
  readonly attempt: number;
  readonly state: "created" | "running" | "exited" | "unknown";
  readonly createdAtMs: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  /** As the runtime gives it: Completed, Error, OOMKilled, StartError. */
  readonly reason: string;
  readonly message: string;
  readonly image: string;
  readonly imageRef: string;
  /** The image as the pod named it then; empty when unknown. */
  readonly wantedImage: string;
  /** How long its successor waits after its end, when it did not run long. */
  readonly backOffMs: number;
  /** File on the node; empty when it is not known. */
  readonly logPath: string;
  /** The pod's grace period when it was made: for pods that nobody knows any more. */
  readonly graceSeconds: number;
}

/** What CRI tells; both lists newest first. */
export interface PodRuntimeState {
  readonly sandboxes: readonly SandboxState[];
  readonly containers: readonly ContainerInstance[];
}

export interface Waiting {
  /** ErrImagePull, CreateContainerConfigError, … */
  readonly reason: string;
  readonly message: string;
  /** Not tried again before. */
  readonly retryAtMs: number;
}

export interface Unhealthy {
  readonly probe: "liveness" | "startup";
  /** Instead of the pod's. */
  readonly graceSeconds: number | undefined;
}

/** What a restart of the kubelet loses, and may lose. */
export interface PodMemory {
  /** Why the last attempt to start a container failed, by its name. */
  readonly waiting: ReadonlyMap<string, Waiting>;
  readonly sandboxFailures: number;
  readonly sandboxRetryAtMs: number;
  /** StopPodSandbox succeeded: CRI does not show it. */
  readonly stoppedSandboxes: ReadonlySet<string>;
  /** When the pod's end began. */
  readonly stoppingSinceMs: number | undefined;
  /** Ids of instances that pass their startup probe, or have none. */
  readonly started: ReadonlySet<string>;
  readonly ready: ReadonlySet<string>;
  readonly unhealthy: ReadonlyMap<string, Unhealthy>;
  /** When this pod was first seen here, in milliseconds since 1970. */
  readonly acceptedAtMs: number;
}

export interface PodView {
  /** undefined: the runtime has it, but nobody has told what it should be. */
  readonly pod: Pod | undefined;
  /** The API has it no more: nothing of it may stay. */
  readonly isGone: boolean;
  readonly runtime: PodRuntimeState;
  readonly memory: PodMemory;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export const emptyMemory = (acceptedAtMs: number): PodMemory => ({
  waiting: new Map(),
  sandboxFailures: 0,
  sandboxRetryAtMs: 0,
  stoppedSandboxes: new Set(),
  stoppingSinceMs: undefined,
  started: new Set(),
  ready: new Set(),
  unhealthy: new Map(),
  acceptedAtMs,
});

export type ContainerRole = "init" | "sidecar" | "app" | "ephemeral";

export interface PodContainer {
  readonly role: ContainerRole;
  readonly spec: Container;
}

/** In the order in which they start. */
export function podContainers({ spec }: Pod): readonly PodContainer[] {
  return [
    ...(spec.initContainers ?? []).map((each) => ({ role: isSidecar(each) ? "sidecar" : "init", spec: each }) as const),
    ...spec.containers.map((each) => ({ role: "app", spec: each }) as const),
    ...(spec.ephemeralContainers ?? []).map((each) => ({ role: "ephemeral", spec: each }) as const),
  ];
}

/** An init container that keeps running beside the others. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

export function newestInstance({ containers }: PodRuntimeState, name: string): ContainerInstance | undefined {
  return containers.find((instance) => instance.name === name);
}

export function isAlive({ state }: ContainerInstance): boolean {
  return state === "running" || state === "unknown";
}
