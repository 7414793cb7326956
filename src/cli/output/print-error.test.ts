import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError } from "#agent/agent-error.ts";
import { CliError } from "../cli-error.ts";
import { printError } from "./print-error.ts";

test("printError says what, why, evidence and what to do next", () => {
  const error = new CliError("machine", {
    what: "Cannot do it",
    why: "no root",
    evidence: "uid 7\ngid 7",
    next: "sudo",
  });
  assert.deepEqual(printError(error), {
    text: "podwire: Cannot do it\n  why:      no root\n  evidence: uid 7\n            gid 7\n  next:     sudo\n",
    exitCode: 3,
  });
});

for (const { error, exitCode, text } of [
  { error: new CliError("usage", { what: "no" }), exitCode: 2, text: /^podwire: no\n$/ },
  { error: new CliError("interrupted", { what: "stopped" }), exitCode: 130, text: /stopped/ },
  { error: new AgentError("notRunning", "/run/x"), exitCode: 1, text: /"\/run\/x"; start it with/ },
  { error: new AgentError("alreadyRuns", "/run/x"), exitCode: 3, text: /"\/run\/x" is locked/ },
  {
    error: Object.assign(new Error("EACCES: /opt"), { code: "EACCES" }),
    exitCode: 3,
    text: /\/opt\n {2}why: +it needs root/,
  },
  { error: new TypeError("x is not a function"), exitCode: 1, text: /unexpected error\nTypeError: x.*\n +at / },
  { error: "a string", exitCode: 1, text: /a string/ },
]) {
  test(`printError turns ${String(error)} into exit status ${exitCode}`, () => {
    const printed = printError(error);
    assert.equal(printed.exitCode, exitCode);
    assert.match(printed.text, text);
  });
}
