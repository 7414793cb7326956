/**
 * Answers the question which changes are in this node's kernel, while somebody asks: each part of the agent in a Lease of
 * its own, once for each question and again when there is more. See docs/decisions/0024.
 */
import { isApiError } from "#api/api-error.ts";
import { type Lease, lease as leaseKind } from "#api/kinds/lease.ts";
import { PROGRAMMED_NAMESPACE, QUESTION_NAME } from "#api/programmed/question.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import type { JsonObject } from "#base/json.ts";
import type { Log } from "#base/log.ts";
import { startReconcileLoop } from "#base/reconcile-loop.ts";

export interface AnswerOptions {
  readonly client: ApiClient;
  /** Of the Lease that holds the answer. */
  readonly name: string;
  /** The answer as it is now, to the question of this resource version. */
  readonly format: (question: number) => Omit<Lease, "apiVersion" | "kind"> & JsonObject;
  /** Between two answers. */
  readonly minIntervalMs: number;
  readonly log: Log;
}

export interface Answers extends AsyncDisposable {
  /** There is more in the kernel than before. */
  grown(): void;
  /** Tells the answer as it is now although nobody asks: that somebody is there, or will be no more. */
  announce(timeoutMs?: number): Promise<void>;
}

const RETRY_MS = 1_000;
const RESYNC_MS = 10 * 60_000;
const TIMEOUT_MS = 10_000;
const DEFAULT_QUESTION_SECONDS = 60;
const FIELD_MANAGER = "podwire-agent";

export function startAnswers({ client, name, format, minIntervalMs, log }: AnswerOptions): Answers {
  const stop = new AbortController();
  const onError = (error: unknown): void => {
    if (!stop.signal.aborted) log.error("programmed versions not told", { lease: name, error: String(error) });
  };
  let question = 0;
  /** By this process's clock. */
  let openUntilMs = 0;
  let told = "";
  /** To be told though nobody asks. */
  let isAnnouncement = false;

  async function answer(): Promise<void> {
    if (isAnnouncement || (question !== 0 && performance.now() <= openUntilMs)) await tell();
  }

  let lastTelling: Promise<void> = Promise.resolve();

  /** One after the other: two would both create what is not there. */
  function tell(timeoutMs = TIMEOUT_MS): Promise<void> {
    const telling = lastTelling.then(() => write(timeoutMs));
    lastTelling = telling.catch(() => undefined); // told by who asked for it
    return telling;
  }

  async function write(timeoutMs: number): Promise<void> {
    const object = format(question);
    const text = JSON.stringify(object);
    if (text === told) {
      isAnnouncement = false;
      return;
    }
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(timeoutMs)]);
    const patch = { type: "merge", body: object, fieldManager: FIELD_MANAGER } as const;
    try {
      await client.patch(leaseKind, { namespace: PROGRAMMED_NAMESPACE, name }, patch, signal);
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
      await client.create(leaseKind, object, signal);
    }
    told = text;
    isAnnouncement = false;
  }

  const loop = startReconcileLoop({
    name: `answer ${name}`,
    minIntervalMs,
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
    async announce(timeoutMs) {
      isAnnouncement = true;
      await tell(timeoutMs).catch((error: unknown) => {
        onError(error);
        loop.markDirty();
      });
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the agent stops"));
      await questions[Symbol.asyncDispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
