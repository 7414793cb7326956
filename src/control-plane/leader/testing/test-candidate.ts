/** A candidate with a clock of its own, whose work while it leads is to write as much as it can. */
import assert from "node:assert/strict";
import { isApiError } from "#api/api-error.ts";
import { configMap } from "#api/kinds/config-map.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { Log } from "#base/log.ts";
import { createLocalApi } from "../../resources/testing/local-api.ts";
import type { Store } from "../../store/store.ts";
import { type LeaderElectionOptions, startLeaderElection, type Term } from "../start-leader-election.ts";
import { createTestClock, type TestClock } from "./test-clock.ts";

export interface TestCandidate extends AsyncDisposable {
  readonly clock: TestClock;
  readonly client: ApiClient;
  readonly terms: readonly TestTerm[];
  readonly errors: readonly string[];
  isLeader(): boolean;
  /** Resolves when the candidate leads. */
  leading(): Promise<TestTerm>;
  /** Lets time pass for this candidate alone, step by step; it does all that it has to do. */
  pass(ms: number): Promise<void>;
}

export interface TestTerm extends Term {
  /** Writes once, as the leader of this term. */
  write(): Promise<void>;
}

export const LEASE = { namespace: "kube-system", name: "test" };
export const NAMESPACE = "writes";
const STEP_MS = 1_000;
const never = new AbortController().signal;

export function startCandidate(
  store: Store,
  identity: string,
  overrides: Partial<LeaderElectionOptions> = {},
): TestCandidate {
  const local = createLocalApi(store);
  const clock = createTestClock();
  const terms: TestTerm[] = [];
  const errors: string[] = [];
  const log: Log = { info: () => undefined, error: (event, fields) => errors.push(`${event}: ${fields?.["error"]}`) };
  let begun = Promise.withResolvers<TestTerm>();

  async function lead(term: Term): Promise<AsyncDisposable> {
    const client = local.client(term.fence);
    let count = 0;
    const test: TestTerm = {
      ...term,
      async write() {
        const name = `${identity}-${term.fence.revision}-${count++}`;
        const data = { term: String(term.fence.revision) };
        await client.create(configMap, { metadata: { namespace: NAMESPACE, name }, data }, never);
      },
    };
    terms.push(test);
    begun.resolve(test);
    return {
      async [Symbol.asyncDispose]() {
        begun = Promise.withResolvers();
      },
    };
  }

  const client = overrides.client ?? local.client();
  const election = startLeaderElection({
    ...{ identity, store, client, lease: LEASE, lead, log, clock, random: () => 0 },
    ...overrides,
  });
  return {
    clock,
    client: local.client(),
    terms,
    errors,
    isLeader: election.isLeader,
    leading: () => begun.promise,
    async pass(ms) {
      for (let passed = 0; passed < ms; passed += STEP_MS) {
        await clock.sleeping();
        clock.advance(STEP_MS);
      }
      await clock.sleeping();
    },
    async [Symbol.asyncDispose]() {
      await election[Symbol.asyncDispose]();
      await local[Symbol.asyncDispose]();
    },
  };
}

/** The write must be refused, because another term has begun. */
export async function refused(term: TestTerm): Promise<void> {
  await assert.rejects(term.write(), (error) => isApiError(error, "Conflict") && /not the leader/.test(error.message));
}

/** The terms that wrote, in the order of their writes: each must come once. */
export async function termsThatWrote(client: ApiClient): Promise<readonly string[]> {
  const { items } = await client.list(configMap, { namespace: NAMESPACE }, never);
  const inOrder = items.toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
  const written = inOrder.map(({ data }) => data?.["term"] ?? "");
  return written.filter((term, index) => term !== written[index - 1]);
}
