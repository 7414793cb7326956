/**
 * Runs test files with Node's runner and compares what was there before and after.
 * A program of its own: `isolated.ts` starts it inside fresh namespaces, with the request as JSON in its argument.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec, type TestEvent } from "node:test/reporters";
import { listClusterNames } from "../cluster/list-clusters.ts";
import { type Leftover, leftovers, readMachineState } from "./machine-state.ts";
import { entryFile, shareProcesses } from "./share-processes.ts";

const ENTRY = join(import.meta.dirname, "../entry.ts");

/** Many tests wait for something half of the time. */
const WAITING = 1;
/** They prove what a machine promises that is not overloaded, such as that no request is lost: nothing runs beside them. */
const ALONE = /\/(demo|services)\.e2e\.test\.ts$/;

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
  const alone = files.filter((file) => ALONE.test(file));
  const parts = [
    { files: alone, concurrency: 1 },
    {
      files: shareProcesses(files.filter((file) => !alone.includes(file))).map((together, index) =>
        entryFile(together, entries, index),
      ),
      concurrency: availableParallelism() + WAITING,
    },
  ];

  async function* events(): AsyncGenerator<TestEvent> {
    for (const part of parts.filter((each) => each.files.length > 0)) {
      const options = { ...part, timeout: timeoutMs, ...(names.length > 0 && { testNamePatterns: [...names] }) };
      // What the stream of a run consists of, which its type does not say.
      for await (const event of run(options) as AsyncIterable<TestEvent>) {
        if (event.type === "test:fail") failed += 1;
        if (event.type === "test:pass") {
          const { name, skip, todo } = event.data;
          const reason = skip ?? todo;
          if (reason !== undefined) skipped.push(`${name}: ${reason === true ? "no reason given" : reason}`);
        }
        yield event;
      }
    }
  }

  await pipeline(Readable.from(events()), new spec(), process.stdout, { end: false });
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
