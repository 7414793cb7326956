/** Keeps each Deployment's ReplicaSets as its template, its number of pods and its strategy want them. */
import { isApiError } from "#api/api-error.ts";
import { type Deployment, deployment as deploymentKind } from "#api/kinds/deployment.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { type ReplicaSet, replicaSet as replicaSetKind } from "#api/kinds/replica-set.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { Informer } from "#api-client/informer.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { applyClaims, planClaims } from "../workload/claim-dependents.ts";
import { controllerOf, isControlledBy } from "../workload/controller-reference.ts";
import { followDependents } from "../workload/follow-dependents.ts";
import { followOrphans } from "../workload/follow-orphans.ts";
import { isNamespaceTerminating, messageOf } from "../workload/pod-control.ts";
import { isPodFinished } from "../workload/pod-state.ts";
import { startOwnerLoop } from "../workload/start-owner-loop.ts";
import { withCreateError } from "./deployment-status.ts";
import { type DeploymentPlan, planDeployment } from "./plan-deployment.ts";
import { isSameTemplate } from "./revisions.ts";
import { sizeOf } from "./scale-replica-sets.ts";

export const deploymentController: Controller = { name: "deployment", start };

async function start(context: ControllerContext): Promise<AsyncDisposable> {
  const { client, log, now } = context;
  const deployments = context.informer(deploymentKind);
  const replicaSets = context.informer(replicaSetKind);
  const pods = context.informer(podKind);
  const orphans = followOrphans(replicaSets);
  return await startOwnerLoop({
    name: "deployment",
    log,
    owners: deployments,
    others: [replicaSets, pods],
    follow: (tell) => [
      orphans,
      followDependents({
        ownerKind: deploymentKind,
        owners: deployments,
        dependents: replicaSets,
        wouldAdopt: ({ spec }, { metadata }) => labelSelectorMatcher(spec.selector)(metadata.labels),
        onChange: tell,
      }),
      followLastPods({ deployments, replicaSets, pods }, tell),
    ],
    async work({ namespace, name }, _key, signal) {
      const deployment = deployments.get(namespace, name);
      if (deployment === undefined) return undefined;
      const matches = labelSelectorMatcher(deployment.spec.selector);
      const owned = replicaSets.byIndex("owner", deployment.metadata.uid ?? "");
      const claims = planClaims(deployment, [...owned, ...orphans.of(namespace)], ({ metadata }) =>
        matches(metadata.labels),
      );
      const claiming = { client, ownerKind: deploymentKind, owner: deployment, kind: replicaSetKind };
      const plan = planDeployment({
        deployment,
        replicaSets: await applyClaims(claiming, claims, signal),
        podsOf: ({ metadata }) => pods.byIndex("owner", metadata.uid ?? ""),
        now: now(),
      });
      await applyPlan(context, deployment, plan, signal);
      return plan.againMs;
    },
  });
}

async function applyPlan(
  context: ControllerContext,
  deployment: Deployment,
  plan: DeploymentPlan,
  signal: AbortSignal,
): Promise<void> {
  const { client, events } = context;
  const tellScaled = (name: string, from: number, to: number) =>
    events.record(deployment, {
      type: "Normal",
      reason: "ScalingReplicaSet",
      message: `Scaled ${to > from ? "up" : "down"} replica set ${name} from ${from} to ${to}`,
    });
  if (plan.create !== undefined) {
    const isMade = await createReplicaSet(context, deployment, plan.create, signal);
    // The informer will tell of it.
    if (!isMade) return;
    const size = sizeOf(plan.create);
    if (size > 0) tellScaled(plan.create.metadata.name ?? "", 0, size);
  }
  for (const { from, to } of plan.update) {
    const { metadata } = await client.update(replicaSetKind, to, signal);
    if (sizeOf(from) !== sizeOf(to)) tellScaled(metadata.name ?? "", sizeOf(from), sizeOf(to));
  }
  for (const { metadata } of plan.delete) {
    const { namespace, name = "", uid = "", resourceVersion = "" } = metadata;
    await client
      .delete(replicaSetKind, { namespace, name }, { uid, resourceVersion }, signal)
      .catch((error: unknown) => {
        if (!isApiError(error, "NotFound")) throw error;
      });
  }
  await writeDeployment(client, deployment, plan.deployment, signal);
}

/** Annotations and status are written apart. */
async function writeDeployment(
  client: ApiClient,
  before: Deployment,
  after: Deployment,
  signal: AbortSignal,
): Promise<void> {
  const written = jsonEqual(before.metadata, after.metadata)
    ? before
    : await client.update(deploymentKind, { ...before, metadata: after.metadata }, signal);
  if (jsonEqual(before.status ?? {}, after.status ?? {})) return;
  await client.updateStatus(deploymentKind, { ...written, status: after.status }, signal);
}

/** False when it was there already, or the name was taken and another one must be found. */
async function createReplicaSet(
  { client, events, now }: ControllerContext,
  deployment: Deployment,
  wanted: ReplicaSet,
  signal: AbortSignal,
): Promise<boolean> {
  const { name = "", namespace } = wanted.metadata;
  try {
    await client.create(replicaSetKind, wanted, signal);
    return true;
  } catch (error) {
    if (isNamespaceTerminating(error)) return false;
    if (!isApiError(error, "AlreadyExists")) {
      const message = `Failed to create new replica set ${JSON.stringify(name)}: ${messageOf(error)}`;
      events.record(deployment, { type: "Warning", reason: "ReplicaSetCreateError", message });
      await writeDeployment(client, deployment, withCreateError(deployment, message, now()), signal);
      throw error;
    }
  }
  // Rejects when it has gone meanwhile: then the name is free, and the next attempt gets it.
  const existing = await client.get(replicaSetKind, { namespace, name }, signal);
  const isSame = isSameTemplate(existing.spec.template, deployment.spec.template);
  if (isSame && isControlledBy(existing, deployment)) return false;
  const { status } = deployment;
  const next = { ...deployment, status: { ...status, collisionCount: (status?.collisionCount ?? 0) + 1 } };
  await client.updateStatus(deploymentKind, next, signal);
  return false;
}

interface Informers {
  readonly deployments: Informer<Deployment>;
  readonly replicaSets: Informer<ReplicaSet>;
  readonly pods: Informer<Pod>;
}

/** Recreate waits for the last old pod to be gone, which no ReplicaSet's status tells. */
function followLastPods({ deployments, replicaSets, pods }: Informers, tell: (key: string) => void): Disposable {
  const onEnd = (object: Pod): void => {
    const owner = controllerOf(object);
    if (owner?.kind !== replicaSetKind.kind) return;
    const set = replicaSets.get(object.metadata.namespace, owner.name);
    const reference = set && controllerOf(set);
    if (reference?.kind !== deploymentKind.kind) return;
    const deployment = deployments.get(object.metadata.namespace, reference.name);
    if (deployment?.spec.strategy?.type === "Recreate") tell(keyOf(deployment));
  };
  return pods.subscribe({
    onUpdate(object, old) {
      if (isPodFinished(object) && !isPodFinished(old)) onEnd(object);
    },
    onDelete: onEnd,
  });
}
