import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { configMap } from "#api/kinds/config-map.ts";
import { encodeProtobufObject } from "#api/schema/protobuf-encode.ts";
import { openPki } from "../pki/open-pki.ts";
import { type AskOptions, type TestServer, withApiServer } from "./testing/with-api-server.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const JSON_TYPE = { "content-type": "application/json" };

const map = (name: string, data: Record<string, string> = {}): string =>
  JSON.stringify({ kind: "ConfigMap", apiVersion: "v1", metadata: { name }, data });

test("startApiServer creates, reads, lists, changes and deletes objects", () =>
  withApiServer(async ({ ask }) => {
    const created = await ask("POST", MAPS, { body: map("a", { k: "v" }), headers: JSON_TYPE });
    assert.equal(created.status, 201);
    assert.equal(created.json.metadata.resourceVersion, "1");
    assert.equal((await ask("POST", MAPS, { body: map("a") })).status, 409);
    const read = await ask("GET", `${MAPS}/a`);
    assert.deepEqual([read.status, read.json.kind, read.json.data], [200, "ConfigMap", { k: "v" }]);
    const list = await ask("GET", MAPS);
    assert.deepEqual([list.json.kind, list.json.apiVersion, list.json.items.length], ["ConfigMapList", "v1", 1]);
    assert.deepEqual([list.json.items[0].kind, list.json.items[0].apiVersion], [undefined, undefined]);
    const patched = await ask("PATCH", `${MAPS}/a?fieldManager=me`, {
      body: '{"data":{"k":"w"}}',
      headers: { "content-type": "application/merge-patch+json" },
    });
    assert.deepEqual([patched.status, patched.json.data], [200, { k: "w" }]);
    assert.equal((await ask("PUT", `${MAPS}/a`, { body: map("a") })).status, 200);
    const deleted = await ask("DELETE", `${MAPS}/a`, {
      body: '{"propagationPolicy":"Background"}',
      headers: JSON_TYPE,
    });
    assert.deepEqual([deleted.status, deleted.json.kind, deleted.json.status], [200, "Status", "Success"]);
    assert.deepEqual(deleted.json.details, { name: "a", kind: "configmaps", uid: "uid-a" });
    assert.equal((await ask("GET", `${MAPS}/a`)).json.message, 'configmaps "a" not found');
  }));

const BIG = "x".repeat(3 * 1024 * 1024);

for (const [title, method, path, options, status, reason, message] of [
  ["unknown paths", "GET", "/nonsense", {}, 404, "NotFound", /could not find/],
  ["unknown resources", "GET", "/api/v1/bananas", {}, 404, "NotFound", /could not find/],
  ["unknown groups", "GET", "/apis/fruit.example.com/v1/bananas", {}, 404, "NotFound", /could not find/],
  ["kinds that are no resources", "GET", "/apis/autoscaling/v1/scales", {}, 404, "NotFound", /could not find/],
  ["unknown subresources", "GET", `${MAPS}/a/bogus`, {}, 404, "NotFound", /could not find/],
  ["namespaced kinds outside", "GET", "/api/v1/configmaps/a", {}, 404, "NotFound", /could not find/],
  ["cluster kinds inside", "GET", "/api/v1/namespaces/x/nodes", {}, 404, "NotFound", /could not find/],
  ["broken escapes", "GET", "/api/v1/namespaces/%zz/configmaps", {}, 400, "BadRequest", /invalid URL escape/],
  ["a PUT of a collection", "PUT", MAPS, { body: "{}" }, 405, "MethodNotAllowed", /does not allow/],
  ["a POST to an object", "POST", `${MAPS}/a`, { body: "{}" }, 405, "MethodNotAllowed", /does not allow/],
  ["a POST to all namespaces", "POST", "/api/v1/configmaps", { body: "{}" }, 405, "MethodNotAllowed", /does not allow/],
  ["foreign methods", "PROPFIND", MAPS, {}, 405, "MethodNotAllowed", /does not allow/],
  ["broken JSON", "POST", MAPS, { body: "{" }, 400, "BadRequest", /json parse error/],
  ["an empty body", "POST", MAPS, {}, 400, "BadRequest", /unexpected end of JSON input/],
  ["broken YAML", "POST", MAPS, typed("application/yaml", "a: ["), 400, "BadRequest", /yaml/],
  [
    "broken protobuf",
    "POST",
    MAPS,
    typed("application/vnd.kubernetes.protobuf", "k8s\0\x0a\xff"),
    400,
    "BadRequest",
    /protobuf/,
  ],
  [
    "unknown types",
    "POST",
    MAPS,
    typed("text/csv", "a,b"),
    415,
    "UnsupportedMediaType",
    /accepted media types include: application\/json/,
  ],
  [
    "unknown patch types",
    "PATCH",
    `${MAPS}/a`,
    typed("application/json", "{}"),
    415,
    "UnsupportedMediaType",
    /strategic-merge-patch/,
  ],
  ["large bodies", "POST", MAPS, { body: BIG + BIG }, 413, "RequestEntityTooLarge", /limit is 3145728/],
  [
    "protobuf answers",
    "GET",
    MAPS,
    { headers: { accept: "application/vnd.kubernetes.protobuf" } },
    406,
    "NotAcceptable",
    /only the following media types are accepted/,
  ],
  ["a bad limit", "GET", `${MAPS}?limit=x`, {}, 400, "BadRequest", /invalid syntax/],
  ["a bad includeObject", "GET", `${MAPS}?includeObject=x`, {}, 400, "BadRequest", /includeObject/],
  [
    "a bad dryRun",
    "POST",
    `${MAPS}?dryRun=x`,
    { body: map("a") },
    422,
    "Invalid",
    /CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "x": supported values: "All"/,
  ],
  [
    "a bad fieldValidation",
    "POST",
    `${MAPS}?fieldValidation=x`,
    { body: map("a") },
    422,
    "Invalid",
    /fieldValidation: Unsupported value/,
  ],
  [
    "an apply without a manager",
    "PATCH",
    `${MAPS}/a`,
    typed("application/apply-patch+yaml", "{}"),
    422,
    "Invalid",
    /fieldManager: Required value: is required for apply patch/,
  ],
  [
    "a bad propagation policy",
    "DELETE",
    `${MAPS}/a?propagationPolicy=x`,
    {},
    422,
    "Invalid",
    /propagationPolicy: Unsupported value: "x"/,
  ],
  [
    "duplicate fields",
    "POST",
    `${MAPS}?fieldValidation=Strict`,
    { body: '{"data":{},"data":{}}' },
    400,
    "BadRequest",
    /ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data"/,
  ],
] as const satisfies readonly (readonly [string, string, string, AskOptions, number, string, RegExp])[]) {
  test(`startApiServer refuses ${title}`, () =>
    withApiServer(async ({ ask }) => {
      const { json } = await ask(method, path, options);
      assert.deepEqual(
        [json.kind, json.apiVersion, json.status, json.code, json.reason],
        ["Status", "v1", "Failure", status, reason],
      );
      assert.match(json.message, message);
    }));
}

function typed(type: string, body: string): AskOptions {
  return { headers: { "content-type": type }, body: Buffer.from(body, "latin1") };
}

test("startApiServer reads JSON, YAML and protobuf bodies, and JSON when no type is said", () =>
  withApiServer(async ({ ask }) => {
    const protobuf = encodeProtobufObject(configMap, JSON.parse(map("c", { k: "v" })));
    const bodies: readonly AskOptions[] = [
      { body: map("a", { k: "v" }) },
      typed("application/yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: b}\ndata: {k: v}\n"),
      { headers: { "content-type": "application/vnd.kubernetes.protobuf" }, body: Buffer.from(protobuf) },
    ];
    for (const body of bodies) assert.equal((await ask("POST", MAPS, body)).status, 201);
    const { items } = (await ask("GET", MAPS)).json;
    assert.deepEqual(
      items.map(({ metadata, data }: never) => [metadata["name"], data]),
      [
        ["a", { k: "v" }],
        ["b", { k: "v" }],
        ["c", { k: "v" }],
      ],
    );
  }));

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

test("startApiServer answers with tables and metadata when asked to", () =>
  withApiServer(async ({ ask }) => {
    await ask("POST", MAPS, { body: map("a", { k: "v" }) });
    const table = async (query: string) => (await ask("GET", `${MAPS}${query}`, { headers: { accept: TABLE } })).json;
    const plain = await table("");
    assert.deepEqual(
      [plain.kind, plain.apiVersion, plain.metadata],
      ["Table", "meta.k8s.io/v1", { resourceVersion: "1" }],
    );
    assert.deepEqual(
      plain.columnDefinitions.map(({ name }: never) => name),
      ["Name", "Data", "Age"],
    );
    assert.deepEqual(plain.rows[0].cells.slice(0, 2), ["a", 1]);
    assert.deepEqual([plain.rows[0].object.kind, plain.rows[0].object.data], ["PartialObjectMetadata", undefined]);
    assert.equal((await table("?includeObject=None")).rows[0].object, null);
    assert.deepEqual((await table("?includeObject=Object")).rows[0].object.data, { k: "v" });
    assert.equal((await table("/a")).rows.length, 1);
    const accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    const metadata = (await ask("GET", MAPS, { headers: { accept } })).json;
    assert.equal(metadata.kind, "PartialObjectMetadataList");
    assert.deepEqual(Object.keys(metadata.items[0]), ["kind", "apiVersion", "metadata"]);
  }));

test("startApiServer formats, compresses and warns as asked", () =>
  withApiServer(async ({ ask }) => {
    const warned = await ask("POST", `${MAPS}?fieldValidation=Warn`, {
      body: '{"metadata":{"name":"a"},"data":{"k":"1"},"data":{"k":"2"}}',
    });
    assert.equal(warned.headers["warning"], '299 - "duplicate field \\"data\\""');
    assert.match((await ask("GET", `${MAPS}/a?pretty=true`)).text, /^{\n {2}"kind": "ConfigMap",\n/);
    assert.match((await ask("GET", `${MAPS}/a`, { headers: { "user-agent": "curl/8.0" } })).text, /^{\n/);
    const yaml = await ask("GET", `${MAPS}/a`, { headers: { accept: "application/yaml" } });
    assert.match(yaml.text, /^kind: ConfigMap\napiVersion: v1\n/);
    await ask("POST", MAPS, { body: map("big", { k: "y".repeat(200_000) }) });
    const accept = { headers: { "accept-encoding": "gzip" } };
    assert.equal((await ask("GET", `${MAPS}/a`, accept)).headers["content-encoding"], undefined);
    const response = await ask("GET", `${MAPS}/big`);
    assert.equal(response.headers["content-encoding"], undefined);
    assert.equal((await ask("GET", `${MAPS}/big`, accept)).headers["content-encoding"], "gzip");
  }));

test("startApiServer tells the resource API who asks and how", () =>
  withApiServer(async ({ ask, resourceApi }) => {
    const headers = { "user-agent": "kubectl/v1.32.4 (linux/amd64)" };
    await ask("POST", `${MAPS}?dryRun=All`, { body: map("a"), headers });
    const { user, isDryRun, fieldManager, fieldValidation } = resourceApi.lastContext ?? {};
    assert.equal(user?.name, "kubernetes-admin");
    assert.deepEqual(user?.groups, ["system:masters", "system:authenticated"]);
    const [credentialId = ""] = user?.extra?.["authentication.kubernetes.io/credential-id"] ?? [];
    assert.match(credentialId, /^X509SHA256=[0-9a-f]{64}$/);
    assert.deepEqual([isDryRun, fieldManager, fieldValidation], [true, "kubectl", "Warn"]);
    await ask("PATCH", `${MAPS}/a?fieldManager=me&force=true`, typed("application/apply-patch+yaml", "data: {k: v}"));
    assert.deepEqual(resourceApi.lastPatch, { type: "apply", patch: { data: { k: "v" } }, force: true });
    await ask("GET", `${MAPS}?labelSelector=a%3Db&limit=5&continue=x&resourceVersion=3&resourceVersionMatch=Exact`);
    assert.deepEqual(resourceApi.lastListOptions, {
      labelSelector: "a=b",
      resourceVersion: "3",
      resourceVersionMatch: "Exact",
      limit: 5,
      continue: "x",
    });
  }));

async function refusedBy({ ask }: TestServer, options: AskOptions): Promise<number> {
  const { status, json } = await ask("GET", MAPS, options);
  if (status !== 200) assert.equal(json.kind, "Status");
  return status;
}

test("startApiServer knows its clients by certificate and by token", () =>
  withApiServer(async (server) => {
    const { pki, tokens, ask } = server;
    const jane = { credentials: { pair: await pki.issueClient({ commonName: "jane", organizations: [] }) } };
    const none = { credentials: { pair: undefined } };
    assert.equal(await refusedBy(server, jane), 200);
    const { json } = await ask("POST", MAPS, { ...jane, body: map("a") });
    assert.equal(
      json.message,
      'configmaps is forbidden: User "jane" cannot create resource "configmaps" in API group "" in the namespace "default"',
    );
    assert.equal(await refusedBy(server, none), 403);
    const bearer = (token: string): AskOptions => ({ ...none, headers: { authorization: `Bearer ${token}` } });
    assert.equal(await refusedBy(server, bearer("nonsense")), 401);
    const { token } = tokens.issue({
      serviceAccount: { namespace: "default", name: "web", uid: "u1" },
      audiences: [],
      expirationSeconds: 60,
    });
    assert.equal(await refusedBy(server, bearer(token)), 403);
    assert.equal((await ask("GET", "/readyz", none)).text, "ok");
    const as = (name: string): AskOptions => ({ headers: { "impersonate-user": name } });
    assert.equal(await refusedBy(server, as("jane")), 200);
    assert.equal(await refusedBy(server, as("joe")), 403);
    assert.equal(await refusedBy(server, { ...jane, ...as("joe") }), 403);
  }));

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

test("startApiServer refuses certificates that are foreign, expired or not for clients", () =>
  withApiServer(async (server) => {
    const directory = await mkdtemp(join(tmpdir(), "foreign-"));
    try {
      const foreign = await openPki({ directory, serverNames: [], now: () => new Date() });
      assert.equal(await refusedBy(server, { credentials: { pair: foreign.admin } }), 401);
      const past = { directory: server.pkiDirectory, serverNames: [], now: () => new Date(Date.now() - 2 * YEAR_MS) };
      const expired = await openPki(past);
      assert.equal(expired.certificateAuthority, server.pki.certificateAuthority);
      assert.equal(await refusedBy(server, { credentials: { pair: expired.admin } }), 401);
      assert.equal(await refusedBy(server, { credentials: { pair: server.pki.server } }), 401);
      assert.equal(await refusedBy(server, { credentials: { pair: server.pki.admin } }), 200);
    } finally {
      await rm(directory, { recursive: true });
    }
  }));

test("startApiServer refuses a certificate that expires while its connection lasts", () =>
  withApiServer(async (server) => assert.equal(await refusedBy(server, {}), 401), {
    overrides: { now: () => new Date(Date.now() + 2 * YEAR_MS) },
  }));

test("startApiServer answers its own paths", () =>
  withApiServer(async ({ ask }) => {
    const version = (await ask("GET", "/version")).json;
    assert.deepEqual([version.major, version.minor], ["1", "32"]);
    assert.ok((await ask("GET", "/")).json.paths.includes("/apis/apps/v1"));
    assert.match((await ask("GET", "/metrics")).text, /apiserver_request_total\{code="200",group=""/);
    assert.deepEqual((await ask("GET", "/openapi/v2")).json.paths, {});
    const headers = { accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" };
    const v2 = await ask("GET", "/openapi/v2", { headers });
    assert.match(v2.headers["content-type"] ?? "", /protobuf/);
    assert.equal(v2.text.slice(0, 5), "\n\u00032.0");
    const { paths } = (await ask("GET", "/openapi/v3")).json;
    const url = paths["apis/apps/v1"].serverRelativeURL;
    const document = await ask("GET", url);
    assert.equal(document.json.openapi, "3.0.0");
    assert.match(String(document.headers["cache-control"]), /immutable/);
    const etag = String(document.headers["etag"]);
    assert.equal((await ask("GET", url, { headers: { "if-none-match": etag } })).status, 304);
    assert.equal((await ask("GET", "/openapi/v3/apis/apps/v1?hash=OLD")).headers["location"], url);
    assert.equal((await ask("GET", "/openid/v1/jwks")).status, 200);
  }));

test("startApiServer sends long lists in pieces, whole and readable in every form", () =>
  withApiServer(async ({ ask, open }) => {
    const names = Array.from({ length: 120 }, (_, index) => `m${String(index).padStart(3, "0")}`);
    for (const name of names) await ask("POST", MAPS, { body: map(name, { k: "y".repeat(3000) }) });
    const plain = await ask("GET", MAPS);
    assert.deepEqual(
      plain.json.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
      names,
    );
    assert.equal(plain.headers["content-length"], undefined);
    const response = await open("GET", MAPS, { headers: { "accept-encoding": "gzip" } });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    assert.equal(gunzipSync(Buffer.concat(chunks)).toString(), plain.text);
    const pretty = await ask("GET", `${MAPS}?pretty=true`);
    assert.deepEqual(pretty.json, plain.json);
    const table = await ask("GET", `${MAPS}?includeObject=Object`, { headers: { accept: TABLE } });
    assert.equal(table.json.rows.length, names.length);
    const left = await open("GET", MAPS);
    left.destroy();
    assert.equal((await ask("GET", "/readyz")).status, 200);
  }));
