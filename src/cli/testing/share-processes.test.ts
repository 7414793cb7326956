import assert from "node:assert/strict";
import { test } from "node:test";
import { shareProcesses } from "./share-processes.ts";

const numbered = (count: number, ending: string): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${index}${ending}`);
const TEXTS: Readonly<Record<string, string>> = {
  "7.test.ts": "\nbefore(() => 1);\n",
  "8.test.ts": "\nconst signal = AbortSignal.timeout(5000);\n",
};
const readText = (file: string): string => TEXTS[file] ?? "suite(() => {\n  before();\n  setTimeout(1);";

test("shareProcesses puts pure tests together, in order, each once, and leaves whole systems and namespaces alone", () => {
  const files = [...numbered(3, ".e2e.test.ts"), ...numbered(5, ".netns.test.ts"), ...numbered(50, ".test.ts")];
  const processes = shareProcesses(files, readText);
  assert.deepEqual(new Set(processes.flat()), new Set(files));
  assert.equal(processes.flat().length, files.length);
  const together = processes.filter(({ length }) => length > 1);
  assert.ok(together.flat().every((file) => /^\d+\.test\.ts$/.test(file)));
  assert.ok(together.length < 10 && together.flat().length > 40);
  assert.deepEqual(processes.slice(0, 8).flat(), files.slice(0, 8), "what runs long comes first");
});

test("shareProcesses leaves a file alone whose hooks or deadline would concern the others", () => {
  const processes = shareProcesses(numbered(50, ".test.ts"), readText);
  const alone = processes.filter((files) => Object.keys(TEXTS).some((file) => files.includes(file)));
  assert.deepEqual(alone, [["7.test.ts"], ["8.test.ts"]]);
});

test("shareProcesses gives each of a few files a process of its own", () => {
  const files = numbered(39, ".test.ts");
  assert.deepEqual(
    shareProcesses(files, readText),
    files.map((file) => [file]),
  );
});
