/**
 * Finishes what a killed process left half done, and deletes what cannot exist any more. Runs before the first verb
 * of an agent, and of a one-shot process that finds records of an earlier life.
 */
import type { Plugin } from "#cni/plugin.ts";
import { findNetns } from "#kernel/netns/netns.ts";
import type { Ledger, LedgerRecord } from "./ledger.ts";
import { requestFromRecord } from "./request-from-record.ts";
import { isLive } from "./with-ledger.ts";

export interface Recovery {
  readonly deleted: readonly LedgerRecord[];
  readonly failed: readonly { readonly record: LedgerRecord; readonly error: unknown }[];
}

export interface RecoverDeps {
  readonly ledger: Ledger;
  readonly epoch: string;
  readonly findPlugin: (type: string) => Plugin<undefined> | undefined;
  /** A one-shot process must leave alone what others of this epoch may have under way. */
  readonly scope: "everything" | "earlierEpochs";
  /** Orders a step among the verbs of its container; undefined when that has to wait for another run. Default: at once. */
  readonly inTurn?: (containerId: string, step: () => Promise<void>) => Promise<void> | undefined;
}

/** Deletes attachments that are half made, half deleted, of an earlier epoch, or whose namespace is gone. */
export async function recover({ ledger, epoch, findPlugin, scope, inTurn = now }: RecoverDeps): Promise<Recovery> {
  const deleted: LedgerRecord[] = [];
  const failed: { record: LedgerRecord; error: unknown }[] = [];
  const isOurs = (record: LedgerRecord): boolean => scope === "everything" || record.epoch !== epoch;

  async function recoverOne(candidate: LedgerRecord): Promise<void> {
    const record = ledger.find(candidate); // a verb may have come first
    if (record === undefined || !isDead(record, epoch)) return;
    try {
      await findPlugin(record.plugin)?.del(requestFromRecord(record, epoch), undefined);
      ledger.remove(record);
      deleted.push(record);
    } catch (error) {
      failed.push({ record, error });
    }
  }

  for (const record of ledger.all().filter((candidate) => isOurs(candidate) && isDead(candidate, epoch))) {
    await inTurn(record.containerId, () => recoverOne(record));
  }
  return { deleted, failed };
}

function now(_containerId: string, step: () => Promise<void>): Promise<void> {
  return step();
}

function isDead(record: LedgerRecord, epoch: string): boolean {
  if (!isLive(record, epoch)) return true;
  using netns = findNetns(record.netns);
  return netns === undefined;
}
