/**
 * Runs test files with Node's runner and compares what was there before and after.
 * A program of its own: `isolated.ts` starts it inside fresh namespaces, with the request as JSON in its argument.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { listClusterNames } from "../cluster/list-clusters.ts";
import { type Leftover, leftovers, readMachineState } from "./machine-state.ts";
import { entryFile, shareProcesses } from "./share-processes.ts";

const ENTRY = join(import.meta.dirname, "../entry.ts");

/** Many tests wait for something half of the time. */
const WAITING = 1;

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
  mkdirSync(tmpdir(), { recursive: true }); // of these namespaces alone
  const before = readMachineState();
  const skipped: string[] = [];
  let failed = 0;
  const entries = mkdtempSync(join(tmpdir(), "entries-"));
  const tests = run({
    files: shareProcesses(files).map((together, index) => entryFile(together, entries, index)),
    concurrency: availableParallelism() + WAITING,
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
  rmSync(entries, { recursive: true });
  const left = leftovers(before, readMachineState());
  await takeDownClusters();
  return { failed, skipped, left };
}

/** Of tests that did not come to their end: the control groups of such clusters would outlive these namespaces. */
async function takeDownClusters(): Promise<void> {
  const own = globSync(join(tmpdir(), "pw-*")).map((folder) => [join(folder, "run"), join(folder, "state")] as const);
  for (const [run, state] of [["/run/podwire", "/var/lib/podwire"] as const, ...own]) {
    const environment = { ...process.env, PODWIRE_RUN_DIR: run, PODWIRE_STATE_DIR: state };
    const names = listClusterNames(environment);
    if (names.length === 0) continue;
    const argv = ["--disable-warning=ExperimentalWarning", ENTRY, "down", "--all"];
    spawnSync(process.execPath, argv, { env: environment, stdio: ["ignore", "ignore", "inherit"] });
  }
}

// Parsed from what isolated.ts formatted, see there.
const outcome = await runTests(JSON.parse(process.argv[2] ?? "") as TestRequest);
process.send?.(outcome);
