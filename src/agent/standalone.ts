/**
 * One plugin verb in a process of its own, where no agent runs: `node standalone.mjs PLUGIN` with environment and stdin
 * as the runtime gave them. Same plugins, same ledger, same state as the agent, which adopts what was made here.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CniError } from "#cni/cni-error.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { formatError } from "#cni/print-error.ts";
import { ownNetns } from "#kernel/netns/netns.ts";
import type { LauncherRequest } from "./launcher-protocol.ts";
import { compactJournal, isJournalLong, openLedger } from "./ledger.ts";
import { createPluginRunner } from "./plugin-runner.ts";
import { recover } from "./recover.ts";
import { tryStateLock, waitForStateLock } from "./state-lock.ts";
import { currentEpoch, type StatePaths, statePaths } from "./state-paths.ts";

/** Half of the time that a kubelet gives its runtime for one request. */
const RECOVERY_DEADLINE_MS = 60_000;

export async function runStandalone(request: LauncherRequest): Promise<PluginOutput> {
  const output = await runVerb(request);
  using netns = ownNetns();
  compactWhenAlone(statePaths(netns, request.environment));
  return output;
}

/** Processes that come meanwhile are told to try again, so this waits until it is worth its time. */
function compactWhenAlone({ ledgerDir, lock: path }: StatePaths): void {
  if (!isJournalLong(ledgerDir)) return;
  using lock = tryStateLock(path, "exclusive");
  if (lock) compactJournal(ledgerDir);
}

async function runVerb(request: LauncherRequest): Promise<PluginOutput> {
  using netns = ownNetns();
  const paths = statePaths(netns, request.environment);
  const mode = request.environment["CNI_COMMAND"] === "GC" ? "exclusive" : "shared";
  using lock = tryStateLock(paths.lock, mode);
  if (lock === undefined) return busy(paths.lock);
  const epoch = currentEpoch(netns);
  const ledger = openLedger(paths.ledgerDir, epoch, "uncached");
  using runner = createPluginRunner({ netns, ledger, epoch });
  const isRecovered = await recoverOnce(paths, epoch, () =>
    recover({ ledger, epoch, findPlugin: (type) => runner.findRecorded(type), scope: "earlierEpochs" }),
  );
  return isRecovered ? await runner.run(request) : busy(paths.recoveryLock);
}

/**
 * The first process of an epoch gives back what the one before left; the others see its mark, or wait for it: a verb
 * that went on meanwhile could be taken for one of the earlier epoch. False when the wait is too long.
 */
async function recoverOnce(
  { ledgerDir, recoveryLock }: Pick<StatePaths, "ledgerDir" | "recoveryLock">,
  epoch: string,
  recoverAll: () => Promise<unknown>,
): Promise<boolean> {
  const markPath = join(dirname(ledgerDir), "epoch");
  if (readMark(markPath) === epoch) return true;
  using lock = await waitForStateLock(recoveryLock, AbortSignal.timeout(RECOVERY_DEADLINE_MS));
  if (lock === undefined) return false;
  if (readMark(markPath) === epoch) return true;
  await recoverAll();
  mkdirSync(dirname(markPath), { recursive: true, mode: 0o700 });
  writeFileSync(markPath, epoch, { mode: 0o600 });
  return true;
}

function readMark(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function busy(lock: string): PluginOutput {
  const error = new CniError(
    "tryAgainLater",
    "The Podwire agent is starting or stopping in this network namespace, or GC is under way; the call can be repeated",
    `lock=${lock}`,
  );
  return { exitCode: 1, stdout: formatError(error), stderr: "" };
}
