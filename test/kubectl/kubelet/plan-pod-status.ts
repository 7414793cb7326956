/**
 * What becomes of a pod on the fake kubelet; the tag of its images decides: `never` cannot be pulled, `crash` fails
 * again and again, `once` and `fail` end at once, everything else runs.
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { JsonObject, JsonValue } from "#base/json.ts";

export interface PodPlace {
  readonly podIp: string;
  readonly hostIp: string;
  /** "2026-01-01T00:00:00Z" */
  readonly now: string;
}

export type Fate = "run" | "never" | "crash" | "once" | "fail";

export function fateOf({ spec }: Pod): Fate {
  const tag = spec.containers[0]?.image.split(":")[1] ?? "";
  return tag === "never" || tag === "crash" || tag === "once" || tag === "fail" ? tag : "run";
}

/** A strategic merge patch of its status. */
export function planPodStatus(pod: Pod, place: PodPlace): JsonObject {
  const { podIp, hostIp, now } = place;
  const fate = fateOf(pod);
  const hasEnded = fate === "once" || fate === "fail";
  const isReady = fate === "run";
  const notReady: JsonObject = hasEnded
    ? { reason: fate === "once" ? "PodCompleted" : "PodFailed" }
    : {
        reason: "ContainersNotReady",
        message: `containers with unready status: [${pod.spec.containers.map(({ name }) => name).join(" ")}]`,
      };
  const condition = (type: string, isTrue: boolean): JsonObject => ({
    type,
    status: isTrue ? "True" : "False",
    lastTransitionTime: now,
    ...(!isTrue && notReady),
  });
  return {
    "$setElementOrder/conditions": CONDITIONS.map((type) => ({ type })),
    phase: { run: "Running", never: "Pending", crash: "Running", once: "Succeeded", fail: "Failed" }[fate],
    conditions: [
      condition("PodReadyToStartContainers", !hasEnded),
      { type: "Initialized", status: "True", lastTransitionTime: now },
      condition("Ready", isReady),
      condition("ContainersReady", isReady),
      { type: "PodScheduled", status: "True", lastTransitionTime: now },
    ],
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    startTime: now,
    containerStatuses: pod.spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: fate === "never" ? "" : `registry.test/${image}@sha256:${"1".repeat(64)}`,
      ready: isReady,
      started: fate === "run",
      restartCount: fate === "crash" ? CRASHES : 0,
      state: stateOf(fate, image, now),
      lastState: fate === "crash" ? { terminated: ended(1, "Error", now) } : {},
      ...(fate !== "never" && { containerID: CONTAINER_ID }),
    })),
  };
}

const CONDITIONS = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
const CRASHES = 3;
const CONTAINER_ID = `containerd://${"a".repeat(64)}`;

function stateOf(fate: Fate, image: string, now: string): JsonValue {
  switch (fate) {
    case "run":
      return { running: { startedAt: now } };
    case "never":
      return { waiting: { reason: "ImagePullBackOff", message: `Back-off pulling image "${image}"` } };
    case "crash":
      return { waiting: { reason: "CrashLoopBackOff", message: "back-off 40s restarting failed container" } };
    case "once":
      return { terminated: ended(0, "Completed", now) };
    case "fail":
      return { terminated: ended(1, "Error", now) };
    default:
      return fate satisfies never;
  }
}

function ended(exitCode: number, reason: string, now: string): JsonObject {
  return { exitCode, reason, startedAt: now, finishedAt: now, containerID: CONTAINER_ID };
}
