import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import type { Verdict } from "#policy/verdict.ts";
import type { PolicyCase } from "../policy-test.ts";
import { judge, type Seen } from "./judge.ts";

const [web, db] = [parseAddress("10.244.1.10"), parseAddress("10.244.2.10")];
const flow = { family: 4, source: web, destination: db, protocol: "TCP", port: 80 } as const;
const open = {
  direction: "egress",
  pod: "a/web",
  allowed: true,
  reason: { kind: "no policy" },
  passed: [],
  nearest: undefined,
} as const;
const isolation = { kind: "isolation", policies: ["networkpolicy/a/db"] } as const;
const allow: Verdict = { flow, allowed: true, egress: open, ingress: { ...open, direction: "ingress", pod: "a/db" } };
const deny: Verdict = { ...allow, allowed: false, ingress: { ...allow.ingress, allowed: false, reason: isolation } };
const answered = { kind: "answered", seen: web } as const;
const silent = { kind: "silent" } as const;
const drop = { node: "node-1", place: "inet podwire-policy x handle 1", reason: "isolation", verdict: "drop" } as const;
const world = { namespaces: new Map(), pods: new Map(), nodes: new Map(), policies: new Map() };
const seen: Seen = { world, answer: answered, proofs: [], control: undefined, isComplete: true };
const dropped: Seen = { ...seen, answer: silent, proofs: [drop], control: answered };
const unseen: Seen = { ...dropped, proofs: [] };
const end = (name: string) => ({ kind: "pod", namespace: "a", name }) as const;

function one(expect: PolicyCase["expect"], because?: string): PolicyCase {
  return {
    from: end("web"),
    to: end("db"),
    port: 80,
    protocol: "TCP",
    expect,
    because,
    source: { file: "t", line: 1 },
  };
}

const JUDGED: readonly (readonly [
  title: string,
  given: PolicyCase,
  verdict: Verdict,
  seen: Seen,
  status: string,
  problem?: RegExp,
])[] = [
  ["an answer where one is expected", one("allow"), allow, seen, "passed"],
  ["a drop where one is expected", one("deny"), deny, dropped, "passed"],
  ["silence where somebody would tell of rules", one("deny"), deny, unseen, "inconclusive", /no node told of a rule/],
  ["silence where nobody tells of rules", one("deny"), deny, { ...unseen, isSilenceDeny: true }, "passed"],
  [
    "silence where nobody tells of rules, nor answers without policies",
    one("deny"),
    deny,
    { ...unseen, isSilenceDeny: true, control: silent },
    "inconclusive",
    /not answered without policies either/,
  ],
  ["an answer where none is expected", one("deny"), allow, seen, "failed", /expected deny, but it is answered/],
  [
    "a drop where an answer is expected",
    one("allow"),
    deny,
    dropped,
    "failed",
    /expected allow, but the kernel drops it/,
  ],
  ["a drop for the given reason", one("deny", "networkpolicy/a/db"), deny, dropped, "passed"],
  ["a drop for isolation", one("deny", "isolation"), deny, dropped, "passed"],
  [
    "a drop for another reason",
    one("deny", "networkpolicy/a/x"),
    deny,
    dropped,
    "failed",
    /because of isolation, networkpolicy\/a\/db, not of networkpolicy\/a\/x/,
  ],
  [
    "an answer that no policy is the reason of",
    one("allow", "networkpolicy/a/x"),
    allow,
    seen,
    "failed",
    /because of no policy at all/,
  ],
  [
    "a drop without a control",
    one("deny"),
    deny,
    { ...dropped, control: silent },
    "inconclusive",
    /not answered without policies either/,
  ],
  ["silence without a drop", one("deny"), deny, { ...dropped, proofs: [] }, "inconclusive", /no node told of a rule/],
  [
    "silence with lost events",
    one("deny"),
    deny,
    { ...dropped, proofs: [], isComplete: false },
    "inconclusive",
    /more events than/,
  ],
  [
    "a refusal without a drop",
    one("deny"),
    deny,
    { ...dropped, proofs: [], answer: { kind: "refused", code: "ECONNREFUSED", message: "refused" } },
    "inconclusive",
    /by no rule/,
  ],
  [
    "a kernel that allows what the model denies",
    one("allow"),
    deny,
    seen,
    "inconclusive",
    /lets it through, the model says deny/,
  ],
  [
    "a kernel that denies what the model allows",
    one("deny"),
    allow,
    dropped,
    "inconclusive",
    /drops it, the model says allow/,
  ],
  [
    "a drop by another rule than the model's",
    one("deny"),
    deny,
    { ...dropped, proofs: [{ ...drop, reason: "unknown pod" }] },
    "inconclusive",
    /for "unknown pod", the model for "isolation"/,
  ],
  [
    "an answer to a translated address",
    one("allow"),
    allow,
    { ...seen, answer: { kind: "answered", seen: db } },
    "inconclusive",
    /translates addresses/,
  ],
];

for (const [title, given, verdict, evidence, status, problem] of JUDGED) {
  test(`judge: ${title} is ${status}`, () => {
    const result = judge(given, verdict, evidence);
    assert.equal(result.status, status);
    if (problem === undefined) assert.equal(result.problem, undefined);
    else assert.match(result.problem ?? "", problem);
  });
}
