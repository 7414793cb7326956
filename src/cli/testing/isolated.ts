/**
 * Runs the tests where they can do no harm and hide nothing: in network, mount and PID namespaces of their own, with
 * empty folders in place of those that hold state. What is still there at the end is listed, and ends with the
 * namespaces. Equal to `unshare --net --mount --pid --fork --mount-proc --propagation private`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { tryStateLock } from "#agent/state-lock.ts";
import { projectRoot } from "../installation.ts";
import type { TestOutcome, TestRequest } from "./run-tests.ts";

const STATE_FOLDERS = ["/run/podwire", "/run/netns", "/var/lib/podwire", "/var/lib/cni"];
const TEMPORARY_FOLDER = "/run/podwire/tmp";

/** Shared by all who run tests on this machine. */
const LOCK = join(tmpdir(), "podwire-test.lock");

/** A shell as first process takes in orphans; the last word keeps it from becoming the program itself. */
const INIT = `set -e
for folder in ${STATE_FOLDERS.join(" ")}; do mount -t tmpfs -o mode=755 podwire-test "$folder"; done
mkdir ${TEMPORARY_FOLDER}
ip link set lo up
"$@"
exit 0`;

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
  const namespaces = [
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--propagation",
    "private",
  ];
  const program = [process.execPath, join(import.meta.dirname, "run-tests.ts"), JSON.stringify(request)];
  const child = spawn("unshare", [...namespaces, "sh", "-c", INIT, "sh", ...program], {
    cwd: projectRoot,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: {
      ...process.env,
      PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
      TMPDIR: TEMPORARY_FOLDER,
      NODE_COMPILE_CACHE: join(projectRoot, "build/compile-cache"),
    },
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
