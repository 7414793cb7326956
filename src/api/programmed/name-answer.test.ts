import assert from "node:assert/strict";
import { test } from "node:test";
import { lease } from "../kinds/lease.ts";
import { createObject } from "../kinds/testing/create-object.ts";
import { formatNameAnswer, parseNameAnswer } from "./name-answer.ts";

test("parseNameAnswer reads what formatNameAnswer wrote, and nothing else", () => {
  for (const [question, isServing] of [
    [0, true],
    [5, false],
  ] as const) {
    const given = { node: "n1", question, isServing, programmed: { services: 3, endpointSlices: 4 } };
    assert.deepEqual(parseNameAnswer(createObject(lease, formatNameAnswer({ ...given, nodeUid: "u" }))), given);
  }
  assert.equal(parseNameAnswer(createObject(lease, { spec: { holderIdentity: "n1" } })), undefined);
});
