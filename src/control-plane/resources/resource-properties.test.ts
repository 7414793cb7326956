import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import type { JsonObject } from "#base/json.ts";
import type { Target, WatchEvent } from "./resource-api.ts";
import { asJson } from "./stored-object.ts";
import { context, copyOf, createTestApi, type TestApi } from "./testing/test-api.ts";

type Step =
  | { readonly type: "create"; readonly finalizers: readonly string[] }
  | { readonly type: "replace"; readonly replicas: number; readonly label: string; readonly sees: boolean }
  | { readonly type: "status"; readonly replicas: number }
  | { readonly type: "patch"; readonly replicas: number | null }
  | { readonly type: "finalizers"; readonly finalizers: readonly string[] }
  | { readonly type: "delete"; readonly propagationPolicy: "Background" | "Foreground" | "Orphan" };

const count = fc.integer({ min: 0, max: 2 });
const finalizers = fc.uniqueArray(fc.constantFrom("x/a", "x/b"), { maxLength: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant("create"), finalizers }),
  fc.record({ type: fc.constant("replace"), replicas: count, label: fc.constantFrom("a", "b"), sees: fc.boolean() }),
  fc.record({ type: fc.constant("status"), replicas: count }),
  fc.record({ type: fc.constant("patch"), replicas: fc.option(count, { nil: null }) }),
  fc.record({ type: fc.constant("finalizers"), finalizers }),
  fc.record({
    type: fc.constant("delete"),
    propagationPolicy: fc.constantFrom("Background", "Foreground", "Orphan"),
  }),
);

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "nginx" }] } };
const specWith = (replicas: number): JsonObject => ({ replicas, selector: { matchLabels: labels }, template });

async function run({ api }: TestApi, place: Target, taken: Step, known: KubeObject | undefined): Promise<void> {
  const merge = (patch: JsonObject) => ({ type: "merge", patch }) as const;
  switch (taken.type) {
    case "create": {
      const metadata = { name: "web", finalizers: taken.finalizers };
      await api.create({ ...place, name: undefined }, { metadata, spec: specWith(1) }, context());
      return;
    }
    case "replace": {
      const seen: JsonObject = known === undefined ? { metadata: {} } : copyOf(known);
      const { resourceVersion, finalizers: kept = [] } = (seen["metadata"] ?? {}) as JsonObject;
      const metadata = {
        name: "web",
        labels: { label: taken.label },
        finalizers: kept,
        ...(taken.sees && { resourceVersion }),
      };
      await api.update(place, { metadata, spec: specWith(taken.replicas), status: { replicas: 99 } }, context());
      return;
    }
    case "status":
      await api.patch(
        { ...place, subresource: "status" },
        merge({ spec: { replicas: 99 }, status: { replicas: taken.replicas } }),
        context(),
      );
      return;
    case "patch":
      await api.patch(place, merge({ spec: { replicas: taken.replicas }, status: { replicas: 99 } }), context());
      return;
    case "finalizers":
      await api.patch(place, merge({ metadata: { finalizers: taken.finalizers } }), context());
      return;
    case "delete":
      await api.delete(place, { propagationPolicy: taken.propagationPolicy }, context());
      return;
    default:
      assert.fail(`unknown step ${JSON.stringify(taken satisfies never)}`);
  }
}

async function find({ api }: TestApi, place: Target): Promise<KubeObject | undefined> {
  try {
    return await api.get(place, {}, context());
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}

function checkStep(before: KubeObject, after: KubeObject): void {
  const [old, next] = [before.metadata, after.metadata];
  assert.equal(next.uid, old.uid);
  assert.equal(next.creationTimestamp, old.creationTimestamp);
  const isWritten = next.resourceVersion !== old.resourceVersion;
  if (isWritten) assert.ok(Number(next.resourceVersion) > Number(old.resourceVersion));
  else assert.equal(after, before);
  const isSpecNew = JSON.stringify(asJson(after)["spec"]) !== JSON.stringify(asJson(before)["spec"]);
  const isMarked = next.deletionTimestamp !== undefined && old.deletionTimestamp === undefined;
  assert.equal(next.generation, (old.generation ?? 0) + (isSpecNew || isMarked ? 1 : 0));
  if (old.deletionTimestamp !== undefined) {
    assert.equal(next.deletionTimestamp, old.deletionTimestamp);
    assert.ok((next.finalizers ?? []).length > 0);
  }
  const status = asJson(after)["status"];
  assert.notEqual((status as JsonObject | undefined)?.["replicas"], 99);
  assert.notEqual((asJson(after)["spec"] as JsonObject)["replicas"], 99);
}

test("any sequence of writes keeps what must hold for an object", async () => {
  const world = await createTestApi();
  const place = world.target("deployments.apps", "web");
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const events: WatchEvent[] = [];
      const stop = new AbortController();
      const sink = {
        onEvent: (event: WatchEvent) => events.push(event) > 0,
        onError: (error: Error) => assert.fail(error),
      };
      await world.api.watch(
        { ...place, name: undefined },
        { allowWatchBookmarks: false },
        sink,
        context({ signal: stop.signal }),
      );
      const uids = new Set<string | undefined>();
      let known: KubeObject | undefined;
      for (const taken of steps) {
        const toldBefore = events.length;
        try {
          await run(world, place, taken, known);
        } catch (error) {
          assert.ok(isApiError(error), String(error));
          assert.ok([404, 409, 422].includes(error.code), error.message);
          assert.equal(await find(world, place), known);
          assert.equal(events.length, toldBefore);
          continue;
        }
        const now = await find(world, place);
        if (now !== undefined && known === undefined) {
          assert.equal(uids.has(now.metadata.uid), false);
          uids.add(now.metadata.uid);
          assert.equal(now.metadata.generation, 1);
        } else if (now !== undefined && known !== undefined) checkStep(known, now);
        // A write is one event, no write is none.
        assert.equal(events.length - toldBefore, now === known ? 0 : 1);
        if (now !== undefined && now !== known) assert.equal(events.at(-1)?.object, now);
        known = now;
      }
      stop.abort();
      if (known !== undefined) {
        await run(world, place, { type: "finalizers", finalizers: [] }, known).catch(() => undefined);
        await run(world, place, { type: "delete", propagationPolicy: "Background" }, known).catch(() => undefined);
      }
      assert.equal(await find(world, place), undefined);
    }),
    { numRuns: 60 },
  );
});
