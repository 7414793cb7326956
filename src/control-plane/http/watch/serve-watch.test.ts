import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { configMap } from "#api/kinds/config-map.ts";
import type { Target } from "../../resources/resource-api.ts";
import { type TestServer, withApiServer } from "../testing/with-api-server.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const TARGET: Target = { kind: configMap, namespace: "default", name: undefined, subresource: "" };

/** Opens a watch and gives its body once the head is there. */
type OpenWatch = (server: TestServer, path: string, accept?: string) => Promise<Readable & { destroy(): unknown }>;

const overHttp1: OpenWatch = async ({ open }, path, accept = "application/json") => {
  const response = await open("GET", path, { headers: { accept } });
  assert.equal(response.statusCode, 200);
  return response;
};

const sessions: ClientHttp2Session[] = [];
const overHttp2: OpenWatch = async ({ port, pki }, path, accept = "application/json") => {
  const { certificate, key } = pki.admin;
  const session = connect(`https://127.0.0.1:${port}`, { ca: pki.certificateAuthority, cert: certificate, key });
  sessions.push(session);
  const stream = session.request({ ":path": path, accept });
  const [headers] = await once(stream, "response");
  assert.equal(headers[":status"], 200);
  return stream;
};

/** Tests look into events freely. */
// biome-ignore lint/suspicious/noExplicitAny: what JSON.parse gives
type Event = any;

async function* events(body: Readable): AsyncGenerator<Event, undefined> {
  for await (const line of createInterface({ input: body })) yield JSON.parse(line);
}

async function next(lines: AsyncGenerator<Event, undefined>): Promise<Event> {
  return (await lines.next()).value;
}

async function all(lines: AsyncGenerator<Event, undefined>): Promise<readonly Event[]> {
  const list: Event[] = [];
  for await (const event of lines) list.push(event);
  return list;
}

for (const [protocol, open] of [
  ["HTTP/1.1", overHttp1],
  ["HTTP/2", overHttp2],
] as const) {
  test(`serveWatch tells of events over ${protocol} as they come`, () =>
    withApiServer(async (server) => {
      const body = await open(server, `${MAPS}?watch=true&resourceVersion=0`);
      const lines = events(body);
      await server.ask("POST", MAPS, { body: '{"metadata":{"name":"a"}}' });
      const added = await next(lines);
      assert.deepEqual([added.type, added.object.kind, added.object.metadata.name], ["ADDED", "ConfigMap", "a"]);
      await server.ask("DELETE", `${MAPS}/a`);
      assert.equal((await next(lines)).type, "DELETED");
      assert.equal(server.resourceApi.watches, 1);
      body.destroy();
      await server.resourceApi.unwatched();
      closeSessions();
    }));

  test(`serveWatch ends over ${protocol} when its time is over`, () =>
    withApiServer(async (server) => {
      const lines = events(await open(server, `${MAPS}?watch=true&resourceVersion=0&timeoutSeconds=1`));
      assert.equal(await next(lines), undefined);
      await server.resourceApi.unwatched();
      closeSessions();
    }));

  test(`serveWatch ends over ${protocol} when the server stops`, () =>
    withApiServer(async (server) => {
      const lines = events(await open(server, `${MAPS}?watch=true&resourceVersion=0`));
      const stopped = server.server[Symbol.asyncDispose]();
      assert.equal(await next(lines), undefined);
      closeSessions();
      await stopped;
    }));

  test(`serveWatch cuts a watcher over ${protocol} that never reads, and only that one`, () =>
    withApiServer(async (server) => {
      const path = `${MAPS}?watch=true&resourceVersion=0`;
      const lazy = await open(server, path);
      lazy.pause();
      const lines = events(await open(server, path));
      let sent = 0;
      while (server.resourceApi.watches === 2) {
        server.resourceApi.emit(TARGET, { type: "MODIFIED", object: bigMap(String(sent++)) });
        assert.equal((await next(lines)).type, "MODIFIED");
        assert.ok(sent < 10_000, "the watcher was never cut");
      }
      assert.equal(server.resourceApi.watches, 1);
      const received = await all(events(lazy));
      assert.ok(received.length < sent);
      const last = received.at(-1);
      assert.deepEqual([last.type, last.object.kind, last.object.code], ["ERROR", "Status", 410]);
      closeSessions();
    }));
}

test("serveWatch gives tables, with columns in the first event", () =>
  withApiServer(async (server) => {
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    const body = await overHttp1(server, `${MAPS}?watch=true&resourceVersion=0`, accept);
    const lines = events(body);
    await server.ask("POST", MAPS, { body: '{"metadata":{"name":"a"}}' });
    await server.ask("POST", MAPS, { body: '{"metadata":{"name":"b"}}' });
    const [first, second] = [await next(lines), await next(lines)];
    assert.deepEqual([first.object.kind, first.object.columnDefinitions.length], ["Table", 3]);
    assert.deepEqual([second.object.rows[0].cells[0], second.object.columnDefinitions], ["b", null]);
    body.destroy();
  }));

test("serveWatch takes the old paths and the name of one object", () =>
  withApiServer(async (server) => {
    const body = await overHttp1(server, "/api/v1/watch/namespaces/default/configmaps/a");
    assert.equal(server.resourceApi.lastListOptions?.fieldSelector, "metadata.name=a");
    body.destroy();
  }));

function bigMap(name: string) {
  return Object.freeze({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "default", resourceVersion: "1" },
    data: { k: "x".repeat(50_000) },
  });
}

function closeSessions(): void {
  for (const session of sessions.splice(0)) session.destroy();
}
