/**
 * Keeps this node's Services as the cluster wants them: what an event touches is compiled again, and all changes of one
 * turn of the event loop go to the proxy as one. Everything is compared with the kernel at the start, after a failure, when
 * somebody else changed our rules, and on a slow timer; nothing is deleted before all lists are complete.
 */
import { setImmediate as soon } from "node:timers";
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { Informer } from "#api-client/informer.ts";
import type { Log } from "#base/log.ts";
import { startReconcileLoop } from "#base/reconcile-loop.ts";
import type {
  AsyncServiceProxy,
  FrontendConflict,
  ServiceProxy,
  ServiceProxyNode,
} from "#dataplane/services/contract.ts";
import type { ServiceNode } from "#service/choose-endpoints.ts";
import { createServiceIndex, type PortChanges, SERVICE_NAME_LABEL, type ServiceIndex } from "#service/service-index.ts";
import type { ServicePort } from "#service/service-port.ts";
import { createChangeLimiter } from "./change-limiter.ts";
import type { FlowTable } from "./forget-flows.ts";
import type { HealthCheckServers } from "./health-check-servers.ts";
import { type FlowOwner, planEndedFlows } from "./plan-ended-flows.ts";
import { createProgrammedRevisions, type Revisions } from "./programmed-revisions.ts";

export interface ServicesLoopDeps {
  readonly services: Pick<Informer<Service>, "subscribe">;
  readonly slices: Pick<Informer<EndpointSlice>, "subscribe">;
  readonly proxy: ServiceProxy | AsyncServiceProxy;
  readonly flows: FlowTable;
  readonly healthChecks: Pick<HealthCheckServers, "set">;
  readonly log: Log;
  /** What is in the kernel has grown. */
  onProgrammed(): void;
}

export interface LoopState {
  /** Why nothing is written; undefined when all is. */
  readonly waitingFor: string | undefined;
  readonly index: ServiceIndex;
  readonly conflicts: readonly FrontendConflict[];
  readonly counters: ServicesCounters;
  readonly lastSync: RunReport | undefined;
  readonly lastError: string | undefined;
}

export interface ServicesCounters {
  readonly updates: number;
  readonly syncs: number;
  /** Changes that were made in the kernel because somebody else had changed it. */
  readonly repairs: number;
  readonly forgottenFlows: number;
}

export interface RunReport {
  readonly at: Date;
  readonly durationMs: number;
  readonly changes: number;
}

export interface ServicesLoop extends AsyncDisposable {
  /** From now on all lists are complete, and this is where the proxy works. May be called again. */
  setNode(node: ServiceNode, proxyNode: ServiceProxyNode): void;
  /** Somebody else changed what is ours. */
  markDirty(): void;
  programmed(): Revisions;
  /** What the next comparison would change; none before the first. */
  drift(): Promise<readonly string[]>;
  state(): LoopState;
}

const MIN_SYNC_INTERVAL_MS = 100;
const RETRY_MS = 1_000;
const RESYNC_MS = 10 * 60_000;
const LIMITS = { perSecond: 100, intervalMs: 50 } as const;

export function startServicesLoop(deps: ServicesLoopDeps): ServicesLoop {
  const { services, slices, proxy, flows, healthChecks, log } = deps;
  const index = createServiceIndex({ name: "" });
  const revisions = createProgrammedRevisions();
  const limiter = createChangeLimiter(LIMITS);
  const conflicts = new Map<string, readonly FrontendConflict[]>();
  let counters: ServicesCounters = { updates: 0, syncs: 0, repairs: 0, forgottenFlows: 0 };
  let proxyNode: ServiceProxyNode | undefined;
  /** The kernel is as `index.ports`, unless somebody else changed it. */
  let isInStep = false;
  let lastSync: RunReport | undefined;
  let lastError: string | undefined;
  let isStopped = false;
  let turn: NodeJS.Immediate | undefined;
  let later: NodeJS.Timeout | undefined;
  /** One write after the other: some proxies have another program do it. */
  let lastWrite: Promise<void> = Promise.resolve();

  function inTurn<T>(step: () => Promise<T>): Promise<T> {
    const next = lastWrite.then(step);
    lastWrite = next.then(
      () => undefined,
      () => undefined, // told by who asked for it
    );
    return next;
  }

  function changed(): void {
    if (isStopped || turn !== undefined || proxyNode === undefined) return;
    turn = soon(() => {
      void inTurn(flush);
    });
  }

  /** Writes what has changed since the last turn; what must wait is looked at again in the next interval. */
  async function flush(): Promise<void> {
    turn = undefined;
    if (isStopped) return;
    if (!isInStep) return loop.markDirty();
    const now = performance.now();
    const keys = [...index.dirty].filter((key) => limiter.admits(key, now));
    if (index.dirty.size > keys.length) later ??= setTimeout(flushLater, LIMITS.intervalMs);
    if (keys.length === 0) return;
    const written = revisions.writing(keys);
    const changes = index.compile(keys);
    try {
      await update(changes);
      written();
      finish();
    } catch (error) {
      // The kernel may have any part of it: compare.
      isInStep = false;
      failed(error);
      loop.markDirty();
    }
  }

  function flushLater(): void {
    later = undefined;
    changed();
  }

  async function update(changes: PortChanges): Promise<void> {
    const ports = new Map<string, ServicePort | undefined>();
    for (const [id, { before, after }] of changes) if (before !== after) ports.set(id, after);
    if (ports.size > 0) {
      const applied = await proxy.update(ports);
      for (const id of ports.keys()) conflicts.delete(id);
      noteConflicts(applied.conflicts);
      counters = { ...counters, updates: counters.updates + 1 };
    }
    const ended = planEndedFlows(changes);
    if (ended.length === 0) return;
    flows.forget(ended);
    counters = { ...counters, forgottenFlows: counters.forgottenFlows + ended.length };
  }

  function noteConflicts(found: readonly FrontendConflict[]): void {
    for (const [id, some = []] of Map.groupBy(found, (conflict) => conflict.id)) {
      conflicts.set(id, some);
      for (const { frontend, owner } of some) log.error("service address is taken", { service: id, frontend, owner });
    }
  }

  function finish(): void {
    healthChecks.set(index.healthChecks());
    lastError = undefined;
    deps.onProgrammed();
  }

  async function sync(): Promise<void> {
    if (proxyNode === undefined || isStopped) return;
    const wasInStep = isInStep;
    const at = new Date();
    const startedMs = performance.now();
    const written = revisions.writingAll();
    index.compile(index.dirty);
    const node = proxyNode;
    const applied = await proxy.sync(node, index.ports);
    conflicts.clear();
    noteConflicts(applied.conflicts);
    const forgotten = flows.sweep(flowOwners(index));
    isInStep = node === proxyNode;
    lastSync = { at, durationMs: Math.round(performance.now() - startedMs), changes: applied.changes.length };
    const repairs = counters.repairs + (wasInStep ? applied.changes.length : 0);
    counters = {
      ...counters,
      syncs: counters.syncs + 1,
      repairs,
      forgottenFlows: counters.forgottenFlows + forgotten,
    };
    if (applied.changes.length > 0) {
      const { durationMs } = lastSync;
      const first = applied.changes.slice(0, 3).join("; ");
      const what = wasInStep ? "service rules restored" : "services written";
      log.info(what, { services: index.services, ports: index.ports.size, durationMs, first });
    }
    written();
    finish();
  }

  function failed(error: unknown): void {
    lastError = error instanceof Error ? error.message : String(error);
    log.error("services not written", { error: lastError });
  }

  const loop = startReconcileLoop({
    name: "services",
    minIntervalMs: MIN_SYNC_INTERVAL_MS,
    retryMs: RETRY_MS,
    resyncMs: RESYNC_MS,
    sync: () => inTurn(sync),
    onError(error) {
      isInStep = false;
      failed(error);
    },
  });

  const takeService = (service: Service): void => {
    revisions.seen("services", keyOf(service), service.metadata.resourceVersion);
    index.setService(service);
    changed();
  };
  const takeSlice = (slice: EndpointSlice): void => {
    revisions.seen("endpointSlices", ownerOf(slice), slice.metadata.resourceVersion);
    index.setSlice(slice);
    changed();
  };
  const subscriptions = new DisposableStack();
  subscriptions.use(
    services.subscribe({
      onAdd: takeService,
      onUpdate: takeService,
      onDelete(service) {
        revisions.seen("services", keyOf(service), service.metadata.resourceVersion);
        index.deleteService(service);
        changed();
      },
    }),
  );
  subscriptions.use(
    slices.subscribe({
      onAdd: takeSlice,
      onUpdate: takeSlice,
      onDelete(slice) {
        revisions.seen("endpointSlices", ownerOf(slice), slice.metadata.resourceVersion);
        index.deleteSlice(slice);
        changed();
      },
    }),
  );

  return {
    setNode(node, next) {
      index.setNode(node);
      const isOther = JSON.stringify(next) !== JSON.stringify(proxyNode);
      proxyNode = next;
      if (isOther) {
        isInStep = false;
        loop.markDirty();
      } else changed();
    },
    markDirty: () => loop.markDirty(),
    programmed: () => (isInStep ? revisions.current() : { services: 0, endpointSlices: 0 }),
    drift: () => inTurn(async () => (isInStep ? await proxy.drift() : [])),
    state: () => ({
      waitingFor: proxyNode === undefined ? "the lists of the cluster" : undefined,
      index,
      conflicts: [...conflicts.values()].flat(),
      counters,
      lastSync,
      lastError,
    }),
    async [Symbol.asyncDispose]() {
      isStopped = true;
      clearImmediate(turn);
      clearTimeout(later);
      subscriptions.dispose();
      await loop[Symbol.asyncDispose]();
      await lastWrite;
    },
  };
}

function* flowOwners(index: ServiceIndex): Iterable<FlowOwner> {
  for (const port of index.ports.values()) {
    if (port.protocol !== "TCP") yield { port, backends: index.flowBackends(port.id) ?? [] };
  }
}

function keyOf({ metadata }: Service): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function ownerOf({ metadata }: EndpointSlice): string {
  return `${metadata.namespace}/${metadata.labels?.[SERVICE_NAME_LABEL] ?? ""}`;
}
