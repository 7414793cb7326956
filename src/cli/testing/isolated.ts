/** Runs the tests in namespaces of their own; what is still there at the end is listed, and ends with the namespaces. */
import { once } from "node:events";
import { existsSync, mkdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tryStateLock } from "#agent/state-lock.ts";
import { projectRoot } from "../installation.ts";
import { STATE_FOLDERS, spawnIsolated } from "./isolated-process.ts";
import type { TestOutcome, TestRequest } from "./run-tests.ts";

const TEMPORARY_FOLDER = "/run/podwire/tmp";

/** Shared by all who run tests on this machine. */
const LOCK = join(tmpdir(), "podwire-test.lock");

/** Undefined when the tests did not come to an end. Aborting kills all of it. */
export async function runIsolated(request: TestRequest, signal: AbortSignal): Promise<TestOutcome | undefined> {
  const running = tryStateLock(LOCK, "shared");
  const missing = STATE_FOLDERS.filter((folder) => !existsSync(folder));
  for (const folder of missing) mkdirSync(folder, { recursive: true });
  try {
    return await spawnTests(request, signal);
  } finally {
    running?.[Symbol.dispose]();
    removeFolders(missing);
  }
}

/** Unless other tests run: a folder that is removed here takes what is mounted on it there along. */
function removeFolders(folders: readonly string[]): void {
  using alone = tryStateLock(LOCK, "exclusive");
  if (alone === undefined) return;
  for (const folder of folders) removeIfEmpty(folder);
  rmSync(LOCK, { force: true });
}

/** Somebody else may have taken it into use meanwhile. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && (error.code === "ENOTEMPTY" || error.code === "ENOENT")))
      throw error;
  }
}

async function spawnTests(request: TestRequest, signal: AbortSignal): Promise<TestOutcome | undefined> {
  const child = spawnIsolated({
    program: [join(import.meta.dirname, "run-tests.ts"), JSON.stringify(request)],
    cwd: projectRoot,
    environment: { TMPDIR: TEMPORARY_FOLDER, NODE_COMPILE_CACHE: join(projectRoot, "build/compile-cache") },
  });
  const kill = (): boolean => child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  let outcome: TestOutcome | undefined;
  child.on("message", (message) => {
    // Sent by run-tests.ts as this type.
    outcome = message as TestOutcome;
  });
  try {
    await once(child, "close");
    return outcome;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}
