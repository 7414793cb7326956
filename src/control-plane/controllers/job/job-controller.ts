/** Runs the pods of each Job to its end, and deletes it a while after that, if it says so. */
import { type Job, job as jobKind } from "#api/kinds/job/job.ts";
import { isJobFinished } from "#api/kinds/job/job-status.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { applyClaims, planClaims } from "../workload/claim-dependents.ts";
import { createExpectations } from "../workload/expectations.ts";
import { followDependents } from "../workload/follow-dependents.ts";
import { followOrphans } from "../workload/follow-orphans.ts";
import { createPodControl, isGone, isNamespaceTerminating, type PodControl } from "../workload/pod-control.ts";
import { isTerminating } from "../workload/pod-state.ts";
import { sooner } from "../workload/sooner.ts";
import { startOwnerLoop } from "../workload/start-owner-loop.ts";
import { type JobPlan, planJob, untilDeletedMs } from "./plan-job.ts";

export const jobController: Controller = { name: "job", start };

/** Jobs that name somebody else are left alone. */
const MANAGER = "kubernetes.io/job-controller";

async function start(context: ControllerContext): Promise<AsyncDisposable> {
  const { client, log, now } = context;
  const jobs = context.informer(jobKind);
  const pods = context.informer(podKind);
  const orphans = followOrphans(pods);
  const expectations = createExpectations(now);
  const control = createPodControl(context, expectations);
  return await startOwnerLoop({
    name: "job",
    log,
    owners: jobs,
    others: [pods],
    follow: (tell) => [
      orphans,
      followDependents({
        ownerKind: jobKind,
        owners: jobs,
        dependents: pods,
        wouldAdopt: ({ spec }, { metadata }) => labelSelectorMatcher(spec.selector)(metadata.labels),
        onChange: tell,
        onCreated: (key) => expectations.creationsObserved(key),
        onDeleted: expectations.deletionObserved,
      }),
    ],
    async work({ namespace, name }, key, signal) {
      const job = jobs.get(namespace, name);
      if (job === undefined) expectations.forget(key);
      if (job === undefined || (job.spec.managedBy ?? MANAGER) !== MANAGER) return undefined;
      if (isJobFinished(job.status)) return await deleteInTime(context, job, signal);
      const matches = labelSelectorMatcher(job.spec.selector);
      const owned = pods.byIndex("owner", job.metadata.uid ?? "");
      const claims = planClaims(job, [...owned, ...orphans.of(namespace)], ({ metadata }) => matches(metadata.labels));
      const claiming = { client, ownerKind: jobKind, owner: job, kind: podKind };
      const mine = await applyClaims(claiming, claims, signal);
      const waitMs = expectations.waitMs(key);
      const plan = planJob({ job, pods: mine, isSettled: waitMs === 0, now: now() });
      await applyPlan({ context, control }, job, plan, signal);
      return sooner(plan.againMs, waitMs === 0 ? undefined : waitMs);
    },
  });
}

interface Deps {
  readonly context: ControllerContext;
  readonly control: PodControl;
}

async function applyPlan({ context, control }: Deps, job: Job, plan: JobPlan, signal: AbortSignal): Promise<void> {
  const { client, events } = context;
  if (!jsonEqual(plan.status, job.status ?? {})) {
    await client.updateStatus(jobKind, { ...job, status: plan.status }, signal);
  }
  for (const event of plan.events) events.record(job, event);
  const error = plan.delete.length === 0 ? undefined : await control.delete(job, plan.delete, signal);
  const created = plan.create.length === 0 ? undefined : await control.create(job, plan.create, signal);
  const failure = error ?? created?.error;
  if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure;
}

/** Gives the time until then. */
async function deleteInTime({ client, now }: ControllerContext, job: Job, signal: AbortSignal) {
  const waitMs = isTerminating(job) ? undefined : untilDeletedMs(job, now());
  if (waitMs !== 0) return waitMs;
  const { name = "", namespace, uid = "", resourceVersion = "" } = job.metadata;
  const options = { uid, resourceVersion, propagationPolicy: "Foreground" } as const;
  try {
    await client.delete(jobKind, { namespace, name }, options, signal);
  } catch (error) {
    // Changed or gone: the informer will tell.
    if (!isGone(error)) throw error;
  }
  return undefined;
}
