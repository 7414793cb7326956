import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseRun } from "./serve-log.ts";

const run = (id: string, isRunning: boolean) => ({ id, isRunning, logPath: `/${id}` });
const cases = [
  ["the newest", [run("b", true), run("a", false)], false, false, "b"],
  ["the one before the running one", [run("b", true), run("a", false)], true, false, "a"],
  ["none before the first", [run("a", true)], true, false, undefined],
  ["the ended one, while its restart waits", [run("b", false), run("a", false)], true, true, "b"],
  ["the one before, when there is no restart", [run("b", false), run("a", false)], true, false, "a"],
] as const;

for (const [what, found, isPrevious, isWaiting, expected] of cases) {
  test(`chooseRun takes ${what}`, () => {
    assert.equal(chooseRun(found, { isPrevious }, isWaiting)?.id, expected);
  });
}
