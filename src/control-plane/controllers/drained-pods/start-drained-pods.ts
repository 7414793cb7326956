/**
 * Tells pods that are being deleted, and want to know, when no node sends anybody to them any more: waits for their
 * EndpointSlices, asks the nodes once for all such pods, and follows the answers. See docs/decisions/0029.
 */
import { isApiError } from "#api/api-error.ts";
import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { type Lease, lease as leaseKind } from "#api/kinds/lease.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { PodCondition } from "#api/kinds/pod/pod-status.ts";
import { type Service, service as serviceKind } from "#api/kinds/service/service.ts";
import { drainUntilMs, findDrained } from "#api/programmed/drain.ts";
import { PROGRAMMED_NAMESPACE, QUESTION_NAME } from "#api/programmed/question.ts";
import { askProgrammed } from "#api-client/ask-programmed.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { createDeadlines } from "../deadlines.ts";
import { isReady } from "../programmed-policies/plan-programmed.ts";
import { runLimited } from "../run-limited.ts";
import { type KeyQueue, startControlLoop } from "../start-control-loop.ts";
import { createNodeAnswers } from "./node-answers.ts";
import {
  findDrainedRevision,
  isNamed,
  type PodServices,
  planDrained,
  planDrainedCondition,
  serviceNodes,
} from "./plan-drained.ts";

const NAME = "drained-pods";
/** All pods are one thing to do. */
const KEY = "pods";
/** How long nodes may take until the condition says which of them are missing. */
const GRACE_MS = 2_000;
const QUESTION_SECONDS = 60;
/** A question is asked again before nodes take it for closed. */
const MARGIN_MS = 10_000;
const WRITES_AT_ONCE = 8;

/** A pod that waits. */
interface Pending {
  readonly uid: string;
  /** Its kubelet waits no longer. */
  readonly untilMs: number;
  /** As findDrainedRevision gives it. */
  revision: number | undefined;
  isNamed: boolean;
  /** Its EndpointSlices have changed since. */
  isStale: boolean;
  /** When the condition is to say what is missing. */
  dueMs: number;
}

export function drainedPodsController(): Controller {
  return { name: NAME, start };
}

async function start(context: ControllerContext): Promise<AsyncDisposable> {
  const { client, now } = context;
  const pods = context.informer(podKind);
  const services = context.informer(serviceKind);
  const slices = context.informer(endpointSlice);
  const nodes = context.informer(nodeKind);
  const leases = context.informer(leaseKind);
  /** By "namespace/name". */
  const pending = new Map<string, Pending>();
  const byUid = new Map<string, Pending>();
  const answers = createNodeAnswers();
  let question = { version: 0, untilMs: 0 };
  const time = (): number => now().getTime();

  function takePod(pod: Pod, queue: KeyQueue): void {
    const { namespace, name, uid = "" } = pod.metadata;
    const key = `${namespace}/${name}`;
    const known = pending.get(key);
    const seenMs = time();
    const untilMs = findDrained(pod)?.status === "True" ? undefined : drainUntilMs(pod, seenMs);
    const isWaiting = untilMs !== undefined && untilMs > seenMs;
    if (isWaiting && known?.uid === uid && known.untilMs <= untilMs) return;
    forget(key);
    if (!isWaiting) return;
    const dueMs = Math.min(seenMs + GRACE_MS, (seenMs + untilMs) / 2);
    const one = { uid, untilMs, revision: undefined, isNamed: false, isStale: true, dueMs };
    pending.set(key, one);
    byUid.set(uid, one);
    queue.add(KEY);
  }

  function forget(key: string): void {
    byUid.delete(pending.get(key)?.uid ?? "");
    pending.delete(key);
  }

  function takeSlice({ endpoints }: EndpointSlice, queue: KeyQueue): void {
    if (byUid.size === 0) return;
    for (const { targetRef } of endpoints ?? []) {
      const one = byUid.get(targetRef?.uid ?? "");
      if (one === undefined || one.revision !== undefined) continue;
      one.isStale = true;
      queue.add(KEY);
    }
  }

  function takeLease(lease: Lease, queue: KeyQueue): void {
    if (lease.metadata.namespace === PROGRAMMED_NAMESPACE && lease.metadata.name === QUESTION_NAME) {
      const { renewTime, leaseDurationSeconds = 0 } = lease.spec ?? {};
      // Whoever has asked: their clock may be another.
      const askedMs = Math.min(time(), Date.parse(renewTime ?? "") || 0);
      const untilMs = askedMs + leaseDurationSeconds * 1000 - MARGIN_MS;
      question = { version: Number(lease.metadata.resourceVersion), untilMs };
    }
    if (answers.take(lease) && pending.size > 0) queue.add(KEY);
  }

  /** A Service that comes, goes or changes changes whose endpoint a pod is. */
  function takeService({ metadata }: Service, queue: KeyQueue): void {
    for (const [key, one] of pending) {
      if (one.revision !== undefined || !key.startsWith(`${metadata.namespace}/`)) continue;
      one.isStale = true;
      queue.add(KEY);
    }
  }

  function findRevisions(): void {
    const lists = new Map<string, PodServices>();
    for (const [key, one] of pending) {
      const pod = find(key);
      if (!one.isStale || one.revision !== undefined || pod === undefined) continue;
      one.isStale = false;
      const { namespace = "" } = pod.metadata;
      const list = lists.get(namespace) ?? { services: services.list(namespace), slices: slices.list(namespace) };
      lists.set(namespace, list);
      one.revision = findDrainedRevision(pod, list);
      one.isNamed = isNamed(pod, list.services);
    }
  }

  async function ask(signal: AbortSignal): Promise<void> {
    const wanted = { asker: NAME, seconds: QUESTION_SECONDS, now: now() };
    const version = await askProgrammed(client, wanted, signal);
    question = { version, untilMs: time() + QUESTION_SECONDS * 1000 - MARGIN_MS };
  }

  async function write({ metadata }: Pod, condition: PodCondition, signal: AbortSignal): Promise<void> {
    const { namespace, name = "", uid = "" } = metadata;
    const body = { metadata: { uid }, status: { conditions: [condition] } };
    await client
      .patch(podKind, { namespace, name }, { type: "strategic", subresource: "status", body }, signal)
      .catch(unlessGone);
  }

  async function writeAll(signal: AbortSignal): Promise<void> {
    const ready = serviceNodes(nodes.list(), answers);
    const currentMs = time();
    const errors = await runLimited([...pending], WRITES_AT_ONCE, async ([key, one]) => {
      const pod = find(key);
      if (pod?.metadata.uid !== one.uid || one.untilMs <= currentMs) return forget(key);
      const drained = planDrained(ready, { ...one, question: question.version });
      if (drained.status !== "True" && currentMs < one.dueMs) return;
      const condition = planDrainedCondition(pod, drained, now());
      if (condition !== undefined) await write(pod, condition, signal);
      if (drained.status === "True") forget(key);
      // Until something happens.
      else one.dueMs = Number.POSITIVE_INFINITY;
    });
    if (errors.length > 0) throw new AggregateError(errors, `conditions not written: ${errors[0]}`);
  }

  function find(key: string): Pod | undefined {
    const [namespace, name = ""] = key.split("/");
    return pods.get(namespace, name);
  }

  const deadlines = { wake: (_atMs: number): void => undefined };
  return await startControlLoop(context, {
    name: NAME,
    workers: 1,
    informers: [pods, services, slices, nodes, leases],
    subscribe(queue, subscriptions) {
      const timer = subscriptions.use(createDeadlines({ now, onDue: (key) => queue.add(key) }));
      deadlines.wake = (atMs) => (Number.isFinite(atMs) ? timer.set(KEY, new Date(atMs)) : timer.clear(KEY));
      const podEvent = (pod: Pod): void => takePod(pod, queue);
      const onDelete = ({ metadata }: Pod): void => forget(`${metadata.namespace}/${metadata.name}`);
      subscriptions.use(pods.subscribe({ onAdd: podEvent, onUpdate: podEvent, onDelete }));
      const serviceEvent = (service: Service): void => takeService(service, queue);
      subscriptions.use(services.subscribe({ onAdd: serviceEvent, onUpdate: serviceEvent, onDelete: serviceEvent }));
      const sliceEvent = (slice: EndpointSlice): void => takeSlice(slice, queue);
      subscriptions.use(
        slices.subscribe({
          onAdd: sliceEvent,
          onUpdate(slice, old) {
            sliceEvent(old);
            sliceEvent(slice);
          },
          onDelete: sliceEvent,
        }),
      );
      const leaseEvent = (lease: Lease): void => takeLease(lease, queue);
      subscriptions.use(leases.subscribe({ onAdd: leaseEvent, onUpdate: leaseEvent, onDelete: answers.drop }));
      const nodeEvent = (): void => {
        if (pending.size > 0) queue.add(KEY);
      };
      subscriptions.use(
        nodes.subscribe({
          onAdd: nodeEvent,
          onUpdate: (node, old) => isReady(node) !== isReady(old) && nodeEvent(),
          onDelete: nodeEvent,
        }),
      );
    },
    async work(_key, signal) {
      findRevisions();
      const isAsking = [...pending.values()].some(({ revision }) => revision !== 0);
      if (isAsking && question.untilMs <= time()) await ask(signal);
      await writeAll(signal);
      let wakeMs = isAsking && pending.size > 0 ? question.untilMs : Number.POSITIVE_INFINITY;
      for (const { dueMs, untilMs } of pending.values()) wakeMs = Math.min(wakeMs, dueMs, untilMs);
      deadlines.wake(wakeMs);
    },
  });
}

function unlessGone(error: unknown): void {
  if (!isApiError(error, "NotFound")) throw error;
}
