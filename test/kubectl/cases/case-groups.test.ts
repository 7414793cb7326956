import assert from "node:assert/strict";
import { test } from "node:test";
import type { Step } from "../case-table.ts";
import { knownGaps } from "../known-gaps.ts";
import { splitWords } from "../run-kubectl.ts";
import { caseGroups } from "./case-groups.ts";

/** Commands of kubectl that talk to the server, but for those below. */
const COMMANDS = [
  "annotate api-resources api-versions apply attach auth autoscale cluster-info cordon create debug delete describe",
  "diff drain edit events exec explain expose get label logs patch port-forward proxy replace rollout run scale set",
  "taint top uncordon version wait",
].flatMap((line) => line.split(" "));

/** Not in the table, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  certificate: "there are no CertificateSigningRequests",
  cp: "it is exec of tar, which containers need to have",
};

const allSteps = (steps: readonly Step[]): readonly Step[] =>
  steps.flatMap((step) => [step, ...allSteps(step.meanwhile?.steps ?? [])]);
const steps = caseGroups.flatMap((group) => allSteps(group.steps));

test("caseGroups hold every command", () => {
  const used = new Set(steps.map(({ run }) => splitWords(run)[0] ?? ""));
  used.delete("config"); // only edits a file, for the steps behind it
  assert.deepEqual([...used].sort(), COMMANDS);
  assert.deepEqual(
    Object.keys(LEFT_OUT).filter((command) => used.has(command)),
    [],
  );
});

test("caseGroups have names that namespaces can have, each its own", () => {
  const names = caseGroups.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z][a-z0-9-]*[a-z]$/);
});

test("knownGaps are all in the table, and the table names no others", () => {
  const named = new Set(steps.flatMap(({ gap }) => gap ?? []));
  assert.deepEqual([...named].sort(), Object.keys(knownGaps).sort());
});

test("splitWords takes quotes away and keeps what is between them", () => {
  assert.deepEqual(splitWords(`get pods -l 'a in (b, c)' --x="y z" -p '{"a":"b"}'`), [
    "get",
    "pods",
    "-l",
    "a in (b, c)",
    "--x=y z",
    "-p",
    '{"a":"b"}',
  ]);
});
