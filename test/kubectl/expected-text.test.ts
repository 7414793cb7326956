import assert from "node:assert/strict";
import { test } from "node:test";
import { assertText, expectedPattern } from "./expected-text.ts";

const CASES = [
  { name: "literal text", expected: "pod/a created", printed: "pod/a created\n", fits: true },
  { name: "another text", expected: "pod/a created", printed: "pod/b created\n", fits: false },
  { name: "special characters", expected: "a.b (c)", printed: "axb (c)\n", fits: false },
  {
    name: "columns of other widths",
    expected: "NAME   AGE\na  {age}",
    printed: "NAME      AGE\na         2m30s\n",
    fits: true,
  },
  { name: "single spaces", expected: "a b", printed: "a  b\n", fits: false },
  { name: "spaces at the end", expected: "a", printed: "a   \n", fits: true },
  { name: "an indented expectation", expected: "\n    a\n      b\n  ", printed: "a\n  b\n", fits: true },
  { name: "another indent", expected: "a\n  b", printed: "a\n    b\n", fits: false },
  { name: "a missing line", expected: "a\nb", printed: "a\n", fits: false },
  { name: "a line too much", expected: "a", printed: "a\nb\n", fits: false },
  { name: "any lines", expected: "a\n{lines}\nd", printed: "a\nb\nc\nd\n", fits: true },
  { name: "no lines", expected: "a\n{lines}\nd", printed: "a\nd\n", fits: true },
  { name: "unknown names", expected: "{foo}", printed: "{foo}\n", fits: true },
  { name: "nothing", expected: "", printed: "", fits: true },
  { name: "something for nothing", expected: "", printed: "a\n", fits: false },
] as const;

for (const { name, expected, printed, fits } of CASES) {
  test(`assertText ${fits ? "takes" : "refuses"} ${name}`, () => {
    if (fits) assertText("stdout", printed, expected);
    else assert.throws(() => assertText("stdout", printed, expected), /stdout differs/);
  });
}

const NAMES = [
  ["{uid}", "0b1c2d3e-0000-4000-8000-0123456789ab"],
  ["{time}", "2026-01-02T03:04:05Z"],
  ["{date}", "Fri, 02 Jan 2026 03:04:05 +0000"],
  ["web-{hash}-{suffix}", "web-6d4b75cb6d-x7k2p"],
  ["{ip}", "10.96.0.1"],
] as const;

for (const [expected, printed] of NAMES) {
  test(`expectedPattern knows ${expected}`, () => {
    assert.match(`${printed}\n`, expectedPattern(expected));
    assert.doesNotMatch("-\n", expectedPattern(expected));
  });
}
