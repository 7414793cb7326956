import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "dns-packet";
import fc from "fast-check";
import { RCODE } from "../message/parse-query.ts";
import { askResponder, question, withEdns } from "../testing/ask-responder.ts";
import { serviceObject, sliceObject, testZone } from "../testing/dns-objects.ts";
import type { ClusterZone } from "../zone/create-cluster-zone.ts";
import { createResponder, type Responder } from "./create-responder.ts";
import { createDnsCounters } from "./dns-counters.ts";

const WEB = "web.default.svc.cluster.local";
const MANY = "many.default.svc.cluster.local";

function scene(): { readonly zone: ClusterZone; readonly responder: Responder } {
  const zone = testZone();
  zone.setService(
    serviceObject("default/web", { clusterIP: "10.3.0.1", ports: [{ name: "http", protocol: "TCP", port: 80 }] }),
  );
  zone.setService(serviceObject("default/many", { clusterIP: "None" }));
  const endpoints = Array.from({ length: 100 }, (_, index) => ({ address: `10.1.0.${index + 1}` }));
  zone.setSlice(sliceObject({ service: "default/many", endpoints }));
  const onError = (error: unknown): never => assert.fail(String(error));
  return { zone, responder: createResponder({ zone, counters: createDnsCounters(), onError }) };
}

test("createResponder gives the question back as it came, and the record behind it", async () => {
  const { responder } = scene();
  const name = "wEB.DEfault.svc.Cluster.LOCAL";
  for (const round of ["made", "kept"]) {
    const answer = await askResponder(responder, question(name, "A"));
    assert.equal(answer.id, 4711, round);
    assert.deepEqual(answer.questions, [{ name, type: "A", class: "IN" }]);
    assert.deepEqual(
      answer.answers?.map((each) => ("data" in each ? [each.name, each.type, each.data] : [])),
      [[name, "A", "10.3.0.1"]],
    );
    assert.deepEqual([answer.flag_aa, answer.flag_rd, answer.flag_ra, answer.flag_tc], [true, true, false, false]);
    assert.equal(answer.additionals?.length, 0);
  }
});

test("createResponder says that a name is not there, and for how long", async () => {
  const { responder } = scene();
  for (const [name, rcode] of [
    [WEB, RCODE.noError],
    [`no.${WEB}`, RCODE.nameError],
  ] as const) {
    const answer = await askResponder(responder, question(name, "AAAA"));
    assert.equal(answer.code, rcode);
    assert.equal(answer.answers?.length, 0);
    const [soa] = answer.authorities ?? [];
    assert.ok(soa?.type === "SOA" && soa.name === "cluster.local" && soa.data.minimum === 5);
  }
});

test("createResponder answers with what is true now", async () => {
  const { zone, responder } = scene();
  const late = "late.default.svc.cluster.local";
  assert.equal((await askResponder(responder, question(late, "A"))).code, RCODE.nameError);
  zone.setService(serviceObject("default/late", { clusterIP: "10.3.0.5" }));
  assert.equal((await askResponder(responder, question(late, "A"))).answers?.length, 1);
  zone.deleteService(serviceObject("default/late", {}));
  assert.equal((await askResponder(responder, question(late, "A"))).code, RCODE.nameError);
});

test("createResponder cuts what a datagram does not carry, and says so", async () => {
  const { responder } = scene();
  const sizes = {
    plain: question(MANY, "A"),
    edns: question(MANY, "A", withEdns(4096)),
    small: question(MANY, "A", withEdns(600)),
  };
  for (const [limit, bytes] of [
    [512, sizes.plain],
    [1232, sizes.edns],
    [600, sizes.small],
  ] as const) {
    const answer = await askResponder(responder, bytes);
    assert.equal(answer.flag_tc, true);
    assert.ok(answer.bytes.length <= limit && answer.bytes.length > limit - 16, `${answer.bytes.length} of ${limit}`);
  }
  const whole = await askResponder(responder, sizes.plain, "tcp");
  assert.deepEqual([whole.flag_tc, whole.answers?.length], [false, 100]);
});

test("createResponder starts with another address each time, and leaves none out", async () => {
  const { responder } = scene();
  const first = new Set<string>();
  for (let turn = 0; turn < 5; turn++) {
    const { answers = [] } = await askResponder(responder, question(MANY, "A"), "tcp");
    const addresses = answers.map((each) => ("data" in each ? String(each.data) : ""));
    assert.equal(new Set(addresses).size, 100);
    first.add(addresses[0] ?? "");
  }
  assert.equal(first.size, 5);
});

test("createResponder refuses names of others when it knows nobody to ask, and tells why", async () => {
  const { responder } = scene();
  const answer = await askResponder(responder, question("example.com", "A", withEdns(1232)));
  assert.equal(answer.code, RCODE.refused);
  assert.match(answer.bytes.toString("latin1"), /no name servers of other names/);
  const reverse = await askResponder(responder, question("9.9.9.9.in-addr.arpa", "PTR"));
  assert.equal(reverse.code, RCODE.nameError);
});

test("createResponder speaks EDNS0 to those who do, in version 0", async () => {
  const { responder } = scene();
  const answer = await askResponder(responder, question(WEB, "A", withEdns(1232)));
  assert.deepEqual(
    answer.additionals?.map(({ type }) => type),
    ["OPT"],
  );
  const later = await askResponder(responder, question(WEB, "A", withEdns(1232, 1)));
  const [opt] = later.additionals ?? [];
  assert.ok(opt?.type === "OPT" && opt.extendedRcode === 1 && opt.ednsVersion === 0);
  assert.equal(later.code, RCODE.badVersion & 0xf);
});

const WRONG: readonly (readonly [what: string, bytes: (valid: Buffer) => Buffer, code: number | undefined])[] = [
  ["nothing", () => Buffer.alloc(0), undefined],
  ["less than a header", (valid) => valid.subarray(0, 11), undefined],
  ["an answer", (valid) => patch(valid, 2, 0x81), undefined],
  ["another operation", (valid) => patch(valid, 2, 0x28), RCODE.notImplemented],
  ["no question", (valid) => patch(valid, 5, 0), RCODE.formatError],
  ["two questions", (valid) => patch(valid, 5, 2), RCODE.formatError],
  ["half a question", (valid) => valid.subarray(0, valid.length - 3), RCODE.formatError],
  ["a name that points to itself", (valid) => patch(patch(valid, 12, 0xc0), 13, 12), RCODE.formatError],
  ["a label beyond the end", (valid) => patch(valid, 12, 63), RCODE.formatError],
  ["a label of a reserved kind", (valid) => patch(valid, 12, 0x80), RCODE.formatError],
  ["records that are not there", (valid) => patch(valid, 11, 9), RCODE.formatError],
  ["another class", (valid) => patch(valid, valid.length - 1, 3), RCODE.refused],
  ["a transfer", (valid) => patch(valid, valid.length - 3, 252), RCODE.refused],
  [
    "two OPT records",
    () =>
      question(WEB, "A", { additionals: [...(withEdns(512).additionals ?? []), ...(withEdns(512).additionals ?? [])] }),
    RCODE.formatError,
  ],
];

function patch(bytes: Buffer, offset: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[offset] = value;
  return copy;
}

for (const [what, make, code] of WRONG) {
  test(`createResponder answers ${what} with ${code ?? "nothing"}`, async () => {
    const bytes = make(question(WEB, "A"));
    const response = await scene().responder.respond(bytes, "10.1.0.7", "udp");
    assert.equal(response === undefined ? undefined : response.readUInt16BE(2) & 0xf, code);
    assert.ok((response?.length ?? 0) <= Math.max(bytes.length, 12), "it is no longer than the query");
  });
}

test("createResponder answers a question for everything shortly", async () => {
  const bytes = question(MANY, "A");
  const answer = await askResponder(scene().responder, patch(bytes, bytes.length - 3, 255));
  assert.deepEqual(
    answer.answers?.map(({ type }) => type),
    ["HINFO"],
  );
});

test("createResponder survives all bytes, and what it sends is well-formed and within the limit", async () => {
  const { responder } = scene();
  const valid = question(WEB, "A", withEdns(1232));
  const mutated = fc
    .array(fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 })
    .map((changes) => changes.reduce((bytes, [offset, value]) => patch(bytes, offset, value), valid));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 80 }).map((raw) => Buffer.from(raw)),
    mutated,
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (sent) => {
      const response = await responder.respond(sent, "10.1.0.7", "udp");
      if (response === undefined) return;
      assert.ok(response.length <= 1232);
      assert.equal(response.readUInt16BE(0), sent.readUInt16BE(0));
      if (response.readUInt16BE(4) === 1) decode(response);
    }),
    { numRuns: 3000 },
  );
});
