/**
 * Puts the pod ledger around a plugin: ADD is recorded before it touches anything, DEL until nothing is left, and GC
 * deletes what is recorded but not listed. The plugin itself stays a function of request and host.
 */
import { CniError } from "#cni/cni-error.ts";
import type { Attachment, Plugin, PluginRequest } from "#cni/plugin.ts";
import type { CniResult } from "#cni/result.ts";
import type { AttachmentFacts, Host, Journal } from "#plugins/host.ts";
import { UndoError } from "#plugins/undo.ts";
import type { AttachmentListener } from "./attachment-listener.ts";
import type { Ledger, LedgerKey, LedgerRecord } from "./ledger.ts";
import { requestFromRecord } from "./request-from-record.ts";

export interface LedgerDeps {
  readonly ledger: Ledger;
  readonly epoch: string;
  /** The services of this process, for one attachment. */
  hostFor(journal: Journal): Host;
  /** Told of links of pods. */
  readonly attachments?: AttachmentListener | undefined;
}

/** The plugin with its verbs recorded. Its host is made here, so callers give none. */
export function withLedger(plugin: Plugin<Host>, deps: LedgerDeps): Plugin<undefined> {
  const { ledger, epoch, hostFor, attachments } = deps;
  const keyOf = (request: PluginRequest): LedgerKey => ({ ...attachmentOf(request), plugin: plugin.type });

  async function del(request: PluginRequest): Promise<void> {
    const key = keyOf(request);
    const record = ledger.find(key);
    if (record) {
      ledger.startDelete(key);
      attachments?.removing(record);
    }
    await plugin.del(request, hostFor(journalOf(record)));
    ledger.remove(key);
  }

  /** An ADD that nobody may rely on is no ADD. */
  async function told(request: PluginRequest, key: LedgerKey): Promise<void> {
    const record = ledger.find(key);
    if (record === undefined || attachments === undefined) return;
    try {
      await attachments.added(record);
    } catch (error) {
      await del(request);
      throw error;
    }
  }

  return {
    ...plugin,
    async add(request) {
      const key = keyOf(request);
      const previous = ledger.find(key);
      if (previous && !isLive(previous, epoch)) await del(requestFromRecord(previous, epoch));
      const isRepeated = previous !== undefined && isLive(previous, epoch);
      if (!isRepeated) ledger.begin({ ...key, ...recordedInput(request) });
      const journal = createJournal();
      const result = await plugin.add(request, hostFor(journal)).catch((error: unknown) => {
        // The plugin has undone its steps. A failed undo leaves the record, and the next DEL or agent finishes it.
        if (!isRepeated && !(error instanceof UndoError)) ledger.remove(key);
        throw error;
      });
      ledger.commit(key, { ...journal.facts, ...(journal.facts?.hostLink !== undefined && podFacts(result)) });
      await told(request, key);
      return result;
    },
    del,
    check: (request) => plugin.check(request, hostFor(journalOf(ledger.find(keyOf(request))))),
    async gc(request) {
      const { validAttachments, config } = request;
      if (validAttachments === undefined) return;
      const isValid = ({ containerId, ifname }: Attachment): boolean =>
        validAttachments.some((valid) => valid.containerId === containerId && valid.ifname === ifname);
      const stale = ledger
        .all()
        .filter((record) => record.plugin === plugin.type && record.network === config.name && !isValid(record));
      const errors: unknown[] = [];
      for (const record of stale) {
        await del(requestFromRecord(record, epoch)).catch((error: unknown) => errors.push(error));
      }
      await plugin.gc?.(request, hostFor(createJournal())).catch((error: unknown) => errors.push(error));
      if (errors.length > 0) throw joinErrors(errors);
    },
    async status(request) {
      await plugin.status?.(request, hostFor(createJournal()));
    },
  };
}

/** The pod's end of the link, as the result tells it. */
function podFacts({ interfaces = [], ips = [] }: CniResult): Pick<AttachmentFacts, "addresses" | "mac"> {
  const inPod = interfaces.find(({ sandbox }) => sandbox !== undefined && sandbox !== "");
  return {
    addresses: ips.map(({ address }) => address.replace(/\/\d+$/, "")),
    ...(inPod?.mac !== undefined && inPod.mac !== "" && { mac: inPod.mac }),
  };
}

/** The plugin as it is: it makes nothing that would have to be remembered. */
export function withoutLedger(plugin: Plugin<Host>, { hostFor }: Pick<LedgerDeps, "hostFor">): Plugin<undefined> {
  const host = hostFor(createJournal());
  return {
    ...plugin,
    add: (request) => plugin.add(request, host),
    del: (request) => plugin.del(request, host),
    check: (request) => plugin.check(request, host),
    gc: async (request) => plugin.gc?.(request, host),
    status: async (request) => plugin.status?.(request, host),
  };
}

/** Whether what the record says can still exist in the kernel. */
export function isLive(record: LedgerRecord, epoch: string): boolean {
  return record.phase === "added" && record.epoch === epoch;
}

export function attachmentOf(request: PluginRequest): Attachment {
  return { network: request.config.name, containerId: request.containerId, ifname: request.ifname };
}

function recordedInput(request: PluginRequest): Pick<LedgerRecord, "netns" | "args" | "path" | "config"> {
  return { netns: request.netns, args: request.args, path: request.path, config: request.config.json };
}

function createJournal(): Journal {
  let facts: AttachmentFacts | undefined;
  return {
    isKnown: true,
    get facts() {
      return facts;
    },
    note(added) {
      facts = { ...facts, ...added };
    },
  };
}

function journalOf(record: LedgerRecord | undefined): Journal {
  return { isKnown: record !== undefined, facts: record?.facts, note: () => undefined };
}

function joinErrors(errors: readonly unknown[]): Error {
  const [first] = errors;
  if (errors.length === 1 && first instanceof Error) return first;
  const texts = errors.map((error) => (error instanceof Error ? error.message : String(error)));
  return new CniError("internal", `Cannot delete ${errors.length} stale attachments`, texts.join("; "), {
    cause: new AggregateError(errors),
  });
}
