/**
 * Runs test files with Node's runner and compares what was there before and after.
 * A program of its own: `isolated.ts` starts it inside fresh namespaces, with the request as JSON in its argument.
 */
import { availableParallelism } from "node:os";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { type Leftover, leftovers, readMachineState } from "./machine-state.ts";

export interface TestRequest {
  readonly files: readonly string[];
  /** Regular expressions over names of tests; none means all. */
  readonly names: readonly string[];
  /** For each test, and each file. */
  readonly timeoutMs: number;
}

export interface TestOutcome {
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly left: readonly Leftover[];
}

async function runTests({ files, names, timeoutMs }: TestRequest): Promise<TestOutcome> {
  const before = readMachineState();
  const skipped: string[] = [];
  let failed = 0;
  const tests = run({
    files: [...files],
    concurrency: availableParallelism(),
    timeout: timeoutMs,
    ...(names.length > 0 && { testNamePatterns: [...names] }),
  });
  tests.on("test:fail", () => {
    failed += 1;
  });
  tests.on("test:pass", ({ name, skip, todo }) => {
    const reason = skip ?? todo;
    if (reason !== undefined) skipped.push(`${name}: ${reason === true ? "no reason given" : reason}`);
  });
  await pipeline(tests.compose(new spec()), process.stdout, { end: false });
  return { failed, skipped, left: leftovers(before, readMachineState()) };
}

// Parsed from what isolated.ts formatted, see there.
const outcome = await runTests(JSON.parse(process.argv[2] ?? "") as TestRequest);
process.send?.(outcome);
