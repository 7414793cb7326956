/** Deletes what has lost its owners, in every kind of the cluster, and does what deletions ask for dependents. */
import type { Kind, KubeObject } from "#api/kind.ts";
import type { OwnerReference } from "#api/meta/object-meta.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import type { KindSource } from "../kind-source.ts";
import { sameJson } from "../same-json.ts";
import { type KeyQueue, startControlLoop } from "../start-control-loop.ts";
import { type KindHandlers, watchKinds } from "../watch-kinds.ts";
import { applyCollection } from "./apply-collection.ts";
import { createOwnerFinder, type FoundOwner, type OwnerFinder } from "./find-owner.ts";
import { createOwnerGraph, type GraphNode, type OwnerGraph } from "./owner-graph.ts";
import { isCollected, planCollection } from "./plan-collection.ts";

const NAME = "garbage-collector";
/** Until an owner is looked for again that the caches did not show. */
const RECHECK_MS = 10_000;

export function garbageCollectorController(kinds: KindSource): Controller {
  return { name: NAME, start: (context) => start(context, kinds) };
}

function start(context: ControllerContext, kinds: KindSource): Promise<AsyncDisposable> {
  const { client } = context;
  const graph = createOwnerGraph();
  const owners = createOwnerFinder({ client, graph, kinds });
  /** Objects with owners of kinds that are not known, by uid. */
  const puzzling = new Set<string>();

  async function work(uid: string, signal: AbortSignal, queue: KeyQueue): Promise<void> {
    const node = graph.get(uid);
    if (node === undefined) return void puzzling.delete(uid);
    const found = await findOwners(owners, node, signal);
    // While owners were looked for, the object may have changed: then it is in the queue again.
    if (graph.get(uid) !== node) return;
    note(uid, node, found, queue);
    const dependents = graph.dependentsOf(uid);
    const plan = planCollection({
      object: node.object,
      owners: found.map(({ state }) => state),
      dependents: dependents.map(({ object }) => object),
    });
    if (plan.type === "wait") for (const { metadata } of plan.dependents) queue.add(metadata.uid ?? "");
    await applyCollection(client, { node, dependents, plan }, signal);
  }

  function note(uid: string, { object }: GraphNode, found: readonly FoundOwner[], queue: KeyQueue): void {
    if (found.some(({ state }) => state === "unknown")) puzzling.add(uid);
    else puzzling.delete(uid);
    if (found.some(({ isNew }) => isNew)) queue.addAfter(uid, RECHECK_MS);
    const misplaced = (object.metadata.ownerReferences ?? []).find((_, index) => found[index]?.isMisplaced === true);
    if (misplaced !== undefined) reportMisplaced(context, object, misplaced);
  }

  return startControlLoop(context, {
    name: NAME,
    workers: 8,
    informers: [],
    subscribe(queue, subscriptions) {
      const retryPuzzling = (): void => {
        for (const uid of puzzling) queue.add(uid);
      };
      subscriptions.use(kinds.onChange(retryPuzzling));
      return subscriptions.use(watchKinds(context, kinds, graphHandlers(graph, owners, queue))).synced;
    },
    work,
  });
}

/** Keeps the graph, and says whose fate may have changed. */
function graphHandlers(graph: OwnerGraph, owners: OwnerFinder, queue: KeyQueue): KindHandlers {
  const look = (uid: string | undefined): void => {
    if (uid !== undefined) queue.add(uid);
  };
  /** Owners that wait for their dependents. */
  const lookAtOwners = ({ metadata }: KubeObject): void => {
    for (const { uid } of metadata.ownerReferences ?? []) {
      const owner = graph.get(uid);
      if (owner !== undefined && isCollected(owner.object)) look(uid);
    }
  };
  const lookAtDependents = (uid: string): void => {
    for (const { object } of graph.dependentsOf(uid)) look(object.metadata.uid);
  };
  const add = (kind: Kind, object: KubeObject): void => {
    graph.put(kind, object);
    const { uid = "", ownerReferences = [] } = object.metadata;
    if (isCollected(object)) lookAtDependents(uid);
    if (isCollected(object) || ownerReferences.length > 0) look(uid);
  };
  const remove = (object: KubeObject): void => {
    const { uid = "" } = object.metadata;
    graph.remove(uid);
    owners.markAbsent(uid);
    lookAtDependents(uid);
    lookAtOwners(object);
  };
  return {
    onAdd: add,
    onUpdate(kind, object, old) {
      if (object.metadata.uid !== old.metadata.uid) {
        remove(old);
        add(kind, object);
      } else if (isFateChanged(object, old)) {
        add(kind, object);
        lookAtOwners(old);
        lookAtOwners(object);
      } else graph.put(kind, object);
    },
    onDelete: (_kind, object) => remove(object),
    onKindGone: (kind) => graph.removeKind(kind),
  };
}

function isFateChanged({ metadata }: KubeObject, { metadata: old }: KubeObject): boolean {
  return (
    (metadata.deletionTimestamp === undefined) !== (old.deletionTimestamp === undefined) ||
    !sameJson(metadata.ownerReferences, old.ownerReferences) ||
    !sameJson(metadata.finalizers, old.finalizers)
  );
}

function findOwners(owners: OwnerFinder, { object }: GraphNode, signal: AbortSignal): Promise<readonly FoundOwner[]> {
  const { ownerReferences = [], deletionTimestamp } = object.metadata;
  // What is being deleted goes its way whoever owns it.
  if (deletionTimestamp !== undefined) return Promise.resolve([]);
  return Promise.all(ownerReferences.map((reference) => owners.find(reference, object, signal)));
}

function reportMisplaced({ events }: ControllerContext, object: KubeObject, reference: OwnerReference): void {
  const { apiVersion, kind, name, uid } = reference;
  const owner = `[${apiVersion}/${kind}, namespace: ${object.metadata.namespace ?? ""}, name: ${name}, uid: ${uid}]`;
  const message = `ownerRef ${owner} does not exist in namespace ${JSON.stringify(object.metadata.namespace ?? "")}`;
  events.record(object, { type: "Warning", reason: "OwnerRefInvalidNamespace", message });
}
