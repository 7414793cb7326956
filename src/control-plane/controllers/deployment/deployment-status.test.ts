import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "#api/kinds/deployment.ts";
import { ago, NOW } from "../workload/testing/test-objects.ts";
import {
  countedStatus,
  type DeploymentStatus,
  rolloutStatus,
  untilDeadlineMs,
  withCreated,
  withFound,
  withPause,
} from "./deployment-status.ts";
import { type TestSet, testDeployment, testSet } from "./testing/deployed-sets.ts";

/** "Progressing True NewReplicaSetAvailable: …" */
function conditionsOf(status: DeploymentStatus | undefined): readonly string[] {
  return (status?.conditions ?? []).map(({ type, status: value, reason, message }) =>
    [`${type} ${value} ${reason}`, message].join(": "),
  );
}

function observe(deployment: Deployment, sets: readonly TestSet[]) {
  const all = sets.map((each) => testSet(deployment, each));
  return { all, current: all[0] };
}

test("countedStatus adds up the ReplicaSets", () => {
  const deployment = testDeployment({ replicas: 10 }, { metadata: { generation: 4 }, status: { collisionCount: 2 } });
  const sets = observe(deployment, [
    { size: 5, pods: 4, available: 1 },
    { image: "web:1", size: 8, available: 7 },
  ]);
  const { conditions: _conditions, ...counts } = countedStatus(deployment, sets, NOW);
  assert.deepEqual(counts, {
    observedGeneration: 4,
    replicas: 12,
    updatedReplicas: 4,
    readyReplicas: 8,
    availableReplicas: 8,
    unavailableReplicas: 5,
    collisionCount: 2,
  });
});

const AVAILABLE = "Available True MinimumReplicasAvailable: Deployment has minimum availability.";
const UNAVAILABLE = "Available False MinimumReplicasUnavailable: Deployment does not have minimum availability.";
const [NAME] = [testSet(testDeployment(), { size: 0 }).metadata.name];

const rows: readonly {
  readonly what: string;
  readonly before?: DeploymentStatus;
  readonly sets: readonly TestSet[];
  readonly after: readonly string[];
}[] = [
  {
    what: "a new one without pods",
    sets: [{ size: 3, pods: 0 }],
    after: [UNAVAILABLE],
  },
  {
    what: "one whose pods come",
    before: progressing({ reason: "NewReplicaSetCreated", ago: 10 }),
    sets: [{ size: 3, available: 1 }],
    after: [UNAVAILABLE, `Progressing True ReplicaSetUpdated: ReplicaSet "${NAME}" is progressing.`],
  },
  {
    what: "one that is complete",
    before: progressing({ reason: "ReplicaSetUpdated", ago: 10 }),
    sets: [{ size: 3 }],
    after: [AVAILABLE, `Progressing True NewReplicaSetAvailable: ReplicaSet "${NAME}" has successfully progressed.`],
  },
  {
    what: "one that was complete, with a pod that is not available any more",
    before: { ...progressing({ reason: "NewReplicaSetAvailable", ago: 9000 }), replicas: 3, updatedReplicas: 3 },
    sets: [{ size: 3, available: 2 }],
    after: ["Progressing True NewReplicaSetAvailable: m", UNAVAILABLE],
  },
  {
    what: "one that is stuck for less than the deadline",
    before: { ...progressing({ reason: "ReplicaSetUpdated", ago: 599 }), replicas: 3, updatedReplicas: 3 },
    sets: [{ size: 3, available: 0 }],
    after: ["Progressing True ReplicaSetUpdated: m", UNAVAILABLE],
  },
  {
    what: "one that is stuck for longer than the deadline",
    before: { ...progressing({ reason: "ReplicaSetUpdated", ago: 601 }), replicas: 3, updatedReplicas: 3 },
    sets: [{ size: 3, available: 0 }],
    after: [UNAVAILABLE, `Progressing False ProgressDeadlineExceeded: ReplicaSet "${NAME}" has timed out progressing.`],
  },
  {
    what: "one that gets on after the deadline",
    before: {
      ...progressing({ reason: "ProgressDeadlineExceeded", ago: 700, status: "False" }),
      replicas: 3,
      updatedReplicas: 3,
    },
    sets: [{ size: 3, available: 1 }],
    after: [UNAVAILABLE, `Progressing True ReplicaSetUpdated: ReplicaSet "${NAME}" is progressing.`],
  },
];

interface Progress {
  readonly reason: string;
  readonly ago: number;
  readonly status?: "True" | "False";
}

function progressing({ reason, ago: seconds, status = "True" }: Progress): DeploymentStatus {
  const time = ago(seconds);
  const condition = {
    type: "Progressing",
    status,
    reason,
    message: "m",
    lastUpdateTime: time,
    lastTransitionTime: time,
  };
  return { conditions: [condition] };
}

for (const { what, before, sets, after } of rows) {
  test(`rolloutStatus of ${what}`, () => {
    const base = testDeployment({ replicas: 3, progressDeadlineSeconds: 600 });
    const deployment = before === undefined ? base : { ...base, status: before };
    const status = rolloutStatus(deployment, observe(deployment, sets), NOW);
    assert.deepEqual(conditionsOf(status), after);
    const again = rolloutStatus({ ...deployment, status }, observe(deployment, sets), new Date(NOW.getTime() + 1000));
    assert.deepEqual(again, status, "it stays when nothing has changed");
  });
}

test("rolloutStatus moves lastUpdateTime with each progress, and lastTransitionTime only with the status", () => {
  const before = progressing({ reason: "ReplicaSetUpdated", ago: 300 });
  const deployment = { ...testDeployment({ replicas: 3 }), status: before };
  const { conditions } = rolloutStatus(deployment, observe(deployment, [{ size: 3, available: 1 }]), NOW);
  const condition = conditions?.find(({ type }) => type === "Progressing");
  assert.deepEqual([condition?.lastUpdateTime, condition?.lastTransitionTime], [ago(0), ago(300)]);
});

test("rolloutStatus shows what keeps a ReplicaSet from making pods, as long as it does", () => {
  const deployment = testDeployment({ replicas: 3 });
  const sets = observe(deployment, [{ size: 3, pods: 0 }]);
  const cause = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota" } as const;
  const failing = sets.all.map((set) => ({ ...set, status: { replicas: 0, conditions: [cause] } }));
  const status = rolloutStatus(deployment, { all: failing, current: failing[0] }, NOW);
  assert.ok(conditionsOf(status).includes("ReplicaFailure True FailedCreate: exceeded quota"));
  assert.deepEqual(conditionsOf(rolloutStatus({ ...deployment, status }, sets, NOW)), [UNAVAILABLE]);
});

test("withPause and withCreated say what happened, but not without a progress deadline", () => {
  const paused = testDeployment({ paused: true });
  const pausedStatus = withPause(paused, NOW);
  assert.deepEqual(conditionsOf(pausedStatus.status), ["Progressing Unknown DeploymentPaused: Deployment is paused"]);
  assert.equal(withPause(pausedStatus, NOW), pausedStatus);
  const resumed = withPause({ ...pausedStatus, spec: testDeployment().spec }, NOW);
  assert.deepEqual(conditionsOf(resumed.status), ["Progressing Unknown DeploymentResumed: Deployment is resumed"]);
  assert.deepEqual(conditionsOf(withCreated(resumed, "web-1", NOW).status), [
    'Progressing True NewReplicaSetCreated: Created new replica set "web-1"',
  ]);
  assert.equal(withFound(resumed, "web-1", NOW), resumed);
  assert.deepEqual(conditionsOf(withFound(testDeployment(), "web-1", NOW).status), [
    'Progressing True FoundNewReplicaSet: Found new replica set "web-1"',
  ]);
  const endless = testDeployment({ paused: true, progressDeadlineSeconds: 2 ** 31 - 1 });
  assert.equal(withPause(endless, NOW), endless);
});

test("untilDeadlineMs is the time to the deadline and a second, and undefined when nothing is awaited", () => {
  const deployment = testDeployment({ replicas: 3, progressDeadlineSeconds: 600 });
  const wait = (progress: Progress) => untilDeadlineMs(deployment, progressing(progress), NOW);
  assert.equal(wait({ reason: "ReplicaSetUpdated", ago: 100 }), 501_000);
  assert.equal(wait({ reason: "ReplicaSetUpdated", ago: 900 }), 1000);
  for (const reason of ["ProgressDeadlineExceeded", "NewReplicaSetAvailable", "DeploymentPaused"]) {
    assert.equal(wait({ reason, ago: 0 }), undefined);
  }
  assert.equal(untilDeadlineMs(deployment, {}, NOW), undefined);
});
