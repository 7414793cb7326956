/**
 * What a Deployment's status says: the numbers of its ReplicaSets' pods, and its conditions, by which
 * `kubectl rollout status` and `kubectl wait` know whether it gets on.
 * Source: Kubernetes documentation, "Deployments" (status, progress deadline); reasons and texts are Kubernetes' own.
 */
import type { Deployment } from "#api/kinds/deployment.ts";
import type { ReplicaSet } from "#api/kinds/replica-set.ts";
import { timeText } from "../../resources/stored-object.ts";
import { nonZero } from "../workload/pod-count.ts";
import { rolloutLimits } from "./rollout-limits.ts";
import { sumSizes } from "./scale-replica-sets.ts";

export type DeploymentStatus = NonNullable<Deployment["status"]>;
type Condition = NonNullable<DeploymentStatus["conditions"]>[number];
type Cause = Pick<Condition, "type" | "status" | "reason" | "message">;

const MAX_INT32 = 2 ** 31 - 1;
const COMPLETE = "NewReplicaSetAvailable";
const TIMED_OUT = "ProgressDeadlineExceeded";
const PAUSED = "DeploymentPaused";

/** Of all its ReplicaSets, as they were observed and as they are wanted next. */
export interface ObservedSets {
  readonly all: readonly ReplicaSet[];
  readonly current: ReplicaSet | undefined;
}

/** The numbers, and whether there are enough pods. */
export function countedStatus(deployment: Deployment, { all, current }: ObservedSets, now: Date): DeploymentStatus {
  const { metadata, spec, status } = deployment;
  const count = (member: "replicas" | "readyReplicas" | "availableReplicas", sets: readonly ReplicaSet[] = all) =>
    sets.reduce((sum, set) => sum + (set.status?.[member] ?? 0), 0);
  const availableReplicas = count("availableReplicas");
  const isEnough = availableReplicas >= (spec.replicas ?? 0) - rolloutLimits(deployment).maxUnavailable;
  return {
    observedGeneration: metadata.generation,
    replicas: nonZero(count("replicas")),
    updatedReplicas: nonZero(count("replicas", current === undefined ? [] : [current])),
    readyReplicas: nonZero(count("readyReplicas")),
    availableReplicas: nonZero(availableReplicas),
    unavailableReplicas: nonZero(Math.max(0, sumSizes(all) - availableReplicas)),
    conditions: withCondition(
      status?.conditions,
      isEnough
        ? {
            type: "Available",
            status: "True",
            reason: "MinimumReplicasAvailable",
            message: "Deployment has minimum availability.",
          }
        : {
            type: "Available",
            status: "False",
            reason: "MinimumReplicasUnavailable",
            message: "Deployment does not have minimum availability.",
          },
      now,
    ),
    collisionCount: status?.collisionCount,
  };
}

/** With the condition Progressing, and with what keeps ReplicaSets from making pods. */
export function rolloutStatus(deployment: Deployment, sets: ObservedSets, now: Date): DeploymentStatus {
  const status = countedStatus(deployment, sets, now);
  const progressed = hasProgressDeadline(deployment)
    ? withProgress(deployment, status, sets.current, now)
    : withoutCondition(status.conditions, "Progressing");
  const failure = findReplicaFailure(sets);
  const conditions =
    failure === undefined ? withoutCondition(progressed, "ReplicaFailure") : withCondition(progressed, failure, now);
  return { ...status, conditions };
}

function withProgress(
  deployment: Deployment,
  status: DeploymentStatus,
  current: ReplicaSet | undefined,
  now: Date,
): DeploymentStatus["conditions"] {
  const { conditions } = status;
  const before = findCondition(conditions, "Progressing");
  const isDone = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && before?.reason === COMPLETE;
  if (isDone) return conditions;
  const what =
    current === undefined
      ? `Deployment ${JSON.stringify(deployment.metadata.name)}`
      : `ReplicaSet ${JSON.stringify(current.metadata.name)}`;
  if (isComplete(deployment, status)) {
    return withCondition(conditions, progressing("True", COMPLETE, `${what} has successfully progressed.`), now);
  }
  if (isProgress(deployment.status ?? {}, status)) {
    const cause = progressing("True", "ReplicaSetUpdated", `${what} is progressing.`);
    // The time of the last progress is what the deadline is counted from.
    return withCondition(withoutCondition(conditions, "Progressing"), cause, now, before);
  }
  return isTimedOut(deployment, before, now)
    ? withCondition(conditions, progressing("False", TIMED_OUT, `${what} has timed out progressing.`), now)
    : conditions;
}

/** All pods are new, available, and as many as wanted. */
export function isComplete({ metadata, spec }: Deployment, status: DeploymentStatus): boolean {
  const { replicas = 0 } = spec;
  const counts = [status.updatedReplicas, status.replicas, status.availableReplicas];
  return (
    counts.every((count = 0) => count === replicas) && (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  );
}

function isProgress(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) => replicas - updatedReplicas;
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function isTimedOut(deployment: Deployment, before: Condition | undefined, now: Date): boolean {
  if (before === undefined || before.reason === COMPLETE) return false;
  return before.reason === TIMED_OUT || deadlineOf(deployment, before) < now.getTime();
}

/** How long until the deadline must be looked at; undefined when there is nothing to wait for. */
export function untilDeadlineMs(deployment: Deployment, status: DeploymentStatus, now: Date): number | undefined {
  const condition = findCondition(status.conditions, "Progressing");
  if (!hasProgressDeadline(deployment) || condition === undefined) return undefined;
  const isOver = condition.reason === TIMED_OUT || condition.reason === COMPLETE || condition.reason === PAUSED;
  if (isOver || isComplete(deployment, status)) return undefined;
  // Times in conditions are whole seconds.
  return Math.max(0, deadlineOf(deployment, condition) - now.getTime()) + 1000;
}

function deadlineOf({ spec }: Deployment, { lastUpdateTime = "" }: Condition): number {
  return Date.parse(lastUpdateTime) + (spec.progressDeadlineSeconds ?? 0) * 1000;
}

function hasProgressDeadline({ spec: { progressDeadlineSeconds: seconds } }: Deployment): boolean {
  return seconds !== undefined && seconds !== MAX_INT32;
}

/** While it is paused no time is counted; afterwards it is counted anew. */
export function withPause(deployment: Deployment, now: Date): Deployment {
  const { spec, status } = deployment;
  const before = findCondition(status?.conditions, "Progressing");
  const isMarked = before?.reason === PAUSED;
  if (!hasProgressDeadline(deployment) || before?.reason === TIMED_OUT || (spec.paused ?? false) === isMarked) {
    return deployment;
  }
  return withProgressing(
    deployment,
    isMarked
      ? progressing("Unknown", "DeploymentResumed", "Deployment is resumed")
      : progressing("Unknown", PAUSED, "Deployment is paused"),
    now,
  );
}

export function withCreated(deployment: Deployment, name: string, now: Date): Deployment {
  const message = `Created new replica set ${JSON.stringify(name)}`;
  return withProgressing(deployment, progressing("True", "NewReplicaSetCreated", message), now);
}

/** A ReplicaSet was there before the Deployment had a status. */
export function withFound(deployment: Deployment, name: string, now: Date): Deployment {
  if (findCondition(deployment.status?.conditions, "Progressing") !== undefined) return deployment;
  const message = `Found new replica set ${JSON.stringify(name)}`;
  return withProgressing(deployment, progressing("True", "FoundNewReplicaSet", message), now);
}

export function withCreateError(deployment: Deployment, message: string, now: Date): Deployment {
  return withProgressing(deployment, progressing("False", "ReplicaSetCreateError", message), now);
}

function withProgressing(deployment: Deployment, cause: Cause, now: Date): Deployment {
  if (!hasProgressDeadline(deployment)) return deployment;
  const { status } = deployment;
  return { ...deployment, status: { ...status, conditions: withCondition(status?.conditions, cause, now) } };
}

function progressing(status: Condition["status"], reason: string, message: string): Cause {
  return { type: "Progressing", status, reason, message };
}

function findReplicaFailure({ all, current }: ObservedSets): Cause | undefined {
  const sets = current === undefined ? all : [current, ...all];
  const failures = sets.flatMap((set) => set.status?.conditions?.filter(({ type }) => type === "ReplicaFailure") ?? []);
  const [failure] = failures;
  return failure && { type: failure.type, status: failure.status, reason: failure.reason, message: failure.message };
}

function findCondition(conditions: DeploymentStatus["conditions"], wanted: string): Condition | undefined {
  return conditions?.find(({ type }) => type === wanted);
}

function withoutCondition(conditions: DeploymentStatus["conditions"], unwanted: string) {
  return conditions?.filter(({ type }) => type !== unwanted);
}

/** A condition that says the same stays as it is. `before`: what it takes the place of. */
function withCondition(
  conditions: DeploymentStatus["conditions"],
  cause: Cause,
  now: Date,
  before: Condition | undefined = findCondition(conditions, cause.type),
): DeploymentStatus["conditions"] {
  const known = findCondition(conditions, cause.type);
  if (known?.status === cause.status && known.reason === cause.reason) return conditions;
  const time = timeText(now);
  const lastTransitionTime = before?.status === cause.status ? before.lastTransitionTime : time;
  return [...(withoutCondition(conditions, cause.type) ?? []), { ...cause, lastUpdateTime: time, lastTransitionTime }];
}
