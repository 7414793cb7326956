/** Everything that is written to an etcd while a test runs, and whether one leader at a time has written it. */
import assert from "node:assert/strict";
import { createEtcdStore } from "#control-plane/store/etcd/etcd-store.ts";
import type { StoreEvent } from "#control-plane/store/store.ts";
import { digestOf, type Intent } from "./recorded-store.ts";

export interface EtcdHistory extends AsyncDisposable {
  readonly events: readonly StoreEvent[];
  /** Resolves when the newest state of all keys is as it should be; else rejects at a deadline with `what`. */
  until(what: string, isReached: (state: ReadonlyMap<string, string>) => boolean): Promise<void>;
}

const PATIENCE_MS = 60_000;

export function watchEtcd(endpoint: string): EtcdHistory {
  const store = createEtcdStore({ endpoints: [endpoint] });
  const events: StoreEvent[] = [];
  const state = new Map<string, string>();
  const checks = new Set<() => void>();
  const watch = store.watch("/registry/", 0, {
    onEvents(told) {
      for (const event of told) {
        events.push(event);
        if (event.type === "put") state.set(event.key, event.value);
        else state.delete(event.key);
      }
      for (const check of checks) check();
    },
    onEnd(error) {
      throw error;
    },
  });
  return {
    events,
    async until(what, isReached) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const check = (): void => {
        if (isReached(state)) resolve();
      };
      const timer = setTimeout(() => reject(new Error(`this did not come: ${what}`)), PATIENCE_MS);
      checks.add(check);
      check();
      try {
        await promise;
      } finally {
        clearTimeout(timer);
        checks.delete(check);
      }
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

const FENCES = "/registry/podwire.io/fences/";
/** What only controllers and the scheduler write in these tests. */
const LEADERS_KEYS = ["/registry/core/pods/", "/registry/apps/replicasets/"];

export interface Terms {
  /** Revisions at which they began. */
  readonly began: readonly number[];
  /** How many writes were of each. */
  readonly writes: readonly number[];
}

/** Throws when a write was of another term than the one that was on, or when a controller wrote without any. */
export function checkTerms(events: readonly StoreEvent[], intents: readonly Intent[]): Terms {
  const meant = Map.groupBy(intents, ({ key, digest }) => `${digest} ${key}`);
  const began: number[] = [];
  const writes: number[] = [];
  for (const event of events) {
    const { key, revision } = event;
    if (key.startsWith(FENCES)) {
      began.push(revision);
      writes.push(0);
      continue;
    }
    const all = meant.get(`${digestOf(event.type === "put" ? event.value : undefined)} ${key}`) ?? [];
    const terms = new Set(all.map(({ term }) => term));
    if (LEADERS_KEYS.some((prefix) => key.startsWith(prefix))) {
      assert.ok(!terms.has(undefined) && terms.size > 0, `${key} at ${revision} was written without a term`);
    }
    if (terms.has(undefined) || terms.size === 0) continue;
    assert.ok(terms.has(began.at(-1)), `${key} at ${revision} is of term ${[...terms]}, not of ${began.at(-1)}`);
    writes[writes.length - 1] = (writes.at(-1) ?? 0) + 1;
  }
  return { began, writes };
}
