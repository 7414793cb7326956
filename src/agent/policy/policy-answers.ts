/** Answers the question which policies are in this node's kernel, while somebody asks; see #api/programmed/policy-answer.ts. */
import { isApiError } from "#api/api-error.ts";
import { type Lease, lease as leaseKind } from "#api/kinds/lease.ts";
import { formatPolicyAnswer, type PolicyRevisions, policyAnswerName } from "#api/programmed/policy-answer.ts";
import { PROGRAMMED_NAMESPACE, QUESTION_NAME } from "#api/programmed/question.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import type { Log } from "#base/log.ts";
import { startReconcileLoop } from "#base/reconcile-loop.ts";

export interface PolicyAnswersDeps {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly nodeUid: () => string | undefined;
  readonly programmed: () => PolicyRevisions;
  readonly log: Log;
}

export interface PolicyAnswers extends AsyncDisposable {
  /** There is more in the kernel than before. */
  grown(): void;
}

const MIN_INTERVAL_MS = 20;
const RETRY_MS = 1_000;
const RESYNC_MS = 10 * 60_000;
const TIMEOUT_MS = 10_000;
const DEFAULT_QUESTION_SECONDS = 60;
const FIELD_MANAGER = "podwire-agent";

export function startPolicyAnswers({ client, nodeName, nodeUid, programmed, log }: PolicyAnswersDeps): PolicyAnswers {
  const stop = new AbortController();
  const onError = (error: unknown): void => {
    if (!stop.signal.aborted) log.error("programmed policies not told", { error: String(error) });
  };
  let question = 0;
  /** By this process's clock. */
  let openUntilMs = 0;
  let told = "";

  async function answer(): Promise<void> {
    if (question === 0 || performance.now() > openUntilMs) return;
    const object = formatPolicyAnswer({ node: nodeName, nodeUid: nodeUid(), question, programmed: programmed() });
    const text = JSON.stringify(object);
    if (text === told) return;
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const name = { namespace: PROGRAMMED_NAMESPACE, name: policyAnswerName(nodeName) };
    try {
      await client.patch(leaseKind, name, { type: "merge", body: object, fieldManager: FIELD_MANAGER }, signal);
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
      await client.create(leaseKind, object, signal);
    }
    told = text;
  }

  const loop = startReconcileLoop({
    name: "policy answers",
    minIntervalMs: MIN_INTERVAL_MS,
    retryMs: RETRY_MS,
    resyncMs: RESYNC_MS,
    sync: answer,
    onError,
  });
  const take = ({ metadata, spec }: Lease): void => {
    const version = Number(metadata.resourceVersion);
    if (metadata.name !== QUESTION_NAME || !Number.isSafeInteger(version)) return;
    question = version;
    openUntilMs = performance.now() + (spec?.leaseDurationSeconds ?? DEFAULT_QUESTION_SECONDS) * 1000;
    loop.markDirty();
  };
  const questions = createInformer({
    client,
    kind: leaseKind,
    query: { namespace: PROGRAMMED_NAMESPACE, fieldSelector: `metadata.name=${QUESTION_NAME}` },
    onError,
  });
  questions.subscribe({ onAdd: take, onUpdate: take });
  return {
    grown() {
      if (performance.now() <= openUntilMs) loop.markDirty();
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the agent stops"));
      await questions[Symbol.asyncDispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
