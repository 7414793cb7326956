/**
 * Keeps the kernel's policies as the cluster wants them. What changes in one turn of the event loop is one transaction;
 * everything is compared with the kernel at the start, when somebody else changed our tables, and on a slow timer.
 * A pod of this node has the addresses that its attachment gives it, from ADD until DEL: the API hears of them later, and
 * remembers them longer.
 */
import type { ClusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import type { Namespace } from "#api/kinds/namespace.ts";
import type { NetworkPolicy } from "#api/kinds/network-policy.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PolicyRevisions } from "#api/programmed/policy-answer.ts";
import type { Informer } from "#api-client/informer.ts";
import { formatPrefix, type Prefix } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import { startReconcileLoop } from "#base/reconcile-loop.ts";
import type { PolicyEnforcer, PolicyNode } from "#dataplane/policy/contract.ts";
import { createPolicyIndex } from "#policy/index/policy-index.ts";
import {
  clusterNetworkPolicyId,
  networkPolicyId,
  podId,
  worldClusterNetworkPolicy,
  worldNamespace,
  worldNetworkPolicy,
  worldNode,
  worldPod,
} from "#policy/policy-world.ts";
import type { Direction, PodId, PolicyId, RuleModelChanges } from "#policy/rule-model.ts";
import { addressesOf, type LedgerAttachment } from "./pod-attachments.ts";
import { podCidrsOf } from "./pod-cidrs.ts";

export interface PolicyInformers {
  readonly namespaces: Informer<Namespace>;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly policies: Informer<NetworkPolicy>;
  /** Where the API has them. */
  readonly clusterPolicies: Informer<ClusterNetworkPolicy> | undefined;
}

export interface PolicyLoopDeps {
  readonly informers: PolicyInformers;
  readonly enforcer: PolicyEnforcer;
  readonly nodeName: string;
  readonly node: Omit<PolicyNode, "nodePods">;
  /** False where links alone say which addresses are pods': the node need not have pod CIDRs then. Default: true. */
  readonly needsPodCidrs?: boolean | undefined;
  readonly log: Log;
  /** Everything is known, and about to be compared with the kernel. */
  readonly beforeSync?: (() => void) | undefined;
  /** All of the above are in the kernel. */
  readonly onProgrammed: () => void;
}

export interface PolicyCounters {
  readonly updates: number;
  readonly syncs: number;
  /** Changes that syncs found necessary after the first one. */
  readonly repairs: number;
}

export interface PolicyLoopState {
  readonly waitingFor: string | undefined;
  readonly pods: number;
  readonly policies: number;
  readonly problems: ReadonlyMap<PolicyId, readonly string[]>;
  readonly counters: PolicyCounters;
  readonly lastError: string | undefined;
}

export interface PolicyLoop extends AsyncDisposable {
  /** Resolves when the kernel has what the cluster wants, for the first time. */
  readonly ready: Promise<void>;
  attach(attachment: LedgerAttachment): void;
  detach(link: string): void;
  /** Writes at once what has changed, and ends what it forbids. Throws what the kernel says. */
  flush(): void;
  /** The pod's object, when it is that very pod. */
  findPod(pod: PodId, uid: string | undefined): Pod | undefined;
  markDirty(): void;
  state(): PolicyLoopState;
  /** Up to which versions the kernel has them. */
  programmed(): PolicyRevisions;
  /** NetworkPolicies that isolate a pod of this node. */
  isolating(pod: PodId, direction: Direction): readonly PolicyId[];
  podOfLink(link: string): PodId | undefined;
}

const MIN_SYNC_INTERVAL_MS = 50;
/** Between two looks at the connections that are under way, however many changes there are. */
const END_INTERVAL_MS = 50;
const RETRY_MS = 1_000;
const RESYNC_MS = 10 * 60_000;
/** A static pod's object has another uid than the pod itself. */
const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";

export function startPolicyLoop(deps: PolicyLoopDeps, attached: Iterable<LedgerAttachment>): PolicyLoop {
  const { informers, enforcer, nodeName, log } = deps;
  const index = createPolicyIndex({ node: nodeName });
  const attachments = new Map<string, LedgerAttachment>(Array.from(attached, (one) => [one.link, one]));
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined); // whoever waits hears of it
  let counters: PolicyCounters = { updates: 0, syncs: 0, repairs: 0 };
  let isInStep = false;
  let wasEverInStep = false;
  let lastError: string | undefined;
  let turn: NodeJS.Immediate | undefined;
  let ending: NodeJS.Timeout | undefined;
  let endedMs = Number.NEGATIVE_INFINITY;
  /** As they are in the frame. */
  let syncedNodePods = "";
  /** Events of a kind come in the order of their versions, so the last one says it all. */
  const seen = { networkPolicies: 0, clusterNetworkPolicies: 0 };
  let written: PolicyRevisions = { ...seen };
  let programmed: PolicyRevisions = { ...seen };

  function note(kind: keyof PolicyRevisions, { resourceVersion }: { readonly resourceVersion?: string | undefined }) {
    const revision = Number(resourceVersion ?? "");
    if (Number.isSafeInteger(revision)) seen[kind] = Math.max(seen[kind], revision);
  }

  function isOwn({ spec }: Pod): boolean {
    return spec.nodeName === nodeName && spec.hostNetwork !== true;
  }

  function uidsOf({ metadata }: Pod): readonly (string | undefined)[] {
    return [metadata.uid, metadata.annotations?.[MIRROR_ANNOTATION]];
  }

  function setPod(pod: Pod): void {
    const known = worldPod(pod);
    const addresses = isOwn(pod) ? addressesOf(attachments.values(), known.id, uidsOf(pod)) : known.addresses;
    index.setPod({ ...known, addresses });
    changed();
  }

  function setPodAgain(id: PodId | undefined): void {
    const pod = id === undefined ? undefined : findByName(id);
    if (pod !== undefined) setPod(pod);
  }

  function findByName(id: PodId): Pod | undefined {
    const [namespace = "", name = ""] = id.split("/");
    return informers.pods.get(namespace, name);
  }

  function changed(): void {
    if (isInStep) turn ??= setImmediate(flushLater);
  }

  /** New connections are decided by what is written; those under way can wait for more changes. */
  function flushLater(): void {
    turn = undefined;
    orFail(() => {
      if (!isInStep) return flush();
      write("later");
      if (!enforcer.hasForbidden()) tellProgrammed();
      else
        ending ??= setTimeout(() => orFail(endForbidden), Math.max(0, endedMs + END_INTERVAL_MS - performance.now()));
    });
  }

  function orFail(step: () => void): void {
    try {
      step();
    } catch (error) {
      failed(error);
    }
  }

  function flush(): void {
    if (!isInStep) {
      // After a failure nothing less than all will do.
      if (wasEverInStep) sync();
      return;
    }
    write("now");
    forgetTimers();
    tellProgrammed();
  }

  function forgetTimers(): void {
    clearImmediate(turn);
    turn = undefined;
    clearTimeout(ending);
    ending = undefined;
  }

  function write(connections: "now" | "later"): void {
    const changes = index.takeChanges();
    const isLate = connections === "now" && enforcer.hasForbidden();
    if (isEmpty(changes) && !isLate) {
      written = { ...seen };
      return;
    }
    inKernel(() => enforcer.update(changes, connections));
    written = { ...seen };
    if (!isEmpty(changes)) counters = { ...counters, updates: counters.updates + 1 };
  }

  function endForbidden(): void {
    ending = undefined;
    if (!isInStep) return;
    inKernel(() => enforcer.endForbidden());
    endedMs = performance.now();
    tellProgrammed();
  }

  function inKernel(step: () => void): void {
    try {
      step();
    } catch (error) {
      // The kernel may have any part of it: compare.
      isInStep = false;
      loop.markDirty();
      throw error;
    }
  }

  function tellProgrammed(): void {
    programmed = written;
    deps.onProgrammed();
  }

  function waitingFor(): string | undefined {
    const all: readonly (readonly [string, Informer<never> | Pick<Informer<never>, "hasSynced"> | undefined])[] =
      Object.entries(informers);
    const missing = all.filter(([, informer]) => informer !== undefined && !informer.hasSynced()).map(([name]) => name);
    if (missing.length > 0) return `the list of ${missing.join(", ")}`;
    if (informers.nodes.get(undefined, nodeName) === undefined) return `node ${nodeName}`;
    return deps.needsPodCidrs !== false && nodePods().length === 0 ? `the pod CIDRs of node ${nodeName}` : undefined;
  }

  function nodePods(): readonly Prefix[] {
    return podCidrsOf(informers.nodes.get(undefined, nodeName));
  }

  function sync(): void {
    if (waitingFor() !== undefined) return;
    forgetTimers();
    const startedMs = performance.now();
    deps.beforeSync?.();
    index.takeChanges();
    const node: PolicyNode = { ...deps.node, nodePods: nodePods() };
    syncedNodePods = node.nodePods.map(formatPrefix).join();
    const { changes } = enforcer.sync(node, index.model(), [...attachments.values()]);
    isInStep = true;
    lastError = undefined;
    counters = {
      ...counters,
      syncs: counters.syncs + 1,
      repairs: counters.repairs + (wasEverInStep ? changes.length : 0),
    };
    if (changes.length > 0) {
      const durationMs = Math.round(performance.now() - startedMs);
      log.info(wasEverInStep ? "policies restored" : "policies written", {
        changes: changes.length,
        durationMs,
        first: changes.slice(0, 3).join("; "),
      });
    }
    wasEverInStep = true;
    ready.resolve();
    written = { ...seen };
    tellProgrammed();
  }

  function failed(error: unknown): void {
    isInStep = false;
    lastError = error instanceof Error ? error.message : String(error);
    log.error("policies not written", { error: lastError });
  }

  const loop = startReconcileLoop({
    name: "policy",
    minIntervalMs: MIN_SYNC_INTERVAL_MS,
    retryMs: RETRY_MS,
    resyncMs: RESYNC_MS,
    sync,
    onError: failed,
  });

  const stack = new DisposableStack();
  stack.use(
    follow(informers.namespaces, (one) => index.setNamespace(worldNamespace(one)), nameOf(index.deleteNamespace)),
  );
  stack.use(follow(informers.pods, setPod, ({ metadata }) => index.deletePod(idOf(metadata, podId))));
  stack.use(follow(informers.nodes, setNode, nameOf(index.deleteNode)));
  stack.use(
    follow(
      informers.policies,
      (one) => {
        note("networkPolicies", one.metadata);
        index.setPolicy(worldNetworkPolicy(one));
      },
      ({ metadata }) => index.deletePolicy(idOf(metadata, networkPolicyId)),
    ),
  );
  if (informers.clusterPolicies) {
    stack.use(
      follow(
        informers.clusterPolicies,
        (one) => {
          note("clusterNetworkPolicies", one.metadata);
          index.setPolicy(worldClusterNetworkPolicy(one));
        },
        nameOf((name) => index.deletePolicy(clusterNetworkPolicyId(name))),
      ),
    );
  }

  function setNode(node: Node): void {
    index.setNode(worldNode(node));
    // Its prefixes are part of the frame.
    const isOther = !isInStep || nodePods().map(formatPrefix).join() !== syncedNodePods;
    if (node.metadata.name === nodeName && isOther) loop.markDirty();
  }

  function follow<O extends { readonly metadata: { readonly name?: string | undefined } }>(
    informer: Pick<Informer<never>, "synced"> & {
      subscribe(handlers: { onAdd(one: O): void; onUpdate(one: O): void; onDelete(one: O): void }): Disposable;
    },
    set: (one: O) => void,
    remove: (one: O) => void,
  ): Disposable {
    const then = (take: (one: O) => void) => (one: O) => {
      take(one);
      changed();
    };
    informer.synced.then(
      () => loop.markDirty(),
      () => undefined, // closed
    );
    return informer.subscribe({ onAdd: then(set), onUpdate: then(set), onDelete: then(remove) });
  }

  return {
    ready: ready.promise,
    attach(attachment) {
      attachments.set(attachment.link, attachment);
      if (isInStep) enforcer.attach(attachment);
      setPodAgain(attachment.pod);
    },
    detach(link) {
      const attachment = attachments.get(link);
      if (attachment === undefined) return;
      attachments.delete(link);
      setPodAgain(attachment.pod);
      if (isInStep) enforcer.detach(link);
    },
    flush,
    findPod(id, uid) {
      const pod = findByName(id);
      return pod !== undefined && (uid === undefined || uidsOf(pod).includes(uid)) ? pod : undefined;
    },
    markDirty: () => loop.markDirty(),
    state: () => ({
      waitingFor: waitingFor(),
      pods: index.model().pods.size,
      policies: informers.policies.list().length,
      problems: index.problems(),
      counters,
      lastError,
    }),
    programmed: () => programmed,
    isolating: (pod, direction) => index.podRules(pod)?.[direction].network ?? [],
    podOfLink: (link) => attachments.get(link)?.pod,
    async [Symbol.asyncDispose]() {
      ready.reject(new Error("the agent stops"));
      isInStep = false;
      forgetTimers();
      stack.dispose();
      await loop[Symbol.asyncDispose]();
    },
  };
}

function isEmpty({ pods, directions, addressSets, namedPorts }: RuleModelChanges): boolean {
  return pods.size + directions.size + addressSets.size + namedPorts.size === 0;
}

function nameOf(remove: (name: string) => void) {
  return ({ metadata }: { readonly metadata: { readonly name?: string | undefined } }): void =>
    remove(metadata.name ?? "");
}

function idOf(
  metadata: { readonly namespace?: string | undefined; readonly name?: string | undefined },
  id: (namespace: string, name: string) => string,
): string {
  return id(metadata.namespace ?? "default", metadata.name ?? "");
}
