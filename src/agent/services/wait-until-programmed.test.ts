import assert from "node:assert/strict";
import { test } from "node:test";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { createObject } from "#api/kinds/testing/create-object.ts";
import { sampleService, sampleSlice } from "#service/testing/sample-service.ts";
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
  const given = { services: answers, names: [] };
  const missing = missingNodes(nodes, given, { question: 5, required: REQUIRED });
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

test("missingNodes waits for the names too, where a name server of ours has said that it is there", () => {
  const nodes = ["coredns", "done", "late", "restarting", "without"].map((name) => nodeOf(name));
  const services = nodes.map(({ metadata }) => answer(metadata.name ?? "", 10, 12));
  const names = [
    { ...answer("coredns", 0, 0), question: 0, isServing: false },
    { ...answer("done", 10, 12), isServing: true },
    { ...answer("late", 9, 12), isServing: true },
    { ...answer("restarting", 10, 12), question: 4, isServing: true },
  ];
  const missing = missingNodes(nodes, { services, names }, { question: 5, required: REQUIRED });
  assert.deepEqual(
    missing.map(({ node, reason }) => `${node}: ${reason}`),
    [
      "late: its name server has Services up to version 9, EndpointSlices up to 12; needed are 10 and 12",
      "restarting: its name server does not answer",
    ],
  );
});

test("missingFamilies waits for the controller of Services with a selector alone", () => {
  const families = { ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "RequireDualStack" };
  assert.deepEqual(missingFamilies(sampleService(families), []), []);
  const selecting = sampleService({ ...families, selector: { app: "web" } });
  assert.deepEqual(missingFamilies(selecting, [sampleSlice([])]), ["IPv6"]);
});
