import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError } from "#api/api-error.ts";
import type { JsonValue } from "#base/json.ts";
import { parseDeleteOptions } from "./delete-options.ts";
import { managerFromUserAgent, parseDuration } from "./query-options.ts";

const QUERY = new URLSearchParams();

for (const [body, options, isDryRun] of [
  [undefined, {}, false],
  [{}, {}, false],
  [{ kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Orphan" }, { propagationPolicy: "Orphan" }, false],
  [{ orphanDependents: true }, { propagationPolicy: "Orphan" }, false],
  [{ orphanDependents: false }, { propagationPolicy: "Background" }, false],
  [{ gracePeriodSeconds: 0, dryRun: ["All"] }, { gracePeriodSeconds: 0 }, true],
  [{ preconditions: { uid: "u", resourceVersion: "5" } }, { preconditions: { uid: "u", resourceVersion: "5" } }, false],
] as const satisfies readonly (readonly [JsonValue | undefined, object, boolean])[]) {
  test(`parseDeleteOptions reads ${JSON.stringify(body)}`, () => {
    assert.deepEqual(parseDeleteOptions(body, QUERY), { options, isDryRun });
  });
}

test("parseDeleteOptions reads the query when there is no body", () => {
  const query = new URLSearchParams("gracePeriodSeconds=5&propagationPolicy=Foreground&dryRun=All");
  const fromQuery = { options: { gracePeriodSeconds: 5, propagationPolicy: "Foreground" }, isDryRun: true };
  assert.deepEqual(parseDeleteOptions(undefined, query), fromQuery);
  assert.deepEqual(parseDeleteOptions({}, query), { options: {}, isDryRun: false });
});

for (const [body, reason] of [
  [{ kind: "Pod" }, "BadRequest"],
  [[], "BadRequest"],
  [{ gracePeriodSeconds: "x" }, "BadRequest"],
  [{ gracePeriodSeconds: -1 }, "Invalid"],
  [{ propagationPolicy: "x" }, "Invalid"],
  [{ propagationPolicy: "Orphan", orphanDependents: true }, "Invalid"],
  [{ dryRun: ["x"] }, "Invalid"],
] as const satisfies readonly (readonly [JsonValue, string])[]) {
  test(`parseDeleteOptions refuses ${JSON.stringify(body)}`, () => {
    assert.throws(
      () => parseDeleteOptions(body, QUERY),
      (error) => isApiError(error, reason),
    );
  });
}

for (const [text, ms] of [
  ["32s", 32_000],
  ["1m30s", 90_000],
  ["1.5s", 1500],
  ["250ms", 250],
  ["0", 0],
  ["", undefined],
  ["5", undefined],
  ["-5s", undefined],
  ["s", undefined],
] as const) {
  test(`parseDuration reads ${JSON.stringify(text)}`, () => {
    assert.equal(parseDuration(text), ms);
  });
}

test("managerFromUserAgent takes the program's name", () => {
  assert.equal(managerFromUserAgent("kubectl/v1.32.4 (linux/amd64)"), "kubectl");
  assert.equal(managerFromUserAgent(""), "unknown");
  assert.equal(managerFromUserAgent("a\u0007b/1"), "ab");
  assert.equal(managerFromUserAgent("x".repeat(200)).length, 128);
});
