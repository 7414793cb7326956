import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ApiError, expiredError, serviceUnavailableError } from "#api/api-error.ts";
import { type ConfigMap, configMap } from "#api/kinds/config-map.ts";
import type { ApiClient, ListQuery } from "./api-client.ts";
import { createInformer } from "./create-informer.ts";
import { keyOf } from "./object-cache.ts";
import { logInformer } from "./testing/informer-log.ts";
import { createMemoryClient, type MemoryClient } from "./testing/memory-client.ts";
import { watchListClient } from "./testing/watch-list-client.ts";

const LABELS = [{ app: "web" }, { app: "db" }] as const;
/** Small, so that a few objects are several pages. */
const PAGE = 2;

type Step =
  | { readonly type: "put"; readonly name: string; readonly label: number; readonly value: string }
  | { readonly type: "remove"; readonly name: string }
  /** The server ends all watches. */
  | { readonly type: "end"; readonly how: "normally" | "cut" | "expired" }
  | { readonly type: "compact" }
  /** The next requests fail. */
  | { readonly type: "fail"; readonly count: number; readonly how: "away" | "expired" }
  | { readonly type: "wait"; readonly turns: number };

const names = fc.constantFrom("a", "b", "c", "d", "e", "f", "g");
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant("put" as const), name: names, label: fc.nat(1), value: fc.string() }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant("remove" as const), name: names }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant("end" as const),
        how: fc.constantFrom("normally" as const, "cut" as const, "expired" as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("compact" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant("fail" as const),
        count: fc.integer({ min: 1, max: 3 }),
        how: fc.constantFrom("away" as const, "expired" as const),
      }),
    },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("wait" as const), turns: fc.integer({ min: 1, max: 4 }) }) },
  ),
  { minLength: 5, maxLength: 60 },
);

const ERRORS = {
  cut: serviceUnavailableError("cut"),
  away: serviceUnavailableError("away"),
  expired: expiredError("too old"),
};

/** The server, with small pages, and with a bookmark behind some events. */
function pagedClient(client: MemoryClient): Pick<ApiClient, "list" | "watch"> {
  const small = (query: ListQuery): ListQuery => ({ ...query, ...(query.limit !== undefined && { limit: PAGE }) });
  return {
    list: (kind, query, signal) => client.list(kind, small(query), signal),
    async *watch(kind, query, signal) {
      for await (const event of client.watch(kind, query, signal)) {
        yield event;
        const revision = event.type === "BOOKMARK" ? undefined : event.object.metadata.resourceVersion;
        if (revision === undefined || Number(revision) % 3 > 0) continue;
        yield { type: "BOOKMARK", resourceVersion: revision, endsInitialEvents: false } as const;
      }
    },
  };
}

async function run(step: Step, client: MemoryClient, fail: (count: number, error: ApiError) => void): Promise<void> {
  switch (step.type) {
    case "put": {
      const labels = LABELS[step.label] ?? {};
      client.put(configMap, { metadata: { name: step.name, namespace: "default", labels }, data: { a: step.value } });
      return;
    }
    case "remove": {
      const isThere = client.all(configMap).some(({ metadata }) => metadata.name === step.name);
      if (isThere) client.remove(configMap, { namespace: "default", name: step.name });
      return;
    }
    case "end":
      return client.endWatches(step.how === "normally" ? undefined : ERRORS[step.how]);
    case "compact":
      return client.compact();
    case "fail":
      return fail(step.count, ERRORS[step.how]);
    case "wait":
      for (let turn = 0; turn < step.turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      return;
    default:
      return step satisfies never;
  }
}

const SETTINGS = [
  { labelSelector: undefined, connect: pagedClient, title: "" },
  { labelSelector: "app=web", connect: pagedClient, title: " with the selector app=web" },
  {
    labelSelector: "app=web",
    connect: (client: MemoryClient) => watchListClient(pagedClient(client)),
    title: " that watches from the start",
  },
] as const;

for (const { labelSelector, connect, title } of SETTINGS) {
  test(`Informer${title} ends with the server's state, whatever happens on the way`, { timeout: 120_000 }, async () => {
    const check = fc.asyncProperty(steps, async (all) => {
      const client = createMemoryClient();
      let failures = 0;
      let error = ERRORS.away;
      client.fail = () => (failures-- > 0 ? error : undefined);
      const isWanted = ({ metadata }: ConfigMap) => labelSelector === undefined || metadata.labels?.["app"] === "web";
      await using informer = createInformer({
        client: connect(client),
        kind: configMap,
        query: labelSelector === undefined ? {} : { labelSelector },
        onError: () => undefined,
        backOff: { firstMs: 0.1, lastMs: 1, resetMs: 1000 },
      });
      using log = logInformer(informer);
      for (const step of all) {
        await run(step, client, (count, next) => {
          failures = count;
          error = next;
        });
      }
      // The last write of all: who has seen it has seen everything.
      client.put(configMap, { metadata: { name: "last", namespace: "default", labels: LABELS[0] } });
      const wanted = (): ReadonlyMap<string, ConfigMap> =>
        new Map(
          client
            .all(configMap)
            .filter(isWanted)
            .map((object) => [keyOf(object), object]),
        );
      const isSame = (): boolean => {
        const there = wanted();
        return there.size === log.model.size && [...there].every(([key, object]) => log.model.get(key) === object);
      };
      await informer.synced;
      await log.until(() => log.model.has("default/last") && isSame());
      assert.deepEqual(new Set(informer.list()), new Set(wanted().values()));
    });
    await fc.assert(check, { numRuns: 300 });
  });
}
