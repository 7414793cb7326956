import assert from "node:assert/strict";
import type { Http2ServerRequest } from "node:http2";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { isApiError, type StatusReason } from "#api/api-error.ts";
import { type ConfigMap, configMap } from "#api/kinds/config-map.ts";
import { deployment } from "#api/kinds/deployment.ts";
import { node } from "#api/kinds/node.ts";
import type { ApiClient, TypedWatchEvent, WatchQuery } from "./api-client.ts";
import { createHttpClient, type HttpClientOptions } from "./http-client.ts";
import type { Cluster } from "./kubeconfig.ts";
import { answer, type HttpsServer, makeCertificate, startHttpsServer } from "./testing/https-server.ts";

const never = new AbortController().signal;
const DEADLINE = { timeout: 20_000 };
const pair = makeCertificate();

interface Setting {
  readonly client: ApiClient;
  readonly server: HttpsServer;
}

type Handle = Parameters<typeof startHttpsServer>[1];

async function withClient(
  handle: Handle,
  run: (setting: Setting) => Promise<void>,
  { cluster = {}, ...options }: Partial<HttpClientOptions> & { readonly cluster?: Partial<Cluster> } = {},
): Promise<void> {
  await using server = await startHttpsServer(pair, handle);
  using client = createHttpClient({ ...server.cluster, ...cluster }, { userAgent: "test/1", ...options });
  await run({ client, server });
}

function reason(expected: StatusReason, message?: RegExp) {
  return (error: unknown) => isApiError(error, expected) && (message === undefined || message.test(error.message));
}

function statusOf(code: number, why: StatusReason) {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message: why, reason: why, code };
}

const webMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "web", namespace: "shop", resourceVersion: "7" },
};
const web = webMap as unknown as ConfigMap;
const merge = { type: "merge", body: { data: { a: null } } } as const;
const names = { namespace: "shop", name: "web" };

const requests: readonly (readonly [string, (client: ApiClient) => Promise<unknown>, string, string?])[] = [
  ["get", (api) => api.get(configMap, names, never), "GET /api/v1/namespaces/shop/configmaps/web"],
  ["get, of the cluster", (api) => api.get(node, { name: "n 1" }, never), "GET /api/v1/nodes/n%201"],
  [
    "list",
    (api) => api.list(deployment, { labelSelector: "app=web,tier!=db", limit: 2, continue: "x/y" }, never),
    "GET /apis/apps/v1/deployments?labelSelector=app%3Dweb%2Ctier!%3Ddb&limit=2&continue=x%2Fy",
  ],
  ["create", (api) => api.create(configMap, web, never), "POST /api/v1/namespaces/shop/configmaps", "application/json"],
  [
    "update",
    (api) => api.update(configMap, web, never),
    "PUT /api/v1/namespaces/shop/configmaps/web",
    "application/json",
  ],
  [
    "updateStatus",
    (api) => api.updateStatus(configMap, web, never),
    "PUT /api/v1/namespaces/shop/configmaps/web/status",
    "application/json",
  ],
  [
    "patch",
    (api) => api.patch(configMap, names, { ...merge, subresource: "status", fieldManager: "me", force: true }, never),
    "PATCH /api/v1/namespaces/shop/configmaps/web/status?fieldManager=me&force=true",
    "application/merge-patch+json",
  ],
  [
    "delete",
    (api) => api.delete(configMap, names, { uid: "u", gracePeriodSeconds: 0 }, never),
    "DELETE /api/v1/namespaces/shop/configmaps/web",
    "application/json",
  ],
  [
    "createSubresource",
    (api) => api.createSubresource(configMap, names, "binding", {}, never),
    "POST /api/v1/namespaces/shop/configmaps/web/binding",
    "application/json",
  ],
];

for (const [method, call, line, contentType] of requests) {
  test(`createHttpClient: ${method} sends ${line}`, DEADLINE, async () => {
    let seen: Http2ServerRequest | undefined;
    const handle: Handle = (request, response) => {
      seen = request;
      answer(response, 200, { ...webMap, items: [{ metadata: { name: "a" } }] });
    };
    await withClient(handle, async ({ client }) => {
      await call(client);
      assert.equal(`${seen?.method} ${seen?.url}`, line);
      assert.equal(seen?.headers["content-type"], contentType);
      assert.equal(seen?.headers["user-agent"], "test/1");
    });
  });
}

test("createHttpClient writes the body's kind, and a deletion's preconditions", DEADLINE, async () => {
  const bodies: string[] = [];
  const handle: Handle = async (request, response) => {
    bodies.push(await text(request));
    answer(response, 200, webMap);
  };
  await withClient(handle, async ({ client }) => {
    await client.create(configMap, { metadata: { name: "web", namespace: "shop" }, data: { a: "ü" } }, never);
    await client.delete(configMap, names, { uid: "u", propagationPolicy: "Orphan" }, never);
  });
  assert.deepEqual(
    bodies.map((body) => JSON.parse(body)),
    [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "web", namespace: "shop" }, data: { a: "ü" } },
      { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Orphan", preconditions: { uid: "u" } },
    ],
  );
});

test("createHttpClient gives the items of a list their kind", DEADLINE, async () => {
  const list = { metadata: { resourceVersion: "9", continue: "" }, items: [{ metadata: { name: "a" } }] };
  await withClient(
    (_request, response) => answer(response, 200, list),
    async ({ client }) => {
      assert.deepEqual(await client.list(deployment, {}, never), {
        items: [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a" } }],
        resourceVersion: "9",
        continue: undefined,
      });
    },
  );
});

const failures: readonly (readonly [string, Handle, StatusReason, RegExp])[] = [
  ["a Status", (_request, response) => answer(response, 404, statusOf(404, "NotFound")), "NotFound", /NotFound/],
  ["an error that is no Status", (_request, response) => answer(response, 502, { a: 1 }), "InternalError", /HTTP 502/],
  [
    "a body that is no JSON",
    (_request, response) => void response.writeHead(200).end("<html>"),
    "InternalError",
    /JSON/,
  ],
  ["a body that is no object", (_request, response) => answer(response, 200, 5), "InternalError", /no object/],
  ["a connection that is cut", (_request, _response, cut) => cut(), "ServiceUnavailable", /closed/],
  [
    "a body that is cut",
    (_request, response, cut) => void response.writeHead(200).write('{"metadata":', cut),
    "ServiceUnavailable",
    /closed/,
  ],
  ["no answer", () => undefined, "Timeout", /within 300 ms/],
  ["half an answer", (_request, response) => void response.writeHead(200).write("{"), "Timeout", /within 300 ms/],
];

for (const [title, handle, why, message] of failures) {
  test(`createHttpClient makes an ApiError of ${title}`, DEADLINE, async () => {
    await withClient(
      handle,
      async ({ client }) => {
        await assert.rejects(client.list(configMap, {}, never), reason(why, message));
      },
      { timeoutMs: 300 },
    );
  });
}

test("createHttpClient cannot reach a server that is gone, or has another certificate", DEADLINE, async () => {
  const server = await startHttpsServer(pair, (_request, response) => answer(response, 200, webMap));
  using client = createHttpClient(server.cluster, { userAgent: "test" });
  await client.get(configMap, names, never);
  const { certificate: ca } = makeCertificate();
  using stranger = createHttpClient({ ...server.cluster, ca }, { userAgent: "test" });
  await assert.rejects(stranger.get(configMap, names, never), reason("ServiceUnavailable", /self-signed|certificate/));
  await server[Symbol.asyncDispose]();
  await assert.rejects(client.get(configMap, names, never), reason("ServiceUnavailable", /ECONNREFUSED/));
});

test("createHttpClient rejects with the caller's reason when the caller gives up", DEADLINE, async () => {
  const begun = Promise.withResolvers<void>();
  await withClient(
    () => begun.resolve(),
    async ({ client }) => {
      const stop = new AbortController();
      const call = client.get(configMap, names, stop.signal);
      await begun.promise;
      const why = new Error("enough");
      stop.abort(why);
      await assert.rejects(call, (error) => error === why);
      await assert.rejects(client.get(configMap, names, stop.signal), (error) => error === why);
    },
  );
});

test("createHttpClient asks again when the server closes an idle connection", DEADLINE, async () => {
  let count = 0;
  const handle: Handle = (_request, response, cut) => {
    count++;
    if (count === 2) cut();
    else answer(response, 200, webMap);
  };
  await withClient(handle, async ({ client }) => {
    await client.get(configMap, names, never);
    await client.get(configMap, names, never);
    assert.equal(count, 3);
    await client.update(configMap, web, never);
    count = 1;
    // It may have been written: only the caller knows whether that may happen twice.
    await assert.rejects(client.update(configMap, web, never), reason("ServiceUnavailable"));
  });
});

test("createHttpClient sends certificates and tokens, and keeps connections", DEADLINE, async () => {
  const seen: (string | undefined)[] = [];
  const handle: Handle = (request, response) => {
    // The server's sockets are TLS sockets.
    const { subject } = (request.socket as unknown as import("node:tls").TLSSocket).getPeerCertificate();
    seen.push(`${subject?.CN} ${request.headers.authorization}`);
    answer(response, 200, webMap);
  };
  let token = 0;
  const cluster = { certificate: pair.certificate, key: pair.key, token: async () => `t${++token}` };
  await withClient(
    handle,
    async ({ client, server }) => {
      for (let index = 0; index < 3; index++) await client.get(configMap, names, never);
      assert.deepEqual(seen, ["test Bearer t1", "test Bearer t2", "test Bearer t3"]);
      assert.equal(server.connections(), 1);
    },
    { cluster },
  );
});

function event(type: string, name: string, resourceVersion: string): string {
  return `${JSON.stringify({ type, object: { ...webMap, metadata: { name, resourceVersion } } })}\n`;
}

async function collect(events: AsyncIterable<TypedWatchEvent<ConfigMap>>, into: string[]): Promise<void> {
  for await (const each of events) {
    if (each.type === "BOOKMARK") into.push(`BOOKMARK ${each.resourceVersion} ${each.endsInitialEvents}`);
    else into.push(`${each.type} ${each.object.metadata.name}`);
  }
}

test("watch gives events as they come, asks for bookmarks, and ends with the server", DEADLINE, async () => {
  let url: string | undefined;
  const handle: Handle = (request, response) => {
    url = request.url;
    response.writeHead(200);
    const lines = event("ADDED", "é", "1") + event("DELETED", "a", "2") + event("BOOKMARK", "", "3");
    const bytes = Buffer.from(lines);
    response.write(bytes.subarray(0, 80));
    setImmediate(() => response.end(bytes.subarray(80)));
  };
  await withClient(handle, async ({ client }) => {
    const seen: string[] = [];
    await collect(client.watch(configMap, { resourceVersion: "5", timeoutMs: 1500 }, never), seen);
    assert.deepEqual(seen, ["ADDED é", "DELETED a", "BOOKMARK 3 false"]);
    assert.equal(url, "/api/v1/configmaps?resourceVersion=5&watch=true&allowWatchBookmarks=true&timeoutSeconds=2");
  });
});

const watchFailures: readonly (readonly [string, string, StatusReason])[] = [
  ["an ERROR event", `${JSON.stringify({ type: "ERROR", object: statusOf(410, "Expired") })}\n`, "Expired"],
  ["a line that is no JSON", "{\n", "BadRequest"],
  ["an event of no known type", event("CHANGED", "b", "2"), "BadRequest"],
  ["an event without an object", '{"type":"ADDED"}\n', "BadRequest"],
];

for (const [title, line, why] of watchFailures) {
  test(`watch rejects for ${title}, behind the events before it`, DEADLINE, async () => {
    await withClient(
      (_request, response) => void response.writeHead(200).end(event("ADDED", "a", "1") + line),
      async ({ client }) => {
        const seen: string[] = [];
        await assert.rejects(collect(client.watch(configMap, {}, never), seen), reason(why));
        assert.deepEqual(seen, ["ADDED a"]);
      },
    );
  });
}

test("watch rejects when the server refuses, does not answer, or is cut off", DEADLINE, async () => {
  const handles: Handle[] = [
    (_request, response) => answer(response, 410, statusOf(410, "Expired")),
    () => undefined,
    (_request, response, cut) => void response.writeHead(200).write(event("ADDED", "a", "1"), cut),
  ];
  const expected = [reason("Expired"), reason("ServiceUnavailable", /no answer/), reason("ServiceUnavailable")];
  for (const [index, handle] of handles.entries()) {
    await withClient(
      handle,
      async ({ client }) => {
        await assert.rejects(collect(client.watch(configMap, {}, never), []), expected[index] ?? assert.fail());
      },
      { timeoutMs: 300 },
    );
  }
});

test("watch ends when its server does not say a word any more", DEADLINE, async () => {
  await withClient(
    (_request, response) => void response.writeHead(200).write(event("ADDED", "a", "1")),
    async ({ client }) => {
      const seen: string[] = [];
      await collect(client.watch(configMap, {}, never), seen);
      assert.deepEqual(seen, ["ADDED a"]);
    },
    { silenceMs: 200 },
  );
});

test("watch rejects with the caller's reason, and leaves no connection behind", DEADLINE, async () => {
  const closed = Promise.withResolvers<void>();
  const handle: Handle = (_request, response) => {
    response.on("close", closed.resolve);
    response.writeHead(200);
    response.write(event("ADDED", "a", "1"));
  };
  await withClient(handle, async ({ client }) => {
    const stop = new AbortController();
    const why = new Error("enough");
    const watching = (async () => {
      for await (const _ of client.watch(configMap, {}, stop.signal)) stop.abort(why);
    })();
    await assert.rejects(watching, (error) => error === why);
    await closed.promise;
  });
});

test("watch closes its connection when its reader leaves", DEADLINE, async () => {
  const closed = Promise.withResolvers<void>();
  const handle: Handle = (_request, response) => {
    response.on("close", closed.resolve);
    response.writeHead(200);
    response.write(event("ADDED", "a", "1"));
  };
  await withClient(handle, async ({ client }) => {
    for await (const _ of client.watch(configMap, {}, never)) break;
    await closed.promise;
  });
});

test("createHttpClient remembers that the server refuses to begin watches with all objects", DEADLINE, () =>
  withClient(
    (_request, response) => answer(response, 422, statusOf(422, "Invalid")),
    async ({ client }) => {
      assert.equal(client.supportsWatchList, true);
      const watch = (query: WatchQuery) => client.watch(configMap, query, never)[Symbol.asyncIterator]().next();
      await assert.rejects(watch({}), reason("Invalid"));
      assert.equal(client.supportsWatchList, true);
      await assert.rejects(watch({ sendInitialEvents: true }), reason("Invalid"));
      assert.equal(client.supportsWatchList, false);
    },
  ),
);
