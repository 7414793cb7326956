/** A resource API over a store in memory, with what most tests need: a clock, a context, targets, and a namespace with an account. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { ApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { serviceAccount } from "#api/kinds/service-account.ts";
import { kinds as builtIn } from "#api/kinds.ts";
import type { JsonObject } from "#base/json.ts";
import { type AdmissionRule, createAdmission } from "../../admission/admission.ts";
import { defaultTolerations } from "../../admission/default-tolerations.ts";
import { namespaceLifecycle } from "../../admission/namespace-lifecycle.ts";
import { podServiceAccount } from "../../admission/pod-service-account.ts";
import type { WatchCache } from "../../cache/watch-cache.ts";
import { createWatchCaches } from "../../cache/watch-caches.ts";
import { createSqliteStore } from "../../store/sqlite/sqlite-store.ts";
import type { Revision } from "../../store/store.ts";
import { createResourceApi } from "../create-resource-api.ts";
import { createKindRegistry, type KindRegistry } from "../kind-registry.ts";
import type { RequestContext, ResourceApi, Target } from "../resource-api.ts";
import { noReservations, type ResourceDeps } from "../resource-deps.ts";
import { createFaultyStore, type FaultyStore } from "./faulty-store.ts";

export interface TestApi {
  readonly api: ResourceApi;
  readonly store: FaultyStore;
  readonly caches: (kind: Kind) => WatchCache;
  /** The store's newest. */
  revision(): Promise<Revision>;
  readonly kinds: KindRegistry;
  /** "pods", "deployments.apps"; a name, or a place in a collection. */
  target(
    resource: string,
    name?: string,
    options?: { readonly subresource?: string; readonly namespace?: string },
  ): Target;
  /** Moves the clock of the API. */
  pass(seconds: number): void;
  now(): Date;
  /** Aborted when the test is over. */
  readonly signal: AbortSignal;
}

export interface TestApiOptions {
  readonly deps?: Partial<ResourceDeps>;
  readonly rules?: (caches: (kind: Kind) => WatchCache) => readonly AdmissionRule[];
  readonly kinds?: readonly Kind[];
}

/** Numbers that look random and are the same in every run. */
export function countingRandom(): () => number {
  let state = 1;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

export async function createTestApi({ deps = {}, rules, kinds: more = [] }: TestApiOptions = {}): Promise<TestApi> {
  const store = createFaultyStore(createSqliteStore({ path: ":memory:" }));
  const watchCaches = createWatchCaches(store.store);
  const over = new AbortController();
  after(async () => {
    over.abort();
    await watchCaches[Symbol.asyncDispose]();
    await store.store[Symbol.asyncDispose]();
  });
  const kinds = createKindRegistry([...builtIn, ...more]);
  let now = Date.parse("2025-01-01T00:00:00Z");
  const caches = (kind: Kind) => watchCaches.of(kind);
  const random = countingRandom();
  const api = createResourceApi({
    kinds,
    caches,
    admission: createAdmission(
      rules?.(caches) ?? [
        namespaceLifecycle(caches),
        podServiceAccount({ caches, random, defaultAccountWaitMs: 0 }),
        defaultTolerations,
      ],
    ),
    reservations: noReservations,
    tokenIssuer: {
      issue: ({ audiences }) => ({ token: "token", expirationTimestamp: "2025-01-01T01:00:00Z", audiences }),
    },
    reviews: { answer: async () => undefined },
    clock: () => new Date(now),
    random,
    ...deps,
  });
  const test: TestApi = {
    api,
    store,
    caches,
    revision: () => store.store.currentRevision(new AbortController().signal),
    kinds,
    target(resource, name, { subresource = "", namespace: inNamespace = "default" } = {}) {
      const [plural = "", ...group] = resource.split(".");
      const kind = kinds.all().find((one) => one.plural === plural && one.group === group.join("."));
      assert.ok(kind !== undefined, `no kind ${resource}`);
      return { kind, namespace: kind.isNamespaced ? inNamespace : undefined, name, subresource };
    },
    pass(seconds) {
      now += seconds * 1000;
    },
    now: () => new Date(now),
    signal: over.signal,
  };
  await api.create(
    { kind: namespace, namespace: undefined, name: undefined, subresource: "" },
    named("default"),
    context(),
  );
  const account = { kind: serviceAccount, namespace: "default", name: undefined, subresource: "" };
  await api.create(account, named("default"), context());
  return test;
}

export function named(name: string, members: JsonObject = {}): JsonObject {
  return { metadata: { name }, ...members };
}

export function context(changes: Partial<RequestContext> = {}): RequestContext {
  return {
    user: { name: "admin", groups: ["system:masters", "system:authenticated"] },
    isDryRun: false,
    fieldManager: "test",
    fieldValidation: "Strict",
    warn: () => undefined,
    signal: new AbortController().signal,
    ...changes,
  };
}

/** A pod that is valid, with changes to its spec. */
export function podBody(name: string, spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...metadata },
    spec: { containers: [{ name: "main", image: "nginx" }], ...spec },
  };
}

export interface Expected {
  readonly code: number;
  readonly reason?: string;
  readonly message?: string | RegExp;
}

/** The call must reject with this ApiError, which is given. */
export async function rejects(call: Promise<unknown>, { code, reason, message }: Expected): Promise<ApiError> {
  let error: unknown;
  try {
    await call;
  } catch (caught) {
    error = caught;
  }
  assert.ok(error instanceof ApiError, `expected an ApiError with ${code}, got ${String(error)}`);
  assert.equal(error.code, code, error.message);
  if (reason !== undefined) assert.equal(error.reason, reason);
  if (typeof message === "string") assert.equal(error.message, message);
  else if (message !== undefined) assert.match(error.message, message);
  return error;
}

/** The JSON as a client has it, for sending it back changed. */
export function copyOf(object: KubeObject): JsonObject & { readonly metadata: JsonObject } {
  // A client has JSON, and every object has metadata.
  return JSON.parse(JSON.stringify(object)) as JsonObject & { readonly metadata: JsonObject };
}
