import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parsePrefix } from "#base/ip-address.ts";
import type { KeyPair } from "./pki/sign-certificate.ts";
import { type ControlPlane, startControlPlane } from "./start-control-plane.ts";
import { createSqliteStore } from "./store/sqlite/sqlite-store.ts";

const SILENT = { info: () => undefined, error: () => undefined };

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "control-plane-"));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const start = (directory: string): Promise<ControlPlane> =>
  startControlPlane({
    listen: { host: "127.0.0.1", port: 0 },
    dataDirectory: directory,
    store: createSqliteStore({ path: join(directory, "store.db") }),
    serverNames: [],
    serviceCidrs: [parsePrefix("10.96.0.0/16")],
    staticTokens: [{ token: "secret", user: { name: "jane", groups: [] } }],
    defaultAccountWaitMs: 0,
    podwireVersion: "0.0.0",
    log: SILENT,
  });

interface Ask {
  readonly pair?: KeyPair;
  readonly token?: string;
  readonly body?: object;
}

async function ask({ server, pki }: ControlPlane, method: string, path: string, { pair, token, body }: Ask) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request({
    host: server.host,
    port: server.port,
    method,
    path,
    agent: false,
    ca: pki.certificateAuthority,
    ...(pair !== undefined && { cert: pair.certificate, key: pair.key }),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  outgoing.on("response", resolve).on("error", reject);
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const response = await promise;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, json: JSON.parse(Buffer.concat(chunks).toString()) };
}

const NAMESPACE = "/api/v1/namespaces/default";

test("startControlPlane starts with namespaces and roles, and keeps what was written over a restart", () =>
  withDirectory(async (directory) => {
    let uid = "";
    {
      await using plane = await start(directory);
      const pair = plane.pki.admin;
      const { json } = await ask(plane, "GET", "/api/v1/namespaces", { pair });
      assert.deepEqual(
        json.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
        ["default", "kube-node-lease", "kube-public", "kube-system"],
      );
      const created = await ask(plane, "POST", `${NAMESPACE}/configmaps`, { pair, body: { metadata: { name: "a" } } });
      assert.equal(created.status, 201);
      uid = created.json.metadata.uid;
    }
    await using plane = await start(directory);
    const read = await ask(plane, "GET", `${NAMESPACE}/configmaps/a`, { pair: plane.pki.admin });
    assert.equal(read.json.metadata.uid, uid);
  }));

test("startControlPlane lets people do what roles allow, and accounts who they are", () =>
  withDirectory(async (directory) => {
    await using plane = await start(directory);
    const pair = plane.pki.admin;
    const token = "secret";
    assert.equal((await ask(plane, "GET", `${NAMESPACE}/pods`, { token })).status, 403);
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };
    const bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    const subjects = [{ kind: "User", name: "jane", apiGroup: "rbac.authorization.k8s.io" }];
    await ask(plane, "POST", bindings, { pair, body: { metadata: { name: "b" }, roleRef, subjects } });
    assert.equal((await ask(plane, "GET", `${NAMESPACE}/pods`, { token })).status, 200);
    assert.equal((await ask(plane, "GET", `${NAMESPACE}/secrets`, { token })).status, 403);
    const accounts = `${NAMESPACE}/serviceaccounts`;
    await ask(plane, "POST", accounts, { pair, body: { metadata: { name: "bot" } } });
    const issued = await ask(plane, "POST", `${accounts}/bot/token`, { pair, body: {} });
    assert.equal(issued.status, 201);
    const review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const bot = { token: issued.json.status.token };
    const who = await ask(plane, "POST", review, { ...bot, body: {} });
    assert.equal(who.json.status.userInfo.username, "system:serviceaccount:default:bot");
    await ask(plane, "DELETE", `${accounts}/bot`, { pair });
    assert.equal((await ask(plane, "POST", review, { ...bot, body: {} })).status, 401);
  }));
