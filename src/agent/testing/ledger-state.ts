/** What ledgers say, for tests: their journals also tell of what is gone. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type LedgerRecord, openLedger } from "../ledger.ts";

/** Files of a ledger's folder, whose bytes are of no concern. */
export const JOURNAL_FILES: RegExp = /^journal(\.new)?$/;

/** `container:ifname:network:plugin` of each record, with `.adding` or `.deleting` when it is half done. */
export function ledgerState(folder: string): readonly string[] {
  return openLedger(folder, "", "uncached").all().map(describeRecord).toSorted();
}

/** `record NAME: JSON` of all nodes that keep their state in a folder (PODWIRE_STATE_DIR). */
export function recordsBelow(stateDir: string): readonly string[] {
  const nodes = existsSync(stateDir) ? readdirSync(stateDir).filter((name) => name.startsWith("net-")) : [];
  return nodes
    .flatMap((name) => openLedger(join(stateDir, name, "ledger"), "", "uncached").all())
    .map((record) => `record ${describeRecord(record)}: ${JSON.stringify(record)}`)
    .toSorted();
}

function describeRecord({ containerId, ifname, network, plugin, phase }: LedgerRecord): string {
  return [containerId, ifname, network, plugin].join(":") + (phase === "added" ? "" : `.${phase}`);
}
