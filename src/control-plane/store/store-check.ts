/**
 * Whether the store answers, for readiness checks. It is asked once a second at most, however many ask this: its
 * answer is as old as that, and an outage costs no queue of questions.
 */
import type { Store } from "./store.ts";

export interface StoreCheckOptions {
  readonly store: Pick<Store, "currentRevision">;
  /** A store that takes longer is not ready. */
  readonly timeoutMs?: number;
  /** An answer counts for so long. */
  readonly maxAgeMs?: number;
}

/** Gives what is wrong, for people; undefined when the store answers. Never rejects. */
export function createStoreCheck({
  store,
  timeoutMs = 2_000,
  maxAgeMs = 1_000,
}: StoreCheckOptions): () => Promise<string | undefined> {
  let last: { readonly answer: Promise<string | undefined>; isOld: boolean } | undefined;

  async function ask(): Promise<string | undefined> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      await store.currentRevision(signal);
      return undefined;
    } catch (error) {
      if (signal.aborted) return `no answer within ${timeoutMs} ms`;
      return error instanceof Error ? error.message : String(error);
    }
  }

  return () => {
    if (last !== undefined && !last.isOld) return last.answer;
    const asked = { answer: ask(), isOld: false };
    last = asked;
    void asked.answer.then(() => {
      setTimeout(() => {
        asked.isOld = true;
      }, maxAgeMs).unref();
    });
    return asked.answer;
  };
}
