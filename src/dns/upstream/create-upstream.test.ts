import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, decode, encode } from "dns-packet";
import fc from "fast-check";
import { RCODE } from "../message/parse-query.ts";
import { createResponder, type Responder } from "../server/create-responder.ts";
import { createDnsCounters } from "../server/dns-counters.ts";
import { askResponder, question, withEdns } from "../testing/ask-responder.ts";
import { serviceObject, testZone } from "../testing/dns-objects.ts";
import { startUpstream } from "../testing/upstream-server.ts";
import { createUpstream, type Upstream } from "./create-upstream.ts";
import type { UpstreamServer } from "./exchange.ts";
import { parseForwarded } from "./forwarded-message.ts";

interface Clock {
  ms: number;
}

function scene(
  servers: readonly UpstreamServer[],
  clock: Clock = { ms: 1000 },
): { responder: Responder; upstream: Upstream } {
  let serial = 1;
  const upstream = createUpstream({ servers, clock: () => clock.ms, random: () => serial++, timeoutMs: 200 });
  const zone = testZone();
  zone.setService(serviceObject("default/web", { clusterIP: "10.3.0.1" }));
  zone.setService(serviceObject("default/outside", { type: "ExternalName", externalName: "www.example.com" }));
  const onError = (error: unknown): never => assert.fail(String(error));
  return { upstream, responder: createResponder({ zone, upstream, counters: createDnsCounters(), onError }) };
}

const ADDRESS: Answer = { name: "www.example.com", type: "A", ttl: 60, data: "192.0.2.1" };

function reply(query: Buffer, answers: readonly Answer[], { rcode = 0, truncated = false } = {}): Buffer {
  const { id, questions = [] } = decode(query);
  const flags = 0x180 | (truncated ? 0x200 : 0) | rcode;
  return encode({
    type: "response",
    ...(id !== undefined && { id }),
    flags,
    questions,
    answers: [...answers],
    ...withEdns(4096),
  });
}

const dataOf = (answers: readonly Answer[] = []): readonly unknown[] =>
  answers.map((each) => ("data" in each ? each.data : ""));

test("createUpstream asks once, and keeps the answer for as long as it may", async () => {
  await using there = await startUpstream((query) => reply(query, [ADDRESS]));
  const clock = { ms: 1000 };
  const { responder, upstream } = scene([there.server], clock);
  const bytes = question("www.Example.com", "A");
  const answers = await Promise.all([1, 2, 3].map(() => askResponder(responder, bytes)));
  for (const answer of answers) {
    assert.equal(answer.id, 4711);
    assert.deepEqual(dataOf(answer.answers), ["192.0.2.1"]);
    assert.deepEqual([answer.flag_aa, answer.flag_ra, answer.additionals?.length], [false, true, 0]);
    assert.equal(answer.questions?.[0]?.name, "www.Example.com");
  }
  assert.equal(there.asked.length, 1);
  assert.equal(upstream.counters.joined, 2);
  clock.ms += 25_000;
  const [later] = (await askResponder(responder, question("WWW.example.com", "A"))).answers ?? [];
  assert.ok(later?.type === "A" && later.ttl === 35);
  clock.ms += 36_000;
  await askResponder(responder, bytes);
  assert.equal(there.asked.length, 2);
});

test("createUpstream keeps that a name is not there for as long as the zone says", async () => {
  const soa = { mname: "a", rname: "b", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 7 };
  await using there = await startUpstream((query) => {
    const { id = 0, questions = [] } = decode(query);
    const authorities: Answer[] = [{ name: "example.com", type: "SOA", ttl: 600, data: soa }];
    return encode({ type: "response", id, flags: 0x180 | RCODE.nameError, questions, authorities });
  });
  const clock = { ms: 1000 };
  const { responder } = scene([there.server], clock);
  for (const [step, asked] of [
    [0, 1],
    [6_000, 1],
    [2_000, 2],
  ] as const) {
    clock.ms += step;
    const answer = await askResponder(responder, question("no.example.com", "A"));
    assert.equal(answer.code, RCODE.nameError);
    assert.equal(answer.authorities?.length, 1);
    assert.equal(there.asked.length, asked);
  }
});

test("createUpstream goes on with the next server when one is silent, and says so when all are", async () => {
  await using silent = await startUpstream(() => undefined);
  await using there = await startUpstream((query) => reply(query, [ADDRESS]));
  const first = scene([silent.server, there.server]);
  assert.deepEqual(dataOf((await askResponder(first.responder, question("a.example.com", "A"))).answers), [
    "192.0.2.1",
  ]);
  const heard = silent.asked.length;
  await askResponder(first.responder, question("b.example.com", "A"));
  assert.equal(silent.asked.length, heard, "the silent one is asked last");
  const { responder } = scene([silent.server]);
  const slow = askResponder(responder, question("a.example.com", "A", withEdns(1232)));
  const own = await askResponder(responder, question("web.default.svc.cluster.local", "A"));
  assert.equal(own.answers?.length, 1, "names of the cluster do not wait");
  const answer = await slow;
  assert.equal(answer.code, RCODE.serverFailure);
  assert.match(answer.bytes.toString("latin1"), /127\.0\.0\.1 did not answer/);
});

test("createUpstream takes no answer to another question or with another id", async () => {
  await using liar = await startUpstream((query) => {
    const wrong = reply(query, [ADDRESS]);
    wrong.writeUInt16BE((wrong.readUInt16BE(0) + 1) & 0xffff, 0);
    return wrong;
  });
  const { responder } = scene([liar.server]);
  assert.equal((await askResponder(responder, question("www.example.com", "A"))).code, RCODE.serverFailure);
});

test("createUpstream asks over TCP for what a datagram does not carry", async () => {
  const many = Array.from({ length: 60 }, (_, index): Answer => ({ ...ADDRESS, data: `192.0.2.${index}` }) as Answer);
  await using there = await startUpstream(
    (query) => reply(query, [], { truncated: true }),
    (query) => reply(query, many),
  );
  const { responder } = scene([there.server]);
  const cut = await askResponder(responder, question("www.example.com", "A"));
  assert.deepEqual([cut.flag_tc, cut.answers?.length], [true, 0]);
  assert.equal((await askResponder(responder, question("www.example.com", "A"), "tcp")).answers?.length, 60);
});

test("createUpstream finds the end of an ExternalName outside the cluster", async () => {
  await using there = await startUpstream((query) => reply(query, [ADDRESS]));
  const { responder } = scene([there.server]);
  const answer = await askResponder(responder, question("outside.default.svc.cluster.local", "A", withEdns(1232)));
  assert.deepEqual(dataOf(answer.answers), ["www.example.com", "192.0.2.1"]);
  assert.equal(decode(there.asked[0] ?? Buffer.alloc(0)).questions?.[0]?.name, "www.example.com");
});

test("parseForwarded reads or refuses any bytes", () => {
  const valid = reply(question("www.example.com", "A"), [
    ADDRESS,
    { ...ADDRESS, type: "CNAME", data: "a.example.com" },
  ]);
  const mutated = fc
    .array(fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 })
    .map((changes) => {
      const bytes = Buffer.from(valid);
      for (const [offset, value] of changes) bytes[offset] = value;
      return bytes;
    });
  fc.assert(
    fc.property(
      fc.oneof(
        mutated,
        fc.uint8Array({ maxLength: 60 }).map((raw) => Buffer.from(raw)),
      ),
      (bytes) => {
        const message = parseForwarded(bytes);
        assert.ok(message === undefined || message.bytes.length <= bytes.length);
      },
    ),
    { numRuns: 3000 },
  );
  assert.equal(parseForwarded(valid)?.ttlSeconds, 60);
});
