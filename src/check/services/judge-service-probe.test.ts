import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { judgeServiceProbe, type ServiceAttempt } from "./judge-service-probe.ts";
import type { Expectation, ServiceProbe } from "./plan-service-probes.ts";

const one = { address: parseAddress("10.0.0.1"), port: 8080 };
const two = { address: parseAddress("10.0.1.1"), port: 8080 };
const client = parseAddress("10.0.0.9");
const frontend = { kind: "clusterIP", address: parseAddress("10.96.0.1"), port: 80, traffic: "cluster" } as const;
const connects: Expectation = { kind: "connects", backends: [one, two], source: "client" };

function probe(expected: Expectation, spread?: "all" | "one"): ServiceProbe {
  return {
    ...{ check: "cluster-ip", family: 4, service: "default/web", frontend, address: frontend.address, node: "n1" },
    port: {
      ...{ id: "default/web:/TCP/4", family: 4, protocol: "TCP", frontends: [frontend] },
      ...{ cluster: [one, two], local: [] },
    },
    client: { kind: "pod", name: "pod default/a", netnsPath: "/ns/a", addresses: [client] },
    ...{ expected, spread, connections: 2 },
  };
}

const to = (
  backend: typeof one,
  outcome: ServiceAttempt["outcome"] = "connected",
  source = client,
): ServiceAttempt => ({
  outcome,
  translation: { backend, source },
});
const refused: Expectation = { kind: "refused", why: "there are no endpoints" };
const dropped: Expectation = { kind: "dropped", why: "only local ones count" };

const CASES: readonly (readonly [string, ServiceProbe, readonly ServiceAttempt[], string | undefined])[] = [
  ["what has to be", probe(connects, "all"), [to(one), to(two)], undefined],
  ["a refusal that has to be", probe(refused), [{ outcome: "refused" }], undefined],
  ["silence that has to be", probe(dropped), [{ outcome: "silent" }], undefined],
  ["a datagram that is dropped", probe(dropped), [{ outcome: "sent" }], undefined],
  [
    "one that is not seen",
    probe(connects, "all"),
    [to(one), to(one)],
    "distribution: none of 2 connections reached 10.0.1.1:8080",
  ],
  [
    "affinity that is not kept",
    probe(connects, "one"),
    [to(one), to(two)],
    "affinity: 2 connections of one client went to 10.0.0.1:8080 and 10.0.1.1:8080",
  ],
  [
    "a stranger as endpoint",
    probe(connects),
    [to({ ...one, port: 1 })],
    "cluster-ip: it went to 10.0.0.1:1, which is no endpoint",
  ],
  ["a missing translation", probe(connects), [{ outcome: "refused" }], "cluster-ip: it was refused and not translated"],
  [
    "an untranslated packet",
    probe(connects),
    [to({ address: frontend.address, port: 80 }, "silent")],
    "cluster-ip: nobody translates it (not answered)",
  ],
  [
    "an endpoint that does not listen",
    probe(connects),
    [to(one, "refused")],
    "cluster-ip: it was translated to 10.0.0.1:8080 and refused: nothing listens on TCP port 8080 there",
  ],
  [
    "another source",
    probe(connects),
    [to(one, "connected", parseAddress("10.0.0.254"))],
    "source-address: 10.0.0.1:8080 sees 10.0.0.254 and not the client",
  ],
  [
    "an answer where none may be",
    probe(refused),
    [to(one)],
    "cluster-ip: it was connected; it has to be refused: there are no endpoints",
  ],
  [
    "silence instead of a refusal",
    probe(refused),
    [{ outcome: "silent" }],
    "cluster-ip: it was not answered; it has to be refused",
  ],
  [
    "a connection that has to be dropped",
    probe(dropped),
    [to(one)],
    "cluster-ip: it was connected; it has to be dropped: only local ones count",
  ],
];

for (const [title, planned, attempts, expected] of CASES) {
  test(`judgeServiceProbe judges ${title}`, () => {
    const findings = judgeServiceProbe(planned, attempts);
    if (expected === undefined) {
      assert.deepEqual(findings, []);
      return;
    }
    const finding = findings[0] ?? assert.fail("nothing was found");
    const where = "Service default/web, clusterIP 10.96.0.1:80/TCP from pod default/a on n1: ";
    assert.equal(findings.length, 1);
    assert.ok(finding.message.startsWith(where), finding.message);
    const text = `${finding.check}: ${finding.message.slice(where.length)}`;
    assert.ok(text.startsWith(expected), text);
  });
}

test("judgeServiceProbe lets a pod reach itself by another source", () => {
  const own = { address: client, port: 8080 };
  const expected: Expectation = { kind: "connects", backends: [own], source: "client" };
  assert.deepEqual(judgeServiceProbe(probe(expected), [to(own, "connected", parseAddress("10.0.0.254"))]), []);
});
