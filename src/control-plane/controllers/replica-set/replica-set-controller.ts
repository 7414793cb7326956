/** Keeps the number of pods of each ReplicaSet. */
import type { KubeObject } from "#api/kind.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { type ReplicaSet, replicaSet as replicaSetKind } from "#api/kinds/replica-set.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { Informer } from "#api-client/informer.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { applyClaims, planClaims } from "../workload/claim-dependents.ts";
import { controllerOf } from "../workload/controller-reference.ts";
import { createExpectations } from "../workload/expectations.ts";
import { followDependents } from "../workload/follow-dependents.ts";
import { followOrphans } from "../workload/follow-orphans.ts";
import { createPodControl, isNamespaceTerminating, messageOf, type PodControl } from "../workload/pod-control.ts";
import { podFromTemplate } from "../workload/pod-from-template.ts";
import { startOwnerLoop } from "../workload/start-owner-loop.ts";
import {
  planReplicaSet,
  type ReplicaFailure,
  type ReplicaSetState,
  replicaSetStatus,
  untilNextAvailableMs,
} from "./plan-replica-set.ts";

export const replicaSetController: Controller = { name: "replica-set", start };

async function start(context: ControllerContext): Promise<AsyncDisposable> {
  const { client, log, now } = context;
  const replicaSets = context.informer(replicaSetKind);
  const pods = context.informer(podKind);
  const orphans = followOrphans(pods);
  const expectations = createExpectations(now);
  const control = createPodControl(context, expectations);
  return await startOwnerLoop({
    name: "replica-set",
    log,
    owners: replicaSets,
    others: [pods],
    follow: (tell) => [
      orphans,
      followDependents({
        ownerKind: replicaSetKind,
        owners: replicaSets,
        dependents: pods,
        wouldAdopt: ({ spec }, { metadata }) => labelSelectorMatcher(spec.selector)(metadata.labels),
        onChange: tell,
        onCreated: (key) => expectations.creationsObserved(key),
        onDeleted: expectations.deletionObserved,
      }),
    ],
    async work({ namespace, name }, key, signal) {
      const replicaSet = replicaSets.get(namespace, name);
      if (replicaSet === undefined) {
        expectations.forget(key);
        return undefined;
      }
      const matches = labelSelectorMatcher(replicaSet.spec.selector);
      const owned = pods.byIndex("owner", replicaSet.metadata.uid ?? "");
      const claims = planClaims(replicaSet, [...owned, ...orphans.of(namespace)], ({ metadata }) =>
        matches(metadata.labels),
      );
      const claiming = { client, ownerKind: replicaSetKind, owner: replicaSet, kind: podKind };
      const mine = await applyClaims(claiming, claims, signal);
      const state: ReplicaSetState = {
        replicaSet,
        pods: mine,
        // Read only when there are too many pods.
        get relatedPods() {
          return podsOfSiblings(replicaSet, replicaSets, pods);
        },
        now: now(),
      };
      const waitMs = expectations.waitMs(key);
      const outcome = waitMs > 0 ? undefined : await changePods(control, state, signal);
      await writeStatus(client, state, outcome === undefined ? failureOf(replicaSet) : outcome.failure, signal);
      if (outcome?.error !== undefined && !isNamespaceTerminating(outcome.error)) throw outcome.error;
      return waitMs > 0 ? waitMs : untilNextAvailableMs(state);
    },
  });
}

interface Outcome {
  readonly failure: ReplicaFailure | undefined;
  readonly error: unknown;
}

async function changePods(control: PodControl, state: ReplicaSetState, signal: AbortSignal): Promise<Outcome> {
  const { replicaSet } = state;
  const plan = planReplicaSet(state);
  if (plan.delete.length > 0) {
    return outcomeOf("FailedDelete", await control.delete(replicaSet, plan.delete, signal));
  }
  if (plan.create === 0) return { failure: undefined, error: undefined };
  const draft = podFromTemplate(replicaSetKind, replicaSet, replicaSet.spec.template);
  const { error } = await control.create(replicaSet, Array(plan.create).fill(draft), signal);
  return outcomeOf("FailedCreate", error);
}

function outcomeOf(reason: ReplicaFailure["reason"], error: unknown): Outcome {
  return { failure: error === undefined ? undefined : { reason, message: messageOf(error) }, error };
}

/** As it stands in the status: nothing was tried this time. */
function failureOf({ status }: ReplicaSet): ReplicaFailure | undefined {
  const condition = status?.conditions?.find(({ type }) => type === "ReplicaFailure");
  if (condition === undefined) return undefined;
  const reason = condition.reason === "FailedDelete" ? "FailedDelete" : "FailedCreate";
  return { reason, message: condition.message ?? "" };
}

async function writeStatus(
  client: Pick<ApiClient, "updateStatus">,
  state: ReplicaSetState,
  failure: ReplicaFailure | undefined,
  signal: AbortSignal,
): Promise<void> {
  const status = replicaSetStatus(state, failure);
  if (jsonEqual(status, state.replicaSet.status ?? {})) return;
  await client.updateStatus(replicaSetKind, { ...state.replicaSet, status }, signal);
}

/** Of all ReplicaSets that belong to the same Deployment, this one included. */
function podsOfSiblings(
  replicaSet: ReplicaSet,
  replicaSets: Pick<Informer<ReplicaSet>, "byIndex">,
  pods: Pick<Informer<Pod>, "byIndex">,
): readonly Pod[] {
  const owner = controllerOf(replicaSet)?.uid;
  const siblings: readonly KubeObject[] = owner === undefined ? [replicaSet] : replicaSets.byIndex("owner", owner);
  return siblings.flatMap(({ metadata }) => pods.byIndex("owner", metadata.uid ?? ""));
}
