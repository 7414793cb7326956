import assert from "node:assert/strict";
import { test } from "node:test";
import { eventsEvent } from "#api/kinds/event/events-event.ts";
import { event } from "#api/kinds/event.ts";
import { createResourceApi } from "./create-resource-api.ts";
import { createEventAliasCache } from "./event-alias-cache.ts";
import type { WatchEvent } from "./resource-api.ts";
import { noReservations } from "./resource-deps.ts";
import { asJson } from "./stored-object.ts";
import { context, createTestApi } from "./testing/test-api.ts";

test("createEventAliasCache shows core events by their other names, both ways", async () => {
  const { caches, kinds, now } = await createTestApi();
  const alias = createEventAliasCache(caches(event));
  const api = createResourceApi({
    kinds,
    caches: (kind) => (kind === eventsEvent ? alias : caches(kind)),
    admission: { admit: async ({ object }) => object },
    reservations: noReservations,
    tokenIssuer: { issue: () => assert.fail("no tokens here") },
    reviews: { answer: async () => undefined },
    clock: now,
    random: () => 0,
  });
  const place = { namespace: "default", name: undefined, subresource: "" };
  const events: WatchEvent[] = [];
  const stop = new AbortController();
  const sink = { onEvent: (told: WatchEvent) => events.push(told) > 0, onError: (error: Error) => assert.fail(error) };
  const watch = { allowWatchBookmarks: false, fieldSelector: "regarding.name=web" };
  await api.watch({ kind: eventsEvent, ...place }, watch, sink, context({ signal: stop.signal }));
  const body = {
    metadata: { name: "web.1" },
    eventTime: "2025-01-01T00:00:00.000000Z",
    reportingController: "example.com/controller",
    reportingInstance: "one",
    action: "Testing",
    reason: "Tested",
    type: "Normal",
    regarding: { kind: "Pod", name: "web", namespace: "default" },
    note: "it works",
  };
  const created = await api.create({ kind: eventsEvent, ...place }, body, context());
  assert.equal(created.apiVersion, "events.k8s.io/v1");
  const core = asJson(await api.get({ kind: event, ...place, name: "web.1" }, {}, context()));
  assert.deepEqual(
    [core["apiVersion"], core["message"], core["reportingComponent"]],
    ["v1", "it works", "example.com/controller"],
  );
  const again = await api.get({ kind: eventsEvent, ...place, name: "web.1" }, {}, context());
  assert.equal(again, await api.get({ kind: eventsEvent, ...place, name: "web.1" }, {}, context()));
  assert.equal(asJson(again)["note"], "it works");
  const series = { series: { count: 2, lastObservedTime: "2025-01-01T00:01:00.000000Z" } };
  const patched = await api.patch(
    { kind: eventsEvent, ...place, name: "web.1" },
    { type: "strategic", patch: series },
    context(),
  );
  assert.deepEqual(asJson(patched.object)["series"], series.series);
  stop.abort();
  assert.deepEqual(
    events.map(({ type, object }) => [type, object.apiVersion]),
    [
      ["ADDED", "events.k8s.io/v1"],
      ["MODIFIED", "events.k8s.io/v1"],
    ],
  );
});
