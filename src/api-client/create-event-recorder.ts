/**
 * Writes events in the background, one at a time. What repeats while it waits is counted before it is sent; what the
 * server cannot take for long is dropped, as events are only for people.
 */
import { isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { event as eventKind } from "#api/kinds/event.ts";
import type { ApiClient, ObjectName } from "./api-client.ts";
import type { EventRecorder, RecordedEvent } from "./event-recorder.ts";
import { combineSimilar, type EventSource, eventKey, planEvent, planRepetition, similarityKey } from "./plan-event.ts";
import { sleep } from "./sleep.ts";

export interface EventRecorderOptions extends EventSource {
  readonly client: Pick<ApiClient, "create" | "patch">;
  /** An event was dropped. */
  onError(error: unknown): void;
  readonly now?: () => Date;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

/** Events that are remembered for counting them; the ones that have not happened for longest are forgotten first. */
const MAX_KNOWN = 4096;
const MAX_WAITING = 1000;
const MAX_ATTEMPTS = 5;
const FIRST_RETRY_MS = 500;
/** What waits when the recorder is closed has so much time. */
const FLUSH_MS = 1000;

/** Of a millisecond. */
const NANOSECONDS = 1_000_000n;

/** An event as it is at the server, or will be. */
interface Known {
  readonly about: KubeObject;
  event: RecordedEvent;
  count: number;
  readonly first: Date;
  last: Date;
  /** undefined until it was written once. */
  name: ObjectName | undefined;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, onError, now = () => new Date(), random = Math.random } = options;
  const known = new Map<string, Known>();
  const similar = new Map<string, Set<string>>();
  const waiting = new Set<Known>();
  const stop = new AbortController();
  let sending: Promise<void> | undefined;
  let isClosed = false;
  let lastSerial = 0n;

  /** Grows, also over restarts, and is hardly ever that of another recorder. */
  function nextSerial(): bigint {
    const time = BigInt(now().getTime()) * NANOSECONDS + BigInt(Math.floor(random() * Number(NANOSECONDS)));
    lastSerial = time > lastSerial ? time : lastSerial + 1n;
    return lastSerial;
  }

  function record(about: KubeObject, recorded: RecordedEvent): void {
    const alike = similarityKey(about, recorded);
    const told = similar.get(alike) ?? new Set();
    remember(similar, alike, told);
    const { event, isCombined } = combineSimilar(told, recorded);
    const key = isCombined ? alike : eventKey(about, event);
    const time = now();
    const before = known.get(key);
    const entry = before ?? { about, event, count: 0, first: time, last: time, name: undefined };
    entry.event = event;
    entry.count++;
    entry.last = time;
    remember(known, key, entry);
    if (waiting.size >= MAX_WAITING && !waiting.has(entry)) {
      onError(new Error(`Cannot record event ${event.reason}: ${MAX_WAITING} others wait`));
      return;
    }
    waiting.add(entry);
    start();
  }

  function start(): void {
    sending ??= sendAll().finally(() => {
      sending = undefined;
      // Recorded between the last look and this.
      if (waiting.size > 0 && !stop.signal.aborted) start();
    });
  }

  async function sendAll(): Promise<void> {
    // Whoever records a burst of the same sends it once.
    await Promise.resolve();
    for (const entry of waiting) {
      if (stop.signal.aborted) return;
      waiting.delete(entry);
      await send(entry);
    }
  }

  async function send(entry: Known): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await write(entry);
        return;
      } catch (error) {
        if (stop.signal.aborted || attempt >= MAX_ATTEMPTS || !isTemporary(error)) {
          onError(error);
          return;
        }
        await sleep(FIRST_RETRY_MS * 2 ** (attempt - 1), stop.signal);
      }
    }
  }

  async function write(entry: Known): Promise<void> {
    const { signal } = stop;
    if (entry.name !== undefined) {
      try {
        await client.patch(eventKind, entry.name, { type: "merge", body: planRepetition(entry) }, signal);
        return;
      } catch (error) {
        // The server keeps events for an hour only: it begins anew.
        if (!isApiError(error, "NotFound")) throw error;
      }
    }
    const { metadata } = await client.create(eventKind, planEvent({ ...entry, serial: nextSerial() }, options), signal);
    entry.name = { namespace: metadata.namespace, name: metadata.name ?? "" };
  }

  return {
    record(about, event) {
      if (isClosed) return;
      try {
        record(about, event);
      } catch (error) {
        onError(error);
      }
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      const timer = setTimeout(() => stop.abort(new Error("The event recorder was closed")), FLUSH_MS);
      while (sending !== undefined) await sending;
      clearTimeout(timer);
    },
  };
}

/** Moves the key to the end, and forgets the oldest ones. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= MAX_KNOWN) return;
    map.delete(oldest);
  }
}

/** Not the caller's fault: the server is away or busy, or another recorder has taken the name. */
function isTemporary(error: unknown): boolean {
  if (isApiError(error, "AlreadyExists")) return true;
  return isApiError(error) && (error.code === 429 || error.code === 503 || error.code === 504);
}
