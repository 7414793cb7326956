/**
 * All of etcd's events from a revision on, over one watch stream that is opened again whenever it breaks. Every
 * revision of etcd has an event, so who has seen them all knows how far it has come: etcd 3.4's own progress
 * notifications can overtake events and are not used.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Decoded } from "#base/protobuf.ts";
import type { Revision, StoreError } from "../store.ts";
import { compactedError } from "../store-errors.ts";
import type { EtcdConnection, WatchStream } from "./etcd-connection.ts";
import type { EtcdEvent, watchResponse } from "./etcd-messages.ts";

export interface FeedListener {
  /** Whole revisions, in their order, each once. `revision`: the last of them. */
  onEvents(events: readonly EtcdEvent[], revision: Revision): void;
  /** Compacted: the feed cannot go on. */
  onEnd(error: StoreError): void;
}

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;

/** Starts at once and goes on through outages until it is disposed of. */
export function startFeed(connection: EtcdConnection, after: Revision, listener: FeedListener): Disposable {
  const stopping = new AbortController();
  let position = after;
  let stream: WatchStream | undefined;

  function take({ canceled, compactRevision, events }: Decoded<typeof watchResponse>): void {
    if (canceled || compactRevision !== 0n) {
      if (compactRevision === 0n) throw new Error("etcd ended the watch");
      stopping.abort();
      listener.onEnd(compactedError(position, Number(compactRevision)));
      return;
    }
    const fresh = events.filter(({ kv }) => kv !== undefined && Number(kv.modRevision) > position);
    const last = fresh.at(-1)?.kv;
    if (last === undefined) return;
    position = Number(last.modRevision);
    listener.onEvents(fresh, position);
  }

  async function readOn(): Promise<void> {
    const opened = await connection.openWatch();
    stream = opened;
    // A cancelled stream ends with an error that nobody reads any more.
    opened.on("error", () => undefined);
    if (stopping.signal.aborted) opened.cancel();
    // From the position itself, which is told already: behind it etcd 3.4 can lose a deletion to a compaction
    // without saying so. 0 would mean "from now on".
    const createRequest = { key: "\0", rangeEnd: "\0", startRevision: BigInt(Math.max(1, position)), prevKv: true };
    opened.write({ createRequest });
    for await (const response of opened) {
      take(response);
      if (stopping.signal.aborted) return;
    }
  }

  async function run(): Promise<void> {
    let retryMs = RETRY_MIN_MS;
    while (!stopping.signal.aborted) {
      const before = position;
      try {
        await readOn();
      } catch {
        // The member went away, or has no leader: the next one, or the same one later.
        if (stopping.signal.aborted) return;
        connection.giveUpMember();
      } finally {
        stream?.cancel();
        stream = undefined;
      }
      retryMs = position === before ? Math.min(retryMs * 2, RETRY_MAX_MS) : RETRY_MIN_MS;
      await delay(retryMs * (0.5 + Math.random() / 2), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  void run();
  return {
    [Symbol.dispose]() {
      stopping.abort();
      stream?.cancel();
    },
  };
}
