import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { decode } from "dns-packet";
import { RCODE } from "../message/parse-query.ts";
import { question } from "../testing/ask-responder.ts";
import { serviceObject, testZone } from "../testing/dns-objects.ts";
import { createResponder, type Responder } from "./create-responder.ts";
import { createDnsCounters } from "./dns-counters.ts";
import { holdUntilReady } from "./hold-until-ready.ts";
import { listenTcp } from "./listen-tcp.ts";
import { listenUdp } from "./listen-udp.ts";

const WEB = "web.default.svc.cluster.local";
const HOST = "127.0.0.1";

function webResponder(): Responder {
  const zone = testZone();
  zone.setService(serviceObject("default/web", { clusterIP: "10.3.0.1" }));
  return createResponder({ zone, counters: createDnsCounters(), onError: (error) => assert.fail(String(error)) });
}

function options(responder: Responder) {
  const onError = (error: unknown): never => assert.fail(String(error));
  return { address: HOST, port: 0, responder, onError, counters: createDnsCounters() };
}

const framed = (query: Buffer): Buffer => Buffer.concat([Buffer.from([query.length >> 8, query.length & 0xff]), query]);

/** Ids of all answers until the server closes, or `count` have come. */
async function readIds(socket: Socket, count: number): Promise<readonly number[]> {
  const ids: number[] = [];
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
      const end = received.readUInt16BE(0) + 2;
      ids.push(decode(received.subarray(2, end)).id ?? -1);
      received = received.subarray(end);
    }
    if (ids.length >= count) break;
  }
  return ids;
}

test("listenUdp answers whoever asks, and nothing to what is no query", async () => {
  await using server = await listenUdp(options(webResponder()));
  const client = createSocket("udp4");
  const answered = once(client, "message");
  client.send(Buffer.from("no query"), server.port, HOST);
  client.send(question(WEB, "A"), server.port, HOST);
  const [bytes] = await answered;
  assert.equal(decode(bytes).answers?.length, 1);
  client.close();
});

test("listenTcp answers queries that come behind each other and in pieces", async () => {
  await using server = await listenTcp(options(webResponder()));
  const socket = connect(server.port, HOST);
  const queries = Array.from({ length: 300 }, (_, id) => framed(question(WEB, "A", { id })));
  const all = Buffer.concat(queries);
  socket.write(all.subarray(0, 1001));
  socket.write(all.subarray(1001));
  assert.deepEqual(
    await readIds(socket, 300),
    Array.from({ length: 300 }, (_, id) => id),
  );
  socket.destroy();
});

test("listenTcp ends connections that are idle, too many, or no client's", async () => {
  const counters = createDnsCounters();
  const limits = { idleMs: 50, maxConnectionsOfClient: 1, counters };
  await using server = await listenTcp({ ...options(webResponder()), ...limits });
  const first = connect(server.port, HOST);
  await once(first, "connect");
  const second = connect(server.port, HOST);
  second.resume();
  await once(second, "close");
  assert.equal(counters.refusedConnections, 1);
  first.resume();
  await once(first, "close");
  const liar = connect(server.port, HOST);
  liar.resume();
  liar.write(Buffer.from([0xff, 0xff, 0]));
  await once(liar, "close");
});

test("holdUntilReady lets queries wait until their names are known", async () => {
  const responder = holdUntilReady(webResponder(), { domain: "cluster.local" });
  const waiting = responder.respond(question(WEB, "A"), HOST, "udp");
  assert.ok(waiting instanceof Promise);
  responder.open();
  assert.equal(decode(await waiting).answers?.length, 1);
  assert.ok(responder.respond(question(WEB, "A"), HOST, "udp") instanceof Buffer);
});

test("holdUntilReady gives up after a while, and never holds names of others", async () => {
  const responder = holdUntilReady(webResponder(), { domain: "cluster.local", waitMs: 1 });
  const late = await responder.respond(question(WEB, "A"), HOST, "udp");
  assert.equal((late?.readUInt16BE(2) ?? 0) & 0xf, RCODE.serverFailure);
  assert.ok(responder.respond(question("1.0.3.10.in-addr.arpa", "PTR"), HOST, "udp") instanceof Promise);
  assert.ok(responder.respond(question("example.com", "A"), HOST, "udp") instanceof Buffer);
  responder.open();
});

test("holdUntilReady gives up on the oldest when too many wait", async () => {
  const responder = holdUntilReady(webResponder(), { domain: "cluster.local" });
  const first = responder.respond(question(WEB, "A"), HOST, "udp");
  for (let index = 0; index < 2000; index++) void responder.respond(question(WEB, "A"), HOST, "udp");
  assert.equal(((await first)?.readUInt16BE(2) ?? 0) & 0xf, RCODE.serverFailure);
  responder.open();
});
