import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError, type StatusReason } from "#api/api-error.ts";
import { type ConfigMap, configMap } from "#api/kinds/config-map.ts";
import { lease } from "#api/kinds/lease.ts";
import { node } from "#api/kinds/node.ts";
import { pod } from "#api/kinds/pod/pod.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { createLocalApi, type LocalApi } from "./testing/local-api.ts";

const DEADLINE = { timeout: 20_000 };
const never = new AbortController().signal;
const web = { namespace: "default", name: "web" };

async function withApi(run: (client: ApiClient, setting: { api: LocalApi; store: Store }) => Promise<void>) {
  await using store = createSqliteStore({ path: ":memory:" });
  await using api = createLocalApi(store);
  await run(api.client(), { api, store });
}

const because = (reason: StatusReason) => (error: unknown) => isApiError(error, reason);

test("createLocalClient creates, reads, updates, patches and deletes", DEADLINE, async () => {
  await withApi(async (client) => {
    const made = await client.create(configMap, { metadata: web, data: { a: "1" } }, never);
    assert.equal(made.metadata.managedFields?.[0]?.manager, "kube-controller-manager");
    const next = await client.update(configMap, { ...made, data: { a: "2" } }, never);
    await assert.rejects(client.update(configMap, made, never), because("Conflict"));
    const bodies = [
      { type: "json", body: [{ op: "add", path: "/data/b", value: "3" }] },
      { type: "merge", body: { data: { c: "4" } } },
      { type: "strategic", body: { data: { a: null } } },
    ] as const;
    for (const patch of bodies) await client.patch(configMap, web, patch, never);
    const applied = await client.patch(
      configMap,
      web,
      {
        type: "apply",
        body: { apiVersion: "v1", kind: "ConfigMap", data: { d: "5" } },
        fieldManager: "applier",
        force: true,
      },
      never,
    );
    assert.deepEqual(applied.data, { b: "3", c: "4", d: "5" });
    assert.ok(applied.metadata.managedFields?.some(({ manager }) => manager === "applier"));
    const stale = { resourceVersion: next.metadata.resourceVersion ?? "" };
    await assert.rejects(client.delete(configMap, web, stale, never), because("Conflict"));
    await client.delete(configMap, web, { uid: made.metadata.uid ?? "" }, never);
    await assert.rejects(client.get(configMap, web, never), because("NotFound"));
  });
});

test("createLocalClient refuses unknown fields, as a mistake of ours", DEADLINE, async () => {
  await withApi(async (client) => {
    const wrong = { metadata: web, spec: {} };
    await assert.rejects(client.create(configMap, wrong, never), /unknown field "spec"/);
  });
});

test("createLocalClient writes status and subresources, and passes over what is undefined", DEADLINE, async () => {
  await withApi(async (client) => {
    const n1 = await client.create(node, { metadata: { name: "n1" }, spec: {} }, never);
    const ready = await client.updateStatus(
      node,
      { ...n1, status: { phase: undefined, capacity: { cpu: "4" } } },
      never,
    );
    assert.deepEqual(ready.status?.capacity, { cpu: "4" });
    const spec = { containers: [{ name: "a", image: "a" }], nodeName: undefined };
    await client.create(pod, { metadata: web, spec }, never);
    await client.createSubresource(pod, web, "binding", { target: { kind: "Node", name: "n1" } }, never);
    assert.equal((await client.get(pod, web, never)).spec.nodeName, "n1");
  });
});

test("createLocalClient lists in pages and by selectors, sharing the objects of the cache", DEADLINE, async () => {
  await withApi(async (client) => {
    for (const name of ["a", "b", "c"]) {
      await client.create(configMap, { metadata: { namespace: "default", name, labels: { name } } }, never);
    }
    const first = await client.list(configMap, { limit: 2 }, never);
    assert.ok(first.continue !== undefined);
    const second = await client.list(configMap, { limit: 2, continue: first.continue }, never);
    const all = [...first.items, ...second.items];
    assert.deepEqual(
      all.map(({ metadata }) => metadata.name),
      ["a", "b", "c"],
    );
    assert.equal(all[0], await client.get(configMap, { namespace: "default", name: "a" }, never));
    const chosen = await client.list(
      configMap,
      { labelSelector: "name in (b)", fieldSelector: "metadata.name!=a" },
      never,
    );
    assert.deepEqual(chosen.items, [all[1]]);
    assert.throws(() => Object.assign(all[0]?.metadata ?? {}, { name: "x" }), TypeError);
  });
});

test("createLocalClient watches from a revision, with the very objects that writers got", DEADLINE, async () => {
  await withApi(async (client) => {
    const made = await client.create(configMap, { metadata: web }, never);
    const { resourceVersion } = await client.list(configMap, {}, never);
    const stop = new AbortController();
    const events = client.watch(configMap, { resourceVersion }, stop.signal)[Symbol.asyncIterator]();
    const next = events.next();
    const changed = await client.update(configMap, { ...made, data: { a: "1" } }, never);
    const event = (await next).value;
    assert.equal(event?.type, "MODIFIED");
    assert.equal(event.object, changed);
    await client.delete(configMap, web, {}, never);
    assert.equal((await events.next()).value?.type, "DELETED");
    const last = events.next();
    stop.abort();
    await assert.rejects(last, { name: "AbortError" });
  });
});

test("createLocalClient marks the end of initial events, and ends watches in time", DEADLINE, async () => {
  await withApi(async (client) => {
    await client.create(configMap, { metadata: web }, never);
    const seen: string[] = [];
    for await (const event of client.watch(configMap, { sendInitialEvents: true, timeoutMs: 100 }, never)) {
      seen.push(event.type === "BOOKMARK" ? `BOOKMARK ${event.endsInitialEvents}` : event.type);
    }
    assert.deepEqual(seen, ["ADDED", "BOOKMARK true"]);
  });
});

test("createLocalClient's watch rejects with 410 for what is compacted", DEADLINE, async () => {
  await withApi(async (client, { api, store }) => {
    const made = await client.create(configMap, { metadata: web }, never);
    for (const a of ["1", "2"]) await client.patch(configMap, web, { type: "merge", body: { data: { a } } }, never);
    await store.compact(await store.currentRevision(never), never);
    await api[Symbol.asyncDispose]();
    await using again = createLocalApi(store);
    const resourceVersion = made.metadata.resourceVersion ?? "";
    const events = again.client().watch(configMap, { resourceVersion }, never);
    await assert.rejects(events[Symbol.asyncIterator]().next(), because("Expired"));
  });
});

test("createLocalClient with a fence writes only while the fence stands", DEADLINE, async () => {
  await withApi(async (unfenced, { api, store }) => {
    const key = "/registry/podwire.io/fences/test";
    const revision = await store.write({ key, value: "1", expected: 0 }, never);
    const client = api.client({ key, revision });
    const made = await client.create(configMap, { metadata: web }, never);
    const next = await store.write({ key, value: "2", expected: revision }, never);
    const data = { a: "1" };
    const writes: readonly (() => Promise<unknown>)[] = [
      () => client.create(lease, { metadata: web, spec: {} }, never),
      () => client.update(configMap, { ...made, data }, never),
      () => client.patch(configMap, web, { type: "merge", body: { data } }, never),
      () => client.delete(configMap, web, {}, never),
    ];
    for (const write of writes) await assert.rejects(write(), /not the leader any more/);
    assert.deepEqual(await client.get(configMap, web, never), made);
    await api.client({ key, revision: next }).update(configMap, { ...made, data }, never);
    await unfenced.delete(configMap, web, {}, never);
  });
});

test("createLocalClient takes kinds as the registry has them now", DEADLINE, async () => {
  await withApi(async (client, { api }) => {
    api.kinds.add({ ...configMap, validate: () => [{ field: "data", reason: "FieldValueInvalid", message: "no" }] });
    await assert.rejects(client.create(configMap, { metadata: web }, never), because("Invalid"));
  });
});

test("createLocalClient does not begin for a caller who has given up", DEADLINE, async () => {
  await withApi(async (client) => {
    const why = new Error("enough");
    const gone = AbortSignal.abort(why);
    await assert.rejects(client.create(configMap, { metadata: web }, gone), (error) => error === why);
    const events: AsyncIterable<unknown> = client.watch<ConfigMap>(configMap, {}, gone);
    await assert.rejects(events[Symbol.asyncIterator]().next(), (error) => error === why);
  });
});
