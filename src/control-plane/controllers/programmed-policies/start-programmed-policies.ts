/**
 * Writes the condition Programmed of policies: asks the nodes once for all that have changed, and follows their answers.
 * While all policies are where they belong it does nothing. See docs/decisions/0024.
 */
import { isApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { clusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { type Lease, lease as leaseKind } from "#api/kinds/lease.ts";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import type { Condition } from "#api/meta/condition.ts";
import {
  POLICY_ANSWER_LABEL,
  type PolicyAnswer,
  type PolicyRevisions,
  parsePolicyAnswer,
} from "#api/programmed/policy-answer.ts";
import { PROGRAMMED_NAMESPACE } from "#api/programmed/question.ts";
import { askProgrammed } from "#api-client/ask-programmed.ts";
import type { Informer } from "#api-client/informer.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { createDeadlines } from "../deadlines.ts";
import { runLimited } from "../run-limited.ts";
import { type KeyQueue, startControlLoop } from "../start-control-loop.ts";
import {
  isProgrammed,
  isReady,
  type PolicyObject,
  planCondition,
  planProgrammed,
  readyNodes,
} from "./plan-programmed.ts";

const NAME = "programmed-policies";
/** All policies are one thing to do. */
const KEY = "policies";
/** How long nodes may take until the condition says which of them are missing. */
const GRACE_MS = 2_000;
const QUESTION_MS = 60_000;
/** While nodes are missing, each question is open for twice as long as the one before. */
const MAX_QUESTION_MS = 600_000;
/** A question that is open for less is no good for a policy that changes now. */
const MIN_OPEN_MS = 30_000;
const WRITES_AT_ONCE = 8;

type Policy = KubeObject & PolicyObject;

/** A policy that is not known to be everywhere. */
interface Pending {
  readonly kind: keyof PolicyRevisions;
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  /** The first version with this generation that was seen here. */
  readonly revision: number;
  readonly find: () => Policy | undefined;
  readonly write: (condition: Condition, signal: AbortSignal) => Promise<unknown>;
  /** A question that is open long enough is about it, too. */
  isAsked: boolean;
  /** When the condition is to say what is missing. */
  dueMs: number;
  written: string;
}

export function programmedPoliciesController(): Controller {
  return { name: NAME, start };
}

async function start(context: ControllerContext): Promise<AsyncDisposable> {
  const { client, now } = context;
  const nodes = context.informer(nodeKind);
  const leases = context.informer(leaseKind);
  const policies = context.informer(networkPolicy);
  const clusterPolicies = context.informer(clusterNetworkPolicy);
  const pending = new Map<string, Pending>();
  const answers = new Map<string, PolicyAnswer>();
  let question = { version: 0, untilMs: 0, openMs: QUESTION_MS };
  const time = (): number => now().getTime();

  function follow<O extends Policy>(
    kindName: keyof PolicyRevisions,
    kind: Kind<O>,
    informer: Informer<O>,
    queue: KeyQueue,
  ): Disposable {
    const keyOf = ({ metadata }: Policy): string => `${kindName}/${metadata.namespace ?? ""}/${metadata.name}`;
    const take = (policy: O): void => {
      const key = keyOf(policy);
      const { namespace, name = "", uid, generation, resourceVersion } = policy.metadata;
      const known = pending.get(key);
      if (isProgrammed(policy)) pending.delete(key);
      else if (known === undefined || known.uid !== uid || known.generation !== generation) {
        pending.set(key, {
          kind: kindName,
          uid,
          generation,
          revision: Number(resourceVersion),
          find: () => informer.get(namespace, name),
          write: async (condition, signal) => {
            const body = { metadata: { uid: uid ?? null }, status: { conditions: [condition] } };
            const patch = { type: "strategic", subresource: "status", body } as const;
            await client.patch(kind, { namespace, name }, patch, signal);
          },
          isAsked: false,
          dueMs: time() + GRACE_MS,
          written: "",
        });
        queue.add(KEY);
      }
    };
    return informer.subscribe({
      onAdd: take,
      onUpdate: take,
      onDelete: (policy) => void pending.delete(keyOf(policy)),
    });
  }

  /** Nodes came, went, or changed. */
  function nodesChanged(queue: KeyQueue): void {
    const dueMs = time() + GRACE_MS;
    for (const one of pending.values()) one.dueMs = Math.min(one.dueMs, dueMs);
    if (pending.size > 0) queue.add(KEY);
  }

  function takeAnswer(lease: Lease, queue: KeyQueue): void {
    const answer = isAnswer(lease) ? parsePolicyAnswer(lease) : undefined;
    if (answer === undefined) return;
    answers.set(answer.node, answer);
    if (pending.size > 0) queue.add(KEY);
  }

  async function askIfNeeded(signal: AbortSignal): Promise<void> {
    const all = [...pending.values()];
    const openMs = question.untilMs - time();
    const isNew = all.some(({ isAsked }) => !isAsked);
    if (isNew ? openMs < MIN_OPEN_MS : openMs <= 0) {
      const nextMs = isNew ? QUESTION_MS : Math.min(MAX_QUESTION_MS, question.openMs * 2);
      const version = await askProgrammed(client, { asker: NAME, seconds: nextMs / 1000, now: now() }, signal);
      question = { version, untilMs: time() + nextMs, openMs: nextMs };
      for (const one of all) one.dueMs = time() + GRACE_MS;
    }
    for (const one of all) one.isAsked = true;
  }

  async function writeAll(signal: AbortSignal): Promise<void> {
    const ready = readyNodes(nodes.list(), answers);
    const currentMs = time();
    const errors = await runLimited([...pending.values()], WRITES_AT_ONCE, async (one) => {
      const { kind, revision, dueMs } = one;
      const programmed = planProgrammed(ready, { kind, revision, question: question.version });
      if (programmed.status !== "True" && currentMs < dueMs) return;
      const policy = one.find();
      if (policy?.metadata.uid !== one.uid || policy?.metadata.generation !== one.generation) return;
      const condition = policy && planCondition(policy, programmed, now());
      const text = JSON.stringify(programmed);
      if (condition !== undefined && one.written !== text) {
        await one.write(condition, signal).catch(unlessGone);
        one.written = text;
      }
      // Until something happens, or nodes are asked again.
      one.dueMs = Number.POSITIVE_INFINITY;
    });
    if (errors.length > 0) throw new AggregateError(errors, `conditions not written: ${errors[0]}`);
  }

  const deadlines = { wake: (_atMs: number): void => undefined };
  return await startControlLoop(context, {
    name: NAME,
    workers: 1,
    informers: [nodes, leases, policies, clusterPolicies],
    subscribe(queue, subscriptions) {
      const timer = subscriptions.use(createDeadlines({ now, onDue: (key) => queue.add(key) }));
      deadlines.wake = (atMs) => (Number.isFinite(atMs) ? timer.set(KEY, new Date(atMs)) : timer.clear(KEY));
      subscriptions.use(follow("networkPolicies", networkPolicy, policies, queue));
      subscriptions.use(follow("clusterNetworkPolicies", clusterNetworkPolicy, clusterPolicies, queue));
      subscriptions.use(
        leases.subscribe({
          onAdd: (lease) => takeAnswer(lease, queue),
          onUpdate: (lease) => takeAnswer(lease, queue),
          onDelete: (lease) => isAnswer(lease) && answers.delete(lease.spec?.holderIdentity ?? ""),
        }),
      );
      subscriptions.use(
        nodes.subscribe({
          onAdd: () => nodesChanged(queue),
          onUpdate: (node, old) => isReady(node) !== isReady(old) && nodesChanged(queue),
          onDelete: () => nodesChanged(queue),
        }),
      );
    },
    async work(_key, signal) {
      const hasNodes = nodes.list().some(isReady);
      if (pending.size > 0 && hasNodes) await askIfNeeded(signal);
      await writeAll(signal);
      const due = [...pending.values()].map(({ dueMs }) => dueMs);
      const again = pending.size > 0 && hasNodes ? [question.untilMs] : [];
      deadlines.wake(Math.min(...due, ...again));
    },
  });
}

function isAnswer({ metadata }: Lease): boolean {
  return metadata.namespace === PROGRAMMED_NAMESPACE && metadata.labels?.[POLICY_ANSWER_LABEL] !== undefined;
}

function unlessGone(error: unknown): void {
  if (!isApiError(error, "NotFound")) throw error;
}
