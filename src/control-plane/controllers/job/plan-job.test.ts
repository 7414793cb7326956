import assert from "node:assert/strict";
import { test } from "node:test";
import { type Job, job as jobKind } from "#api/kinds/job/job.ts";
import type { JsonObject } from "#base/json.ts";
import { ago, NOW, namesOf, podTemplate, type TestPod, testPod } from "../workload/testing/test-objects.ts";
import { draftOf } from "../workload/testing/workload-cluster.ts";
import { type JobPlan, planJob, untilDeletedMs } from "./plan-job.ts";

interface Given {
  readonly spec?: JsonObject;
  readonly status?: JsonObject;
  readonly pods?: readonly TestPod[];
  readonly isSettled?: boolean;
}

function jobOf({ spec = {}, status = {} }: Given): Job {
  const template = podTemplate("task:1", { restartPolicy: "Never" });
  return draftOf(jobKind, "task", {
    metadata: { uid: "u-task" },
    spec: { template, ...spec },
    status: { startTime: ago(100), ...status },
  });
}

function plan(given: Given): JobPlan {
  const pods = (given.pods ?? []).map(testPod);
  return planJob({ job: jobOf(given), pods, isSettled: given.isSettled ?? true, now: NOW });
}

/** "Complete CompletionsReached" */
const conditionsOf = ({ status }: JobPlan): readonly string[] =>
  (status.conditions ?? []).map(
    ({ type, status: value, reason }) => `${type}${value === "True" ? "" : " not"} ${reason}`,
  );

const active = (name: string, more: Partial<TestPod> = {}): TestPod => ({ name, node: "n1", readyFor: 10, ...more });
const succeeded = (name: string, more: Partial<TestPod> = {}): TestPod => ({ name, phase: "Succeeded", ...more });
/** An hour ago, so that nothing waits for it. */
const failed = (name: string, more: Partial<TestPod> = {}): TestPod => ({ name, phase: "Failed", ...more });
const numbered = (index: number): Partial<TestPod> => ({
  annotations: { "batch.kubernetes.io/job-completion-index": String(index) },
});

const parallel = { completions: 5, parallelism: 2 };
const indexed = { completions: 4, parallelism: 4, completionMode: "Indexed" };
const COMPLETE = ["SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"];
const FAILED = ["FailureTarget BackoffLimitExceeded", "Failed BackoffLimitExceeded"];

const rows: readonly (Given & {
  readonly what: string;
  readonly create?: number;
  readonly delete?: readonly string[];
  readonly succeeded?: number;
  readonly failed?: number;
  readonly conditions?: readonly string[];
})[] = [
  { what: "one pod", create: 1 },
  { what: "nothing while it runs", pods: [active("a")] },
  { what: "its end", pods: [succeeded("a")], succeeded: 1, conditions: COMPLETE },
  { what: "as many pods as may run at a time", spec: parallel, create: 2 },
  { what: "the next pod", spec: parallel, pods: [succeeded("a"), active("b")], create: 1, succeeded: 1 },
  {
    what: "no more pods than are left to do",
    spec: parallel,
    status: { succeeded: 4 },
    pods: [active("a"), active("b")],
    delete: ["a"],
    succeeded: 4,
  },
  {
    what: "fewer pods when fewer may run",
    spec: { ...parallel, parallelism: 1 },
    pods: [active("a"), active("b")],
    delete: ["a"],
  },
  { what: "nothing before it has seen what it asked for", spec: parallel, isSettled: false },
  {
    what: "not to count a pod twice",
    spec: parallel,
    status: { succeeded: 1, failed: 1, uncountedTerminatedPods: { succeeded: ["uid-a"], failed: ["uid-b"] } },
    pods: [succeeded("a"), failed("b"), succeeded("c")],
    create: 2,
    succeeded: 2,
    failed: 1,
  },
  { what: "a new pod for a failed one", pods: [failed("a")], create: 1, failed: 1 },
  { what: "a new pod for one that is deleted", pods: [active("a", { isTerminating: true })], create: 1, failed: 1 },
  {
    what: "no new pod before the old one has ended",
    spec: { podReplacementPolicy: "Failed" },
    pods: [active("a", { isTerminating: true })],
  },
  { what: "no new pod at once after a failure", pods: [failed("a", { age: 5 })], failed: 1 },
  { what: "no new pod for longer after three", pods: [0, 1, 2].map((n) => failed(`${n}`, { age: 39 })), failed: 3 },
  {
    what: "a new pod a while after three",
    pods: [0, 1, 2].map((n) => failed(`${n}`, { age: 41 })),
    create: 1,
    failed: 3,
  },
  {
    what: "a new pod at once after a success",
    spec: parallel,
    pods: [failed("a", { age: 9 }), succeeded("b", { age: 5 })],
    create: 2,
    succeeded: 1,
    failed: 1,
  },
  { what: "its failure", spec: { backoffLimit: 1 }, pods: [failed("a"), failed("b")], failed: 2, conditions: FAILED },
  {
    what: "its other pods away when it fails",
    spec: { ...parallel, backoffLimit: 0 },
    pods: [failed("a"), active("b")],
    delete: ["b"],
    failed: 1,
    conditions: FAILED.slice(0, 1),
  },
  {
    what: "to wait for pods that go before it has failed",
    spec: { backoffLimit: 0 },
    status: { failed: 1, conditions: [{ type: "FailureTarget", status: "True", reason: "BackoffLimitExceeded" }] },
    pods: [active("b", { isTerminating: true })],
    failed: 2,
    conditions: FAILED.slice(0, 1),
  },
  {
    what: "its failure after too many restarts",
    spec: { backoffLimit: 2, template: podTemplate("task:1", { restartPolicy: "OnFailure" }) },
    pods: [active("a", { restarts: 2 })],
    delete: ["a"],
    conditions: FAILED.slice(0, 1),
  },
  {
    what: "its failure after its deadline",
    spec: { activeDeadlineSeconds: 100 },
    pods: [active("a")],
    delete: ["a"],
    conditions: ["FailureTarget DeadlineExceeded"],
  },
  {
    what: "its pods away when it is suspended",
    spec: { ...parallel, suspend: true },
    pods: [active("a"), active("b")],
    delete: ["a", "b"],
    conditions: ["Suspended JobSuspended"],
  },
  {
    what: "pods again when it goes on",
    status: { conditions: [{ type: "Suspended", status: "True", reason: "JobSuspended" }] },
    create: 1,
    conditions: ["Suspended not JobResumed"],
  },
  { what: "a pod for each number", spec: indexed, create: 4 },
  {
    what: "pods for numbers that are missing",
    spec: indexed,
    status: { completedIndexes: "0" },
    pods: [active("a", numbered(2)), failed("b", numbered(1))],
    create: 2,
    succeeded: 1,
    failed: 1,
  },
  {
    what: "pods with a number that is done or taken away",
    spec: indexed,
    pods: [succeeded("a", numbered(0)), active("b", numbered(0)), active("c", numbered(1)), active("d", numbered(1))],
    delete: ["b", "d"],
    succeeded: 1,
  },
  {
    what: "its end when one of a pool has succeeded and all have ended",
    spec: { parallelism: 2 },
    pods: [succeeded("a"), failed("b")],
    succeeded: 1,
    failed: 1,
    conditions: COMPLETE,
  },
  {
    what: "no more pods in a pool after a success",
    spec: { parallelism: 2 },
    pods: [succeeded("a"), active("b")],
    succeeded: 1,
  },
];

for (const {
  what,
  create = 0,
  delete: names = [],
  succeeded: good = 0,
  failed: bad = 0,
  conditions = [],
  ...given
} of rows) {
  test(`planJob wants ${what}`, () => {
    const planned = plan(given);
    assert.deepEqual([planned.create.length, namesOf(planned.delete)], [create, names]);
    assert.deepEqual([planned.status.succeeded ?? 0, planned.status.failed ?? 0], [good, bad]);
    assert.deepEqual(conditionsOf(planned), conditions);
  });
}

test("planJob remembers pods that it has counted or given up, until they are gone", () => {
  const spec = { ...parallel, suspend: true };
  const status = { uncountedTerminatedPods: { failed: ["uid-gone", "uid-b"] } };
  const planned = plan({ spec, status, pods: [active("a"), failed("b"), succeeded("c")] });
  assert.deepEqual(planned.status.uncountedTerminatedPods, { succeeded: ["uid-c"], failed: ["uid-b", "uid-a"] });
});

test("planJob forgets all of them at its end", () => {
  assert.deepEqual(plan({ pods: [succeeded("a")] }).status.uncountedTerminatedPods, {});
});

test("planJob gives pods of an indexed job their number", () => {
  const [first] = plan({ spec: indexed }).create;
  assert.deepEqual(
    [
      first?.metadata.generateName,
      first?.spec.hostname,
      first?.metadata.labels?.["batch.kubernetes.io/job-completion-index"],
    ],
    ["task-0-", "task-0", "0"],
  );
  assert.deepEqual(first?.spec.containers[0]?.env, [
    {
      name: "JOB_COMPLETION_INDEX",
      valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" } },
    },
  ]);
});

test("planJob says when to look again: after a failure, and at the deadline", () => {
  assert.equal(plan({ pods: [failed("a", { age: 4 })] }).againMs, 6000);
  assert.equal(plan({ spec: { activeDeadlineSeconds: 160 }, pods: [active("a")] }).againMs, 60_000);
  assert.equal(plan({ pods: [active("a")] }).againMs, undefined);
});

test("untilDeletedMs counts from the end", () => {
  const end = { type: "Failed", status: "True", lastTransitionTime: ago(60) };
  const wait = (spec: JsonObject) => untilDeletedMs(jobOf({ spec, status: { conditions: [end] } }), NOW);
  assert.equal(wait({ ttlSecondsAfterFinished: 100 }), 40_000);
  assert.equal(wait({ ttlSecondsAfterFinished: 60 }), 0);
  assert.equal(wait({}), undefined);
  assert.equal(untilDeletedMs(jobOf({ spec: { ttlSecondsAfterFinished: 0 } }), NOW), undefined);
});
