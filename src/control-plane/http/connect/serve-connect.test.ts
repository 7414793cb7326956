import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { type FakeKubelet, startFakeKubelet } from "../testing/start-fake-kubelet.ts";
import { readReply, type TestServer, withApiServer } from "../testing/with-api-server.ts";

const PODS = "/api/v1/namespaces/default/pods";

async function withKubelet(body: (server: TestServer, kubelet: FakeKubelet) => Promise<void>): Promise<void> {
  await withApiServer(async (server) => {
    await using kubelet = await startFakeKubelet(server.pki);
    const node = {
      metadata: { name: "n1" },
      status: {
        addresses: [
          { type: "Hostname", address: "n1" },
          { type: "InternalIP", address: "127.0.0.1" },
        ],
        daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
      },
    };
    await create(server, "/api/v1/nodes", node);
    for (const name of ["web", "waiting", "broken"]) await create(server, PODS, podOn("n1", name, ["c"]));
    await create(server, PODS, podOn(undefined, "nowhere", ["c"]));
    await create(server, PODS, podOn("n1", "two", ["a", "b"]));
    await create(server, PODS, podOn("gone", "lost", ["c"]));
    await body(server, kubelet);
  });
}

function podOn(nodeName: string | undefined, name: string, containers: readonly string[]) {
  const spec = { nodeName, containers: containers.map((container) => ({ name: container, image: "x" })) };
  return { metadata: { name }, spec, status: { podIP: "127.0.0.1" } };
}

async function create({ ask }: TestServer, path: string, object: object): Promise<void> {
  assert.equal((await ask("POST", path, { body: JSON.stringify(object) })).status, 201);
}

test("servePodLog gives what the kubelet gives, with the options and our client certificate", () =>
  withKubelet(async ({ ask }, kubelet) => {
    const reply = await ask("GET", `${PODS}/web/log?tailLines=10&timestamps=true&bogus=1`);
    assert.deepEqual([reply.status, reply.text, reply.headers["content-type"]], [200, "hello\n", "text/plain"]);
    assert.deepEqual(kubelet.requests, [
      {
        line: "GET /containerLogs/default/web/c?timestamps=true&tailLines=10",
        client: "kube-apiserver-kubelet-client",
      },
    ]);
    const nowhere = await ask("GET", `${PODS}/nowhere/log`);
    assert.deepEqual([nowhere.status, nowhere.text], [200, ""]);
  }));

test("servePodLog follows as lines come", () =>
  withKubelet(async ({ open }, kubelet) => {
    const response = await open("GET", `${PODS}/web/log?follow=true`);
    response.setEncoding("utf8");
    const lines = response[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "hello\n");
    kubelet.log("more");
    assert.equal((await lines.next()).value, "more\n");
    kubelet.endLogs();
    assert.equal((await lines.next()).done, true);
  }));

for (const [path, status, reason, message] of [
  ["waiting/log", 400, "BadRequest", 'container "c" in pod "waiting" is waiting to start: ContainerCreating'],
  ["absent/log", 404, "NotFound", 'pods "absent" not found'],
  ["two/log", 400, "BadRequest", "a container name must be specified for pod two, choose one of: [a b]"],
  ["two/log?container=x", 400, "BadRequest", "container x is not valid for pod two"],
  ["lost/log", 404, "NotFound", 'nodes "gone" not found'],
  ["nowhere/exec", 400, "BadRequest", "pod nowhere does not have a host assigned"],
  ["web/exec", 400, "BadRequest", "Upgrade request required"],
] as const) {
  test(`serveConnect refuses ${path} with a Status`, () =>
    withKubelet(async ({ ask }) => {
      const { json } = await ask("GET", `${PODS}/${path}`);
      assert.deepEqual([json.code, json.reason, json.message], [status, reason, message]);
    }));
}

function webSocketTo({ port, pki }: TestServer, path: string): WebSocket {
  return new WebSocket(`wss://127.0.0.1:${port}${path}`, ["v5.channel.k8s.io"], {
    ca: pki.certificateAuthority,
    cert: pki.admin.certificate,
    key: pki.admin.key,
  });
}

test("servePodStream joins a WebSocket with the kubelet's", () =>
  withKubelet(async (server, kubelet) => {
    const path = `${PODS}/web/exec?command=sh&command=-c&command=ls+%2F&stdin=true&stdout=true&tty=true`;
    const client = webSocketTo(server, path);
    await once(client, "open");
    assert.equal(client.protocol, "v5.channel.k8s.io");
    const big = Buffer.alloc(300_000, 7);
    for (const data of [Buffer.from([0, 1, 2]), big]) {
      client.send(data);
      const [echo] = await once(client, "message");
      assert.deepEqual(echo, data);
    }
    assert.equal(
      kubelet.requests.at(-1)?.line,
      "GET /exec/default/web/c?input=1&output=1&tty=1&command=sh&command=-c&command=ls+%2F",
    );
    const closed = once(client, "close");
    client.close(1000);
    assert.equal((await closed)[0], 1000);
  }));

test("a server that stops ends streams and followed logs at once", (context) =>
  withKubelet(async (server) => {
    const client = webSocketTo(server, `${PODS}/web/exec?command=sh&stdin=true`);
    await once(client, "open");
    const response = await server.open("GET", `${PODS}/web/log?follow=true`);
    await once(response, "data");
    const ends = [client, response].map((stream) => {
      stream.on("error", () => undefined); // cut off
      return new Promise((resolve) => stream.on("close", resolve));
    });
    // The deadline for those that do not end by themselves never comes.
    context.mock.timers.enable({ apis: ["setTimeout"] });
    await Promise.all([server.server[Symbol.asyncDispose](), ...ends]);
    context.mock.timers.reset();
  }));

test("servePodStream gives the kubelet's refusal as a Status before the upgrade", () =>
  withKubelet(async (server) => {
    const client = webSocketTo(server, `${PODS}/broken/exec?command=ls&stdout=true`);
    const [, response] = await once(client, "unexpected-response");
    const { status, json } = await readReply(response);
    assert.deepEqual([status, json.kind, json.reason, json.message], [404, "Status", "NotFound", "not there"]);
  }));

test("servePodStream asks who it is before it connects", () =>
  withKubelet(async (server, kubelet) => {
    const jane = await server.pki.issueClient({ commonName: "jane", organizations: [] });
    const client = new WebSocket(`wss://127.0.0.1:${server.port}${PODS}/web/exec?command=ls`, {
      ca: server.pki.certificateAuthority,
      cert: jane.certificate,
      key: jane.key,
    });
    const [, response] = await once(client, "unexpected-response");
    const { json } = await readReply(response);
    assert.match(json.message, /User "jane" cannot get resource "pods\/exec"/);
    assert.deepEqual(kubelet.requests, []);
  }));

test("servePodStream passes SPDY bytes both ways for POST", () =>
  withKubelet(async ({ port, pki }, kubelet) => {
    const request = httpsRequest({
      host: "127.0.0.1",
      port,
      method: "POST",
      path: `${PODS}/web/portforward`,
      ca: pki.certificateAuthority,
      cert: pki.admin.certificate,
      key: pki.admin.key,
      headers: {
        connection: "Upgrade",
        upgrade: "SPDY/3.1",
        "x-stream-protocol-version": ["portforward.k8s.io"],
        "content-length": "0",
        authorization: "Bearer secret",
      },
    });
    request.end();
    const [response, socket] = await once(request, "upgrade");
    assert.equal(response.headers["x-stream-protocol-version"], "portforward.k8s.io");
    socket.write("\x80\x03raw");
    const [echo] = await once(socket, "data");
    assert.equal(echo.toString(), "\x80\x03raw".toString());
    assert.equal(kubelet.requests.at(-1)?.line, "POST /portForward/default/web");
    socket.destroy();
  }));

test("serveProxy forwards to pods, and to a service's endpoints, without credentials", () =>
  withKubelet(async (server) => {
    const seen: string[] = [];
    const backend = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.writeHead(202, { "x-mine": "1" });
      request.pipe(response);
    });
    backend.listen(0, "127.0.0.1");
    await once(backend, "listening");
    try {
      const { port } = backend.address() as AddressInfo;
      const headers = { authorization: "Bearer x" };
      const reply = await server.ask("POST", `${PODS}/web:${port}/proxy/a%20b?q=1`, { body: "echo", headers });
      assert.deepEqual([reply.status, reply.text, reply.headers["x-mine"]], [202, "echo", "1"]);
      const meta = { name: "svc" };
      const services = "/api/v1/namespaces/default/services";
      await create(server, services, { metadata: meta, spec: { ports: [{ name: "http", port: 80 }] } });
      await create(server, "/api/v1/namespaces/default/endpoints", {
        metadata: meta,
        subsets: [{ addresses: [{ ip: "127.0.0.1" }], ports: [{ name: "http", port }] }],
      });
      for (const name of ["svc", "svc:http", "http:svc:80"]) {
        assert.equal((await server.ask("GET", `${services}/${name}/proxy/`)).status, 202, name);
      }
      assert.equal((await server.ask("GET", `${services}/svc:other/proxy/`)).status, 503);
      assert.deepEqual(seen.slice(0, 2), ["POST /a%20b?q=1 undefined", "GET / undefined"]);
    } finally {
      backend.close();
      backend.closeAllConnections();
    }
  }));

test("serveProxy reaches a node's kubelet", () =>
  withKubelet(async ({ ask }, kubelet) => {
    assert.equal((await ask("GET", "/api/v1/nodes/n1/proxy/containerLogs/default/web/c")).text, "hello\n");
    assert.equal(kubelet.requests.at(-1)?.client, "kube-apiserver-kubelet-client");
  }));
