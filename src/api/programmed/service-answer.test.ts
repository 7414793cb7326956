import assert from "node:assert/strict";
import { test } from "node:test";
import { lease } from "../kinds/lease.ts";
import { createObject } from "../kinds/testing/create-object.ts";
import { formatServiceAnswer, parseServiceAnswer } from "./service-answer.ts";

test("parseServiceAnswer reads what formatServiceAnswer wrote, and nothing else", () => {
  for (const proxy of ["nftables", undefined]) {
    const given = { node: "n1", question: 5, proxy, programmed: { services: 3, endpointSlices: 4 } };
    const written = formatServiceAnswer({ ...given, nodeUid: "u" });
    assert.deepEqual(parseServiceAnswer(createObject(lease, written)), given);
  }
  assert.equal(parseServiceAnswer(createObject(lease, { spec: { holderIdentity: "n1" } })), undefined);
});
