import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { conflictError, MODIFIED } from "#api/api-error.ts";
import { type Job, job as jobKind } from "#api/kinds/job/job.ts";
import { isJobFinished } from "#api/kinds/job/job-status.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { JsonObject } from "#base/json.ts";
import { isPodActive } from "../workload/pod-state.ts";
import { podTemplate } from "../workload/testing/test-objects.ts";
import { startWorkloadCluster, type WorkloadCluster } from "../workload/testing/workload-cluster.ts";
import { jobController } from "./job-controller.ts";

async function startWith(spec: JsonObject): Promise<WorkloadCluster> {
  const cluster = await startWorkloadCluster([jobController]);
  cluster.kubelet.fate = () => "succeeded";
  const template = podTemplate("task:1", { restartPolicy: "Never" });
  cluster.create(jobKind, "task", { spec: { selector: { matchLabels: { app: "web" } }, template, ...spec } });
  return cluster;
}

const task = (cluster: WorkloadCluster): Job => cluster.find(jobKind, "task");
const typesOf = (cluster: WorkloadCluster) =>
  (task(cluster).status?.conditions ?? []).filter(({ status }) => status === "True").map(({ type }) => type);

function change(cluster: WorkloadCluster, spec: Partial<Job["spec"]>): Promise<Job> {
  return cluster.edit(jobKind, "task", (job) => ({ ...job, spec: { ...job.spec, ...spec } }));
}

test("jobController runs pods until enough have succeeded, never more at a time than it may", async () => {
  await using cluster = await startWith({ completions: 7, parallelism: 3 });
  let most = 0;
  cluster.client.fail = () => {
    most = Math.max(most, cluster.pods().filter(isPodActive).length);
    return undefined;
  };
  await cluster.settle();
  const { status } = task(cluster);
  assert.deepEqual([status?.succeeded, status?.active, status?.failed, most], [7, undefined, undefined, 3]);
  assert.deepEqual([status?.ready, status?.terminating, status?.uncountedTerminatedPods], [0, 0, {}]);
  assert.deepEqual([typesOf(cluster), cluster.pods().length], [["SuccessCriteriaMet", "Complete"], 7]);
  assert.ok(status?.startTime !== undefined && status.completionTime !== undefined);
  assert.ok(cluster.events().includes("Normal Completed Job completed"));
  assert.deepEqual(cluster.errors, []);
});

test("jobController gives up after too many failures, with pauses that grow", async () => {
  await using cluster = await startWith({ backoffLimit: 2 });
  cluster.kubelet.fate = () => "failed";
  const counts: (number | undefined)[] = [];
  for (const seconds of [0, 8, 4, 14, 8]) {
    await cluster.pass(seconds);
    counts.push(task(cluster).status?.failed);
  }
  assert.deepEqual(counts, [1, 1, 2, 2, 3]);
  assert.deepEqual(typesOf(cluster), ["FailureTarget", "Failed"]);
  assert.ok(cluster.events().includes("Warning BackoffLimitExceeded Job has reached the specified backoff limit"));
});

test("jobController ends a job at its deadline, and waits for its pods to be gone", async () => {
  await using cluster = await startWith({ activeDeadlineSeconds: 60, parallelism: 2, completions: 2 });
  Object.assign(cluster.kubelet, { fate: () => "running", endsPods: false });
  await cluster.settle();
  await cluster.pass(50);
  assert.deepEqual(typesOf(cluster), []);
  await cluster.pass(15);
  assert.deepEqual([typesOf(cluster), task(cluster).status?.terminating], [["FailureTarget"], 2]);
  cluster.kubelet.endsPods = true;
  await cluster.settle();
  assert.deepEqual([typesOf(cluster), cluster.pods()], [["FailureTarget", "Failed"], []]);
  assert.ok(cluster.events().includes("Warning DeadlineExceeded Job was active longer than specified deadline"));
});

test("jobController takes pods away while a job is suspended, without counting them as failed", async () => {
  await using cluster = await startWith({ completions: 3, parallelism: 3 });
  cluster.kubelet.fate = () => "running";
  await cluster.settle();
  await change(cluster, { suspend: true });
  await cluster.settle();
  assert.deepEqual([cluster.pods(), typesOf(cluster), task(cluster).status?.failed], [[], ["Suspended"], undefined]);
  assert.equal(task(cluster).status?.startTime, undefined);
  cluster.kubelet.fate = () => "succeeded";
  await change(cluster, { suspend: false });
  await cluster.settle();
  const { status } = task(cluster);
  assert.deepEqual([status?.succeeded, status?.failed], [3, undefined]);
  const texts = cluster.events().filter((text) => / (Suspended|Resumed) /.test(text));
  assert.deepEqual(texts, ["Normal Suspended Job suspended", "Normal Resumed Job resumed"]);
});

test("jobController runs each number of an indexed job until it has succeeded", async () => {
  await using cluster = await startWith({ completions: 4, parallelism: 2, completionMode: "Indexed" });
  const numberOf = ({ metadata }: Pod) => metadata.annotations?.["batch.kubernetes.io/job-completion-index"];
  let hasFailed = false;
  cluster.kubelet.fate = (pod) => {
    if (numberOf(pod) !== "1" || hasFailed) return "succeeded";
    hasFailed = true;
    return "failed";
  };
  await cluster.settle();
  await cluster.pass(20);
  const { status } = task(cluster);
  assert.deepEqual([status?.completedIndexes, status?.succeeded, status?.failed], ["0-3", 4, 1]);
  assert.deepEqual(cluster.pods().map(numberOf).sort(), ["0", "1", "1", "2", "3"]);
});

test("jobController deletes a job a while after its end", async () => {
  await using cluster = await startWith({ ttlSecondsAfterFinished: 100 });
  await cluster.settle();
  await cluster.pass(90);
  assert.equal(isJobFinished(task(cluster).status), true);
  await cluster.pass(20);
  assert.notEqual(task(cluster).metadata.deletionTimestamp, undefined);
  assert.deepEqual(task(cluster).metadata.finalizers, ["foregroundDeletion"]);
});

test("jobController leaves jobs of others alone", async () => {
  await using cluster = await startWith({ managedBy: "example.com/queue" });
  await cluster.settle();
  assert.deepEqual(cluster.takeWrites(), []);
});

type Step =
  | { readonly type: "succeed" | "fail" | "delete" | "vanish" | "end"; readonly which: number }
  | {
      readonly type: "suspend" | "resume" | "restart" | "conflict" | "wait";
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom("succeed", "fail", "delete", "vanish", "end"), which: fc.nat(9) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("suspend", "resume", "restart", "conflict", "wait") }) },
);

/** Gives true when the job has to count a failure. */
async function take(cluster: WorkloadCluster, taken: Step, conflicts: { left: number }): Promise<boolean> {
  const active = cluster.pods().filter(isPodActive);
  const pick = (pods: readonly Pod[]) => ("which" in taken ? pods[taken.which % Math.max(1, pods.length)] : undefined);
  const pod = pick(taken.type === "end" ? cluster.pods().filter((each) => !isPodActive(each)) : active);
  switch (taken.type) {
    case "suspend":
    case "resume":
      if (!isJobFinished(task(cluster).status)) await change(cluster, { suspend: taken.type === "suspend" });
      return false;
    case "restart":
      await cluster.restart();
      return false;
    case "conflict":
      conflicts.left = 2;
      return false;
    case "wait":
      await cluster.pass(30);
      return false;
    case "succeed":
    case "fail":
      if (pod !== undefined) cluster.kubelet.become(pod, taken.type === "fail" ? "failed" : "succeeded");
      return pod !== undefined && taken.type === "fail";
    case "delete":
      if (pod === undefined) return false;
      await cluster.client.delete(
        podKind,
        { namespace: "default", name: pod.metadata.name ?? "" },
        {},
        new AbortController().signal,
      );
      return true;
    default:
      // Gone at once, without having been seen to end, or long after.
      if (pod !== undefined) cluster.kubelet.end(pod);
      return false;
  }
}

test("jobController counts each pod once over any sequence, and comes to its end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 25 }), async (isIndexed, steps) => {
      const mode = isIndexed ? { completionMode: "Indexed" } : {};
      await using cluster = await startWith({ completions: 4, parallelism: 2, backoffLimit: 100, ...mode });
      Object.assign(cluster.kubelet, { fate: () => undefined, endsPods: false });
      await cluster.settle();
      const conflicts = { left: 0 };
      cluster.client.fail = ({ verb, kind, name = "" }) =>
        verb === "update" && conflicts.left-- > 0 ? conflictError(kind, name, MODIFIED) : undefined;
      let failures = 0;
      for (const taken of steps) {
        const { left } = conflicts;
        conflicts.left = 0;
        if (await take(cluster, taken, conflicts)) failures++;
        conflicts.left ||= left;
        await cluster.settle();
        assert.equal(task(cluster).status?.failed ?? 0, failures);
      }
      conflicts.left = 0;
      Object.assign(cluster.kubelet, { fate: () => "succeeded", endsPods: true });
      if (!isJobFinished(task(cluster).status)) await change(cluster, { suspend: false });
      // The longest pause after failures.
      await cluster.pass(601);
      const { status } = task(cluster);
      assert.deepEqual([status?.succeeded, status?.failed ?? 0], [4, failures]);
      assert.ok(isJobFinished(status));
      assert.deepEqual(cluster.errors, []);
      cluster.takeWrites();
      await cluster.restart();
      await cluster.settle();
      assert.deepEqual(cluster.takeWrites(), []);
    }),
    { numRuns: 60 },
  );
});
