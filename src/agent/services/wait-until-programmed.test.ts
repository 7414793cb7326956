import assert from "node:assert/strict";
import { test } from "node:test";
import { lease } from "#api/kinds/lease.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { createObject } from "#api/kinds/testing/create-object.ts";
import { sampleService, sampleSlice } from "#service/testing/sample-service.ts";
import { formatAnswer, parseAnswer } from "./programmed-question.ts";
import { missingFamilies, missingNodes } from "./wait-until-programmed.ts";

const REQUIRED = { services: 10, endpointSlices: 12 };

function nodeOf(name: string, status = "True"): Node {
  const condition = { type: "Ready", status, reason: "x", message: "" };
  return createObject(nodeKind, { metadata: { name }, status: { conditions: [condition] } });
}

const answer = (node: string, services: number, endpointSlices: number, proxy: string | undefined = "nftables") => ({
  node,
  question: 5,
  proxy,
  programmed: { services, endpointSlices },
});

test("missingNodes names every ready node that has not got it, and why", () => {
  const names = ["behind", "done", "old", "other", "silent"];
  const nodes = [...names.map((name) => nodeOf(name)), nodeOf("down", "Unknown")];
  const answers = [
    answer("behind", 10, 11),
    answer("done", 10, 13),
    { ...answer("old", 99, 99), question: 4 },
    { ...answer("other", 0, 0), proxy: undefined },
  ];
  const missing = missingNodes(nodes, answers, { question: 5, required: REQUIRED });
  assert.deepEqual(
    missing.map(({ node, reason }) => `${node}: ${reason}`),
    [
      "behind: it has Services up to version 10, EndpointSlices up to 11; needed are 10 and 12",
      "old: its agent does not answer",
      "other: its agent leaves Services to another proxy",
      "silent: its agent does not answer",
    ],
  );
});

test("parseAnswer reads what formatAnswer wrote, and nothing else", () => {
  for (const given of [answer("n1", 7, 8), { ...answer("n2", 0, 0), proxy: undefined }]) {
    assert.deepEqual(parseAnswer(createObject(lease, formatAnswer({ ...given, nodeUid: "u" }))), given);
  }
  assert.equal(parseAnswer(createObject(lease, { spec: { holderIdentity: "n1" } })), undefined);
});

test("missingFamilies waits for the controller of Services with a selector alone", () => {
  const families = { ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "RequireDualStack" };
  assert.deepEqual(missingFamilies(sampleService(families), []), []);
  const selecting = sampleService({ ...families, selector: { app: "web" } });
  assert.deepEqual(missingFamilies(selecting, [sampleSlice([])]), ["IPv6"]);
});
