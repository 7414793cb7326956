/** A runtime without containers: what actions do to CRI's state, with failures and ends as told. */
import type { PodAction } from "../pod-worker/plan-pod.ts";
import type { ContainerInstance, PodRuntimeState, SandboxState } from "../pod-worker/pod-view.ts";

export interface SimulatedRuntime {
  state(): PodRuntimeState;
  /** false: it failed and changed nothing. */
  apply(action: PodAction, nowMs: number): boolean;
  /** Containers end by themselves, by name with their exit code. */
  end(name: string, exitCode: number, nowMs: number): void;
}

export function createSimulatedRuntime(initial: PodRuntimeState, fails: () => boolean): SimulatedRuntime {
  let sandboxes: readonly SandboxState[] = initial.sandboxes;
  let containers: readonly ContainerInstance[] = initial.containers;
  let serial = 0;

  const exit = (matches: (instance: ContainerInstance) => boolean, exitCode: number, nowMs: number): void => {
    containers = containers.map((each) =>
      matches(each) && (each.state === "running" || each.state === "unknown")
        ? { ...each, state: "exited", exitCode, finishedAtMs: nowMs }
        : each,
    );
  };

  return {
    state: () => ({
      sandboxes: sandboxes.toSorted((one, other) => other.attempt - one.attempt),
      containers: containers.toSorted((one, other) => other.attempt - one.attempt),
    }),
    apply(action, nowMs) {
      if (fails()) return false;
      switch (action.type) {
        case "createSandbox": {
          if (sandboxes.some(({ attempt }) => attempt === action.attempt)) throw new Error("name is reserved");
          const id = `made-${serial++}`;
          sandboxes = [
            ...sandboxes,
            { id, attempt: action.attempt, isReady: true, createdAtMs: nowMs, ips: ["10.0.0.2"] },
          ];
          return true;
        }
        case "stopSandbox":
          sandboxes = sandboxes.map((each) => (each.id === action.sandboxId ? { ...each, isReady: false } : each));
          exit(({ sandboxId }) => sandboxId === action.sandboxId, 137, nowMs);
          return true;
        case "removeSandbox":
          sandboxes = sandboxes.filter(({ id }) => id !== action.sandboxId);
          containers = containers.filter(({ sandboxId }) => sandboxId !== action.sandboxId);
          return true;
        case "removeContainer":
          containers = containers.filter(({ id }) => id !== action.containerId);
          return true;
        case "stopContainers":
          for (const { instance } of action.stops) exit(({ id }) => id === instance.id, 137, nowMs);
          return true;
        case "startContainer": {
          const { name, image } = action.container.spec;
          const { attempt, sandboxId, backOffMs } = action;
          if (containers.some((each) => each.name === name && each.attempt === attempt))
            throw new Error("name is reserved");
          if (!sandboxes.some(({ id, isReady }) => id === sandboxId && isReady)) throw new Error("no such sandbox");
          containers = [
            ...containers,
            {
              id: `made-${serial++}`,
              name,
              sandboxId,
              attempt,
              state: "running",
              createdAtMs: nowMs,
              startedAtMs: nowMs,
              finishedAtMs: 0,
              exitCode: 0,
              reason: "",
              message: "",
              image,
              imageRef: image,
              wantedImage: image,
              backOffMs,
              logPath: "",
              graceSeconds: 30,
            },
          ];
          return true;
        }
        default:
          return action satisfies never;
      }
    },
    end: (name, exitCode, nowMs) => exit((each) => each.name === name, exitCode, nowMs),
  };
}
