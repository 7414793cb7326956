/** Keeps the numbered pods of each StatefulSet. */
import { isApiError } from "#api/api-error.ts";
import { type ControllerRevision, controllerRevision as revisionKind } from "#api/kinds/controller-revision.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { type StatefulSet, statefulSet as statefulSetKind } from "#api/kinds/stateful-set/stateful-set.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { applyClaims, planClaims } from "../workload/claim-dependents.ts";
import { isControlledBy } from "../workload/controller-reference.ts";
import { followDependents } from "../workload/follow-dependents.ts";
import { followOrphans } from "../workload/follow-orphans.ts";
import { claimRevisions, deleteRevisions, type RevisionKeeper, writeRevision } from "../workload/keep-revisions.ts";
import { planRevision, type RevisionPlan, templateOf, unneededRevisions } from "../workload/plan-revision.ts";
import { isGone, isNamespaceTerminating, messageOf } from "../workload/pod-control.ts";
import { isTerminating, nextAvailableMs } from "../workload/pod-state.ts";
import { startOwnerLoop } from "../workload/start-owner-loop.ts";
import { type NumberedPod, planStatefulSet, type StatefulSetState, statefulSetStatus } from "./plan-stateful-set.ts";
import { claimNames, ordinalOf, revisionOf, statefulPod } from "./stateful-pod.ts";

export const statefulSetController: Controller = { name: "stateful-set", start };

const REVISED = { kind: statefulSetKind, hashLabel: "controller.kubernetes.io/hash" };

async function start(context: ControllerContext): Promise<AsyncDisposable> {
  const { client, log, now } = context;
  const sets = context.informer(statefulSetKind);
  const pods = context.informer(podKind);
  const revisions = context.informer(revisionKind);
  const podOrphans = followOrphans(pods);
  const revisionOrphans = followOrphans(revisions);
  const keeper: RevisionKeeper<StatefulSet> = {
    client,
    ownerKind: statefulSetKind,
    revisions,
    orphans: revisionOrphans,
  };
  const isMember = (set: StatefulSet, pod: Pod): boolean =>
    ordinalOf(set, pod) !== undefined && labelSelectorMatcher(set.spec.selector)(pod.metadata.labels);

  return await startOwnerLoop({
    name: "stateful-set",
    log,
    owners: sets,
    others: [pods, revisions],
    follow: (tell) => [
      podOrphans,
      revisionOrphans,
      followDependents({
        ownerKind: statefulSetKind,
        owners: sets,
        dependents: pods,
        wouldAdopt: isMember,
        onChange: tell,
      }),
    ],
    async work({ namespace, name }, _key, signal) {
      const set = sets.get(namespace, name);
      if (set === undefined || isTerminating(set)) return undefined;
      const owned = pods.byIndex("owner", set.metadata.uid ?? "");
      const claims = planClaims(set, [...owned, ...podOrphans.of(namespace)], (pod) => isMember(set, pod));
      const claiming = { client, ownerKind: statefulSetKind, owner: set, kind: podKind };
      const mine = await applyClaims(claiming, claims, signal);
      const history = planRevision(REVISED, set, await claimRevisions(keeper, set, set.spec.selector, signal));
      const update = await writeRevision(keeper, set, history, signal);
      if (update === undefined) return undefined;
      const current = history.old.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
      const state: StatefulSetState = {
        set,
        pods: mine,
        currentRevision: nameOf(current),
        updateRevision: nameOf(update),
        now: now(),
      };
      const error = await changePods(context, state, [current, update], signal);
      await writeStatus(client, state, signal);
      if (error !== undefined && !isNamespaceTerminating(error)) throw error;
      await deleteRevisions(client, unneeded(state, history), signal);
      return nextAvailableMs(mine, set.spec.minReadySeconds, state.now);
    },
  });
}

function nameOf({ metadata }: ControllerRevision): string {
  return metadata.name ?? "";
}

function unneeded(
  { set, pods, currentRevision }: StatefulSetState,
  { old }: RevisionPlan,
): readonly ControllerRevision[] {
  const live = new Set([currentRevision, ...pods.map(revisionOf)]);
  return unneededRevisions(old, set, (revision) => live.has(nameOf(revision)));
}

/** Gives the first error. */
async function changePods(
  context: ControllerContext,
  state: StatefulSetState,
  revisions: readonly ControllerRevision[],
  signal: AbortSignal,
): Promise<unknown> {
  const { client } = context;
  const plan = planStatefulSet(state);
  const jobs = [
    ...plan.create.map((wanted) => createPod(context, state.set, wanted, revisions, signal)),
    ...plan.delete.map((pod) => deletePod(context, state.set, pod, signal)),
    ...plan.relabel.map((pod) => client.update(podKind, pod, signal)),
  ];
  const results = await Promise.allSettled(jobs);
  return results.find((result) => result.status === "rejected")?.reason;
}

async function createPod(
  { client, events }: ControllerContext,
  set: StatefulSet,
  { ordinal, revision }: NumberedPod,
  revisions: readonly ControllerRevision[],
  signal: AbortSignal,
): Promise<void> {
  const source = revisions.find((each) => nameOf(each) === revision);
  const template = (source && templateOf(source)) ?? set.spec.template;
  const draft = statefulPod(set, ordinal, { template, revision });
  const { name = "", namespace } = draft.metadata;
  const what = `create Pod ${name} in StatefulSet ${set.metadata.name}`;
  try {
    await client.create(podKind, draft, signal);
  } catch (error) {
    if (isApiError(error, "AlreadyExists")) {
      // Ours: the informer will tell of it. Somebody else's: it has to go first.
      if (isControlledBy(await client.get(podKind, { namespace, name }, signal), set)) return;
    }
    if (!isNamespaceTerminating(error)) {
      const message = `${what} failed error: ${messageOf(error)}`;
      events.record(set, { type: "Warning", reason: "FailedCreate", message });
    }
    throw error;
  }
  events.record(set, { type: "Normal", reason: "SuccessfulCreate", message: `${what} successful` });
  const claims = claimNames(set.spec);
  if (claims.length === 0) return;
  const message = `volumeClaimTemplates are not supported: data in ${claims.join(", ")} of Pod ${name} goes with the pod`;
  events.record(set, { type: "Warning", reason: "VolumeClaimsIgnored", message });
}

async function deletePod(
  { client, events }: ControllerContext,
  set: StatefulSet,
  { metadata, status }: Pod,
  signal: AbortSignal,
): Promise<void> {
  const { name = "", namespace, uid = "" } = metadata;
  if (status?.phase === "Failed" || status?.phase === "Succeeded") {
    const [reason, state] =
      status.phase === "Failed" ? ["RecreatingFailedPod", "failed"] : ["RecreatingTerminatedPod", "terminated"];
    const message = `StatefulSet ${set.metadata.namespace}/${set.metadata.name} is recreating ${state} Pod ${name}`;
    events.record(set, { type: "Warning", reason, message });
  }
  const what = `delete Pod ${name} in StatefulSet ${set.metadata.name}`;
  try {
    await client.delete(podKind, { namespace, name }, { uid }, signal);
  } catch (error) {
    if (isGone(error)) return;
    const message = `${what} failed error: ${messageOf(error)}`;
    events.record(set, { type: "Warning", reason: "FailedDelete", message });
    throw error;
  }
  events.record(set, { type: "Normal", reason: "SuccessfulDelete", message: `${what} successful` });
}

async function writeStatus(
  client: Pick<ApiClient, "updateStatus">,
  state: StatefulSetState,
  signal: AbortSignal,
): Promise<void> {
  const { set } = state;
  const status = statefulSetStatus(state);
  if (jsonEqual(status, set.status ?? {})) return;
  await client.updateStatus(statefulSetKind, { ...set, status }, signal);
}
