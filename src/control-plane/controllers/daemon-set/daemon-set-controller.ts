/** Keeps one pod of each DaemonSet on every node that it is meant for. */
import { controllerRevision as revisionKind } from "#api/kinds/controller-revision.ts";
import { type DaemonSet, daemonSet as daemonSetKind } from "#api/kinds/daemon-set.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { EventRecorder } from "#api-client/event-recorder.ts";
import type { Informer } from "#api-client/informer.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { applyClaims, planClaims } from "../workload/claim-dependents.ts";
import { createExpectations } from "../workload/expectations.ts";
import { followDependents } from "../workload/follow-dependents.ts";
import { followOrphans } from "../workload/follow-orphans.ts";
import { claimRevisions, deleteRevisions, type RevisionKeeper, writeRevision } from "../workload/keep-revisions.ts";
import { planRevision, unneededRevisions } from "../workload/plan-revision.ts";
import { createPodControl, isNamespaceTerminating, type PodControl } from "../workload/pod-control.ts";
import { isTerminating, nextAvailableMs } from "../workload/pod-state.ts";
import { sooner } from "../workload/sooner.ts";
import { startOwnerLoop } from "../workload/start-owner-loop.ts";
import { daemonPod, HASH_LABEL, targetNode } from "./daemon-pod.ts";
import { eligibilityOf } from "./eligible-nodes.ts";
import { type DaemonSetState, daemonSetStatus, planDaemonSet } from "./plan-daemon-set.ts";
import { createReplacementBackoff, type ReplacementBackoff } from "./replacement-backoff.ts";

export const daemonSetController: Controller = { name: "daemon-set", start };

const REVISED = { kind: daemonSetKind, hashLabel: HASH_LABEL };

async function start(context: ControllerContext): Promise<AsyncDisposable> {
  const { client, log, now, events } = context;
  const daemonSets = context.informer(daemonSetKind);
  const nodes = context.informer(nodeKind);
  const pods = context.informer(podKind);
  const revisions = context.informer(revisionKind);
  const podOrphans = followOrphans(pods);
  const revisionOrphans = followOrphans(revisions);
  const expectations = createExpectations(now);
  const backoff = createReplacementBackoff(now);
  const control = createPodControl(context, expectations);
  const keeper: RevisionKeeper<DaemonSet> = { client, ownerKind: daemonSetKind, revisions, orphans: revisionOrphans };

  return await startOwnerLoop({
    name: "daemon-set",
    log,
    owners: daemonSets,
    others: [nodes, pods, revisions],
    follow: (tell) => [
      podOrphans,
      revisionOrphans,
      followNodes({ daemonSets, nodes }, tell),
      followDependents({
        ownerKind: daemonSetKind,
        owners: daemonSets,
        dependents: pods,
        wouldAdopt: ({ spec }, { metadata }) => labelSelectorMatcher(spec.selector)(metadata.labels),
        onChange: tell,
        onCreated: (key) => expectations.creationsObserved(key),
        onDeleted: expectations.deletionObserved,
      }),
    ],
    async work({ namespace, name }, key, signal) {
      const daemonSet = daemonSets.get(namespace, name);
      if (daemonSet === undefined) {
        expectations.forget(key);
        backoff.forget(key);
      }
      if (daemonSet === undefined || isTerminating(daemonSet)) return undefined;
      const { selector } = daemonSet.spec;
      const history = planRevision(REVISED, daemonSet, await claimRevisions(keeper, daemonSet, selector, signal));
      const current = await writeRevision(keeper, daemonSet, history, signal);
      if (current === undefined) return undefined;
      const owned = pods.byIndex("owner", daemonSet.metadata.uid ?? "");
      const matches = labelSelectorMatcher(selector);
      const claims = planClaims(daemonSet, [...owned, ...podOrphans.of(namespace)], ({ metadata }) =>
        matches(metadata.labels),
      );
      const claiming = { client, ownerKind: daemonSetKind, owner: daemonSet, kind: podKind };
      const mine = await applyClaims(claiming, claims, signal);
      const hash = current.metadata.labels?.[HASH_LABEL] ?? "";
      const state: DaemonSetState = { daemonSet, hash, nodes: nodes.list(), pods: mine, now: now() };
      const waitMs = expectations.waitMs(key);
      const outcome = waitMs > 0 ? { waitMs } : await changePods({ control, backoff, events }, state, signal);
      await writeStatus(client, state, signal);
      if (outcome.error !== undefined && !isNamespaceTerminating(outcome.error)) throw outcome.error;
      const live = new Set(mine.map(({ metadata }) => metadata.labels?.[HASH_LABEL]));
      const unneeded = unneededRevisions(history.old, daemonSet, ({ metadata }) =>
        live.has(metadata.labels?.[HASH_LABEL]),
      );
      if (waitMs === 0) await deleteRevisions(client, unneeded, signal);
      return sooner(outcome.waitMs, nextAvailableMs(mine, daemonSet.spec.minReadySeconds, state.now));
    },
  });
}

interface Outcome {
  /** For pods that failed too often. */
  readonly waitMs?: number | undefined;
  readonly error?: unknown;
}

interface Deps {
  readonly control: PodControl;
  readonly backoff: ReplacementBackoff;
  readonly events: EventRecorder;
}

async function changePods(deps: Deps, state: DaemonSetState, signal: AbortSignal): Promise<Outcome> {
  const { control } = deps;
  const { daemonSet, hash } = state;
  const plan = planDaemonSet(state);
  const replaced = replaceEnded(deps, daemonSet, plan.ended);
  const drafts = plan.create.map((nodeName) => daemonPod(daemonSet, nodeName, hash));
  const created = drafts.length === 0 ? undefined : await control.create(daemonSet, drafts, signal);
  const unneeded = [...plan.delete, ...replaced.pods];
  const error = unneeded.length === 0 ? undefined : await control.delete(daemonSet, unneeded, signal);
  return { waitMs: replaced.waitMs, error: created?.error ?? error };
}

/** Which of the pods that have ended go now, and when to look at the others. */
function replaceEnded(
  { backoff, events }: Deps,
  daemonSet: DaemonSet,
  ended: readonly Pod[],
): { readonly pods: readonly Pod[]; readonly waitMs: number | undefined } {
  const key = keyOf(daemonSet);
  const pods: Pod[] = [];
  let waitMs: number | undefined;
  for (const pod of ended) {
    const nodeName = targetNode(pod) ?? "";
    const isFailed = pod.status?.phase === "Failed";
    const wait = isFailed ? backoff.waitMs(key, nodeName) : 0;
    if (wait > 0) {
      waitMs = sooner(waitMs, wait);
      continue;
    }
    pods.push(pod);
    if (isFailed) backoff.replaced(key, nodeName);
    const what = `daemon pod ${keyOf(pod)} on node ${nodeName}, will try to`;
    events.record(
      daemonSet,
      isFailed
        ? { type: "Warning", reason: "FailedDaemonPod", message: `Found failed ${what} kill it` }
        : { type: "Normal", reason: "SucceededDaemonPod", message: `Found succeeded ${what} delete it` },
    );
  }
  return { pods, waitMs };
}

async function writeStatus(
  client: Pick<ApiClient, "updateStatus">,
  state: DaemonSetState,
  signal: AbortSignal,
): Promise<void> {
  const { daemonSet } = state;
  const status = daemonSetStatus(state);
  if (jsonEqual(status, daemonSet.status ?? {})) return;
  await client.updateStatus(daemonSetKind, { ...daemonSet, status }, signal);
}

interface Informers {
  readonly daemonSets: Pick<Informer<DaemonSet>, "list">;
  readonly nodes: Pick<Informer<Node>, "subscribe">;
}

/** Of a node only its labels and taints count: heartbeats cost next to nothing. */
function followNodes({ daemonSets, nodes }: Informers, tell: (key: string) => void): Disposable {
  const tellAll = (): void => {
    for (const daemonSet of daemonSets.list()) tell(keyOf(daemonSet));
  };
  return nodes.subscribe({
    onAdd: tellAll,
    onDelete: tellAll,
    onUpdate(node, old) {
      const isSame =
        jsonEqual(node.metadata.labels, old.metadata.labels) && jsonEqual(node.spec?.taints, old.spec?.taints);
      if (isSame) return;
      for (const daemonSet of daemonSets.list()) {
        const eligibility = eligibilityOf(daemonSet);
        if (!jsonEqual({ ...eligibility(node) }, { ...eligibility(old) })) tell(keyOf(daemonSet));
      }
    },
  });
}
