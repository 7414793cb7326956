import assert from "node:assert/strict";
import { test } from "node:test";
import { checkListOptions, checkWatchOptions, planList, planWatch } from "./list-options.ts";
import type { ListOptions, WatchEvent, WatchOptions } from "./resource-api.ts";
import { context, createTestApi, named, podBody, rejects } from "./testing/test-api.ts";

const { target } = await createTestApi();
const pods = target("pods");

const freshnesses: readonly { readonly options: ListOptions; readonly freshness: unknown }[] = [
  { options: {}, freshness: "latest" },
  { options: { resourceVersion: "" }, freshness: "latest" },
  { options: { resourceVersion: "0" }, freshness: "any" },
  { options: { resourceVersion: "7" }, freshness: { atLeast: 7 } },
  { options: { resourceVersion: "7", resourceVersionMatch: "NotOlderThan" }, freshness: { atLeast: 7 } },
  { options: { resourceVersion: "7", resourceVersionMatch: "Exact" }, freshness: { exactly: 7 } },
  { options: { resourceVersion: "0", resourceVersionMatch: "NotOlderThan" }, freshness: "any" },
  { options: { continue: "x" }, freshness: "latest" },
];
for (const { options, freshness } of freshnesses) {
  test(`planList reads ${JSON.stringify(options)}`, () => {
    assert.deepEqual(planList(pods, options).freshness, freshness);
  });
}

const wrongLists: readonly { readonly options: ListOptions; readonly messages: readonly string[] }[] = [
  {
    options: { resourceVersionMatch: "Exact" },
    messages: ["Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"],
  },
  {
    options: { resourceVersionMatch: "Exact", resourceVersion: "0" },
    messages: ['Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'],
  },
  {
    options: { resourceVersionMatch: "Exact", resourceVersion: "1", continue: "x" },
    messages: ["Forbidden: resourceVersionMatch is forbidden when continue is provided"],
  },
  {
    options: { resourceVersionMatch: "Newest", resourceVersion: "1" },
    messages: ['Unsupported value: "Newest": supported values: "", "Exact", "NotOlderThan"'],
  },
];
for (const { options, messages } of wrongLists) {
  test(`checkListOptions refuses ${JSON.stringify(options)}`, () => {
    assert.deepEqual(
      checkListOptions(options).map(({ message }) => message),
      messages,
    );
  });
}

const bookmarks = { allowWatchBookmarks: true } as const;
const watches: readonly { readonly options: WatchOptions; readonly start: unknown; readonly marks: boolean }[] = [
  { options: bookmarks, start: { type: "initial", freshness: "any" }, marks: false },
  { options: { ...bookmarks, resourceVersion: "0" }, start: { type: "initial", freshness: "any" }, marks: false },
  { options: { ...bookmarks, resourceVersion: "7" }, start: { type: "after", revision: 7 }, marks: false },
  {
    options: { ...bookmarks, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" },
    start: { type: "initial", freshness: "latest" },
    marks: true,
  },
  {
    options: { ...bookmarks, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan", resourceVersion: "0" },
    start: { type: "initial", freshness: "any" },
    marks: true,
  },
  {
    options: { ...bookmarks, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan", resourceVersion: "7" },
    start: { type: "initial", freshness: { atLeast: 7 } },
    marks: true,
  },
  {
    options: { allowWatchBookmarks: false, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" },
    start: { type: "initial", freshness: "latest" },
    marks: false,
  },
  {
    options: { ...bookmarks, sendInitialEvents: false, resourceVersionMatch: "NotOlderThan" },
    start: { type: "now" },
    marks: false,
  },
];
for (const { options, start, marks } of watches) {
  test(`planWatch reads ${JSON.stringify(options)}`, () => {
    const plan = planWatch(pods, options);
    assert.deepEqual(plan.start, start);
    assert.equal(plan.request.marksInitialEvents, marks);
  });
}

const wrongWatches: readonly { readonly options: WatchOptions; readonly count: number }[] = [
  { options: { ...bookmarks, sendInitialEvents: true }, count: 1 },
  { options: { ...bookmarks, resourceVersionMatch: "NotOlderThan" }, count: 1 },
  { options: { ...bookmarks, resourceVersionMatch: "Exact", sendInitialEvents: true }, count: 2 },
  { options: { ...bookmarks, resourceVersionMatch: "NotOlderThan", sendInitialEvents: true, continue: "x" }, count: 1 },
];
for (const { options, count } of wrongWatches) {
  test(`checkWatchOptions refuses ${JSON.stringify(options)}`, () => {
    assert.equal(checkWatchOptions(options).length, count);
  });
}

const refused: readonly { readonly options: ListOptions; readonly code: number; readonly message: string | RegExp }[] =
  [
    {
      options: { resourceVersion: "abc" },
      code: 400,
      message:
        'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
    },
    {
      options: { resourceVersion: "7", continue: "x" },
      code: 400,
      message: "specifying resource version is not allowed when using continue",
    },
    { options: { labelSelector: "a==b==c" }, code: 400, message: /./ },
    { options: { fieldSelector: "spec.bogus=1" }, code: 400, message: "field label not supported: spec.bogus" },
    {
      options: { resourceVersionMatch: "Exact" },
      code: 422,
      message:
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    },
  ];
for (const { options, code, message } of refused) {
  test(`listObjects refuses ${JSON.stringify(options)}`, async () => {
    const { api } = await createTestApi();
    await rejects(api.list(pods, options, context()), { code, message });
  });
}

test("listObjects selects by labels, fields and name, and pages", async () => {
  const { api } = await createTestApi();
  for (const name of ["a", "b", "c"]) {
    const labels = { app: name === "c" ? "db" : "web" };
    await api.create(target("pods"), podBody(name, { nodeName: name === "a" ? "n1" : "n2" }, { labels }), context());
  }
  const names = async (options: ListOptions, name?: string) => {
    const { items } = await api.list(target("pods", name), options, context());
    return items.map(({ metadata }) => metadata.name);
  };
  assert.deepEqual(await names({}), ["a", "b", "c"]);
  assert.deepEqual(await names({ labelSelector: "app=web" }), ["a", "b"]);
  assert.deepEqual(await names({ labelSelector: "app=web", fieldSelector: "spec.nodeName=n2" }), ["b"]);
  assert.deepEqual(await names({}, "c"), ["c"]);
  const page = await api.list(pods, { limit: 2 }, context());
  assert.equal(page.items.length, 2);
  assert.equal(page.metadata.remainingItemCount, 1);
  const rest = await api.list(pods, { limit: 2, continue: page.metadata.continue ?? "" }, context());
  assert.deepEqual(
    rest.items.map(({ metadata }) => metadata.name),
    ["c"],
  );
  assert.equal(rest.metadata.continue, undefined);
});

test("watchObjects tells of the objects themselves, until its signal is aborted", async () => {
  const { api } = await createTestApi();
  const events: WatchEvent[] = [];
  const stop = new AbortController();
  const sink = {
    onEvent: (event: WatchEvent) => events.push(event) > 0,
    onError: (error: Error) => assert.fail(error),
  };
  const options = { allowWatchBookmarks: true, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" };
  await api.create(target("configmaps"), named("a"), context());
  await api.watch(target("configmaps"), options, sink, context({ signal: stop.signal }));
  const created = await api.create(target("configmaps"), named("b"), context());
  await api.delete(target("configmaps", "a"), {}, context());
  stop.abort();
  await api.create(target("configmaps"), named("c"), context());
  assert.deepEqual(
    events.map(({ type, object }) => [type, object.metadata.name]),
    [
      ["ADDED", "a"],
      ["BOOKMARK", undefined],
      ["ADDED", "b"],
      ["DELETED", "a"],
    ],
  );
  assert.equal(events[2]?.object, created);
  assert.deepEqual(events[1]?.object, {
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: {
      resourceVersion: events[1]?.object.metadata.resourceVersion,
      annotations: { "k8s.io/initial-events-end": "true" },
    },
  });
});

test("getObject gives the object itself, or a 404", async () => {
  const { api } = await createTestApi();
  const created = await api.create(target("configmaps"), named("a"), context());
  assert.equal(await api.get(target("configmaps", "a"), {}, context()), created);
  assert.equal(await api.get(target("configmaps", "a"), { resourceVersion: "0" }, context()), created);
  await rejects(api.get(target("configmaps", "b"), {}, context()), { code: 404, message: 'configmaps "b" not found' });
  await rejects(api.get(target("configmaps", "a"), { resourceVersion: "x" }, context()), { code: 400 });
});
