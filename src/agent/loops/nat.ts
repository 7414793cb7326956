/**
 * Keeps the NAT table as ledger and pod network say: after a firewall reload or a flushed ruleset the elements come back,
 * and those that no attachment owns go. Runs at start, when somebody else changes the table, and on a slow timer.
 */
import type { Log } from "#base/log.ts";
import { type ReconcileLoop, startReconcileLoop } from "#base/reconcile-loop.ts";
import { addNat, ensureFrame, isSameData, type ListedElement, listNat, removeElements } from "#dataplane/nat/apply.ts";
import { NAT_TABLE } from "#dataplane/nat/nat-table.ts";
import { elementId, type NatElement, ownerComment, planElements } from "#dataplane/nat/plan.ts";
import { applyPodNetworks, type PodNetworks } from "#dataplane/nat/pod-networks.ts";
import { watchNft } from "#kernel/nfnetlink/watch-nft.ts";
import type { Host } from "#plugins/host.ts";
import type { Ledger, LedgerRecord } from "../ledger.ts";

export interface NatLoopDeps {
  readonly host: Pick<Host, "nft" | "netns">;
  readonly ledger: Ledger;
  readonly log: Log;
}

/** Repairs since the start of the agent. */
export interface NatLoop extends ReconcileLoop {
  readonly counters: { readonly restored: number; readonly removed: number };
  /** Writes at once, and keeps, what is masqueraded between pods and outside. Answers the sets that differed. */
  setPodNetworks(wanted: PodNetworks): readonly string[];
}

const MIN_INTERVAL_MS = 100;
const RETRY_MS = 1_000;
const RESYNC_MS = 5 * 60_000;

export function startNatLoop({ host, ledger, log }: NatLoopDeps): NatLoop {
  const counters = { restored: 0, removed: 0 };
  let podNetworks: PodNetworks | undefined;
  const loop = startReconcileLoop({
    name: "nat",
    minIntervalMs: MIN_INTERVAL_MS,
    retryMs: RETRY_MS,
    resyncMs: RESYNC_MS,
    onError: (error) => log.error("nat table not reconciled", { error: String(error) }),
    sync() {
      const records = ledger.all();
      const mended = podNetworks !== undefined || records.some(({ facts }) => facts?.nat) ? ensureFrame(host.nft) : [];
      if (mended.length > 0) log.info("nat rules restored", { chains: mended.join(",") });
      const sets = podNetworks === undefined ? [] : applyPodNetworks(host.nft, podNetworks);
      if (sets.length > 0) log.info("masquerade of the pod networks restored", { sets: sets.join(",") });
      const { restore, remove } = planNatRepair(records, listNat(host.nft));
      for (const record of restore) {
        const { nat } = record.facts ?? {};
        if (nat) addNat(host.nft, ownerComment(record), nat);
      }
      if (remove.length > 0) removeElements(host.nft, remove);
      counters.restored += restore.length;
      counters.removed += remove.length;
      if (restore.length + remove.length > 0) {
        log.info("nat table reconciled", { restoredAttachments: restore.length, removedElements: remove.length });
      }
    },
  });
  const watched = { netns: host.netns, ignoredPortId: host.nft.netlink.portId };
  const watch = watchNft(watched, {
    changed({ changes }) {
      if (changes.some(({ family, table }) => family === NAT_TABLE.family && table === NAT_TABLE.table))
        loop.markDirty();
    },
    lost: () => loop.markDirty(),
  });
  return {
    counters,
    setPodNetworks(wanted) {
      podNetworks = wanted;
      return applyPodNetworks(host.nft, wanted);
    },
    markDirty: () => loop.markDirty(),
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

/** Attachments with elements missing or changed, and elements that nobody owns. Pure. */
export function planNatRepair(
  records: readonly LedgerRecord[],
  present: readonly ListedElement[],
): { readonly restore: readonly LedgerRecord[]; readonly remove: readonly ListedElement[] } {
  const byId = new Map(present.map((element) => [elementId(element), element]));
  const wanted = new Map<string, { readonly record: LedgerRecord; readonly element: NatElement }>();
  for (const record of records) {
    if (record.phase !== "added" || record.facts?.nat === undefined) continue;
    for (const element of planElements(ownerComment(record), record.facts.nat)) {
      // An address has one owner: whoever got it last.
      wanted.set(elementId(element), { record, element });
    }
  }
  const restore = new Set<LedgerRecord>();
  for (const [id, { record, element }] of wanted) {
    const found = byId.get(id);
    if (found?.comment !== element.comment || !isSameData(found, element)) restore.add(record);
  }
  // An ADD or DEL under way looks after its own elements.
  const busy = new Set(records.filter(({ phase }) => phase !== "added").map(ownerComment));
  const remove = present.filter((element) => !wanted.has(elementId(element)) && !busy.has(element.comment));
  return { restore: [...restore], remove };
}
