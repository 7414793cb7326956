import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { ResourceApi } from "../resources/resource-api.ts";
import { createInFlightLimit } from "./in-flight-limit.ts";
import { createMemoryResourceApi } from "./testing/memory-resource-api.ts";
import { type TestServer, withApiServer } from "./testing/with-api-server.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

async function rawTls({ port, pki }: TestServer) {
  const { certificate, key } = pki.admin;
  const socket = connectTls({ host: "127.0.0.1", port, ca: pki.certificateAuthority, cert: certificate, key });
  await once(socket, "secureConnect");
  return socket;
}

test("startListener speaks HTTP/2", () =>
  withApiServer(async ({ port, pki }) => {
    const { certificate, key } = pki.admin;
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: pki.certificateAuthority, cert: certificate, key });
    const post = session.request({ ":method": "POST", ":path": MAPS });
    post.end('{"metadata":{"name":"a"}}');
    assert.equal((await once(post, "response"))[0][":status"], 201);
    post.resume();
    const tooLarge = session.request({ ":method": "POST", ":path": MAPS });
    tooLarge.on("error", () => undefined);
    tooLarge.end(Buffer.alloc(4 * 1024 * 1024));
    assert.equal((await once(tooLarge, "response"))[0][":status"], 413);
    tooLarge.close();
    const list = session.request({ ":path": MAPS });
    assert.equal((await once(list, "response"))[0][":status"], 200);
    list.resume();
    session.destroy();
  }));

test("startListener goes on after clients that send nonsense or leave", () =>
  withApiServer(async (server) => {
    const nonsense = await rawTls(server);
    nonsense.write("NONSENSE\r\n\r\n");
    const [answer] = await once(nonsense, "data");
    assert.match(answer.toString(), /^HTTP\/1\.1 400 Bad Request/);
    const plain = connectTcp({ host: "127.0.0.1", port: server.port });
    plain.write("GET / HTTP/1.1\r\n\r\n");
    await once(plain, "close");
    const leaving = await rawTls(server);
    leaving.write(`POST ${MAPS} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"meta`);
    leaving.destroy();
    assert.equal((await server.ask("GET", "/readyz")).status, 200);
  }));

test("startListener shows a renewed certificate to whoever connects from then on", () =>
  withApiServer(async (server) => {
    const before = await rawTls(server);
    const names = { commonName: "renewed", organizations: [], serverNames: ["127.0.0.1"] };
    const renewed = await server.pki.issueServing(names);
    server.server.useCertificates({ server: renewed, kubeletClient: server.pki.kubeletClient });
    const after = await rawTls(server);
    assert.deepEqual(
      [before, after].map((socket) => socket.getPeerCertificate().subject.CN),
      ["kube-apiserver", "renewed"],
    );
    for (const socket of [before, after]) socket.destroy();
    assert.equal((await server.ask("GET", MAPS)).status, 200);
  }));

test("startListener lets a request end before it stops", () => {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const memory = createMemoryResourceApi();
  const resourceApi: ResourceApi = {
    ...memory,
    async list(target, options, context) {
      entered.resolve();
      await release.promise;
      return await memory.list(target, options, context);
    },
  };
  return withApiServer(
    async ({ ask, server, port }) => {
      const reply = ask("GET", MAPS);
      await entered.promise;
      const stopped = server[Symbol.asyncDispose]();
      release.resolve();
      assert.equal((await reply).status, 200);
      await stopped;
      const late = connectTcp({ host: "127.0.0.1", port });
      assert.equal((await once(late, "error"))[0].code, "ECONNREFUSED");
    },
    { resourceApi },
  );
});

test("startListener says where it cannot listen", () =>
  withApiServer(async ({ port }) => {
    await assert.rejects(
      withApiServer(async () => undefined, { overrides: { listen: { host: "127.0.0.1", port } } }),
      new RegExp(`Cannot listen on 127.0.0.1:${port}`),
    );
  }));

test("createInFlightLimit refuses what is too much until something has ended", () => {
  const limit = createInFlightLimit({ reading: 1, writing: 1 });
  const first = limit.enter("reading");
  assert.throws(() => limit.enter("reading"), { reason: "TooManyRequests", details: { retryAfterSeconds: 1 } });
  limit.enter("writing");
  first[Symbol.dispose]();
  limit.enter("reading");
  assert.deepEqual([limit.reading, limit.writing], [1, 1]);
});
