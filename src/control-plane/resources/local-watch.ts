/**
 * A watch as an iterable: events wait in a bounded buffer until the reader takes them. The reader that does not keep
 * up gets 410 and lists again; the writer never waits for it.
 */
import type { KubeObject } from "#api/kind.ts";
import type { TypedWatchEvent } from "#api-client/api-client.ts";
import type { WatchEvent, WatchSink } from "./resource-api.ts";

export interface LocalWatch<O extends KubeObject> {
  typed(object: KubeObject): O;
  /** The watch ends by itself after that time. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
  overflowError(): Error;
  /** Resolves when the watch stands. */
  begin(sink: WatchSink, signal: AbortSignal): Promise<void>;
}

/** Events wait as references to objects that the cache has anyway. */
const MAX_WAITING = 10_000;

export async function* watchLocally<O extends KubeObject>(watch: LocalWatch<O>): AsyncGenerator<TypedWatchEvent<O>> {
  const { signal, timeoutMs } = watch;
  const over = new AbortController();
  const buffer = createBuffer(watch.overflowError);
  const abort = (): void => {
    buffer.end(signal.reason);
    over.abort(signal.reason);
  };
  signal.throwIfAborted();
  signal.addEventListener("abort", abort, { once: true });
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => buffer.end(undefined), timeoutMs);
  timer?.unref();
  try {
    await watch.begin(buffer.sink, over.signal);
    buffer.stand();
    for (;;) {
      const events = await buffer.take();
      if (events === undefined) return;
      for (const event of events) yield typedEvent(event, watch);
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    over.abort();
  }
}

interface Buffer {
  readonly sink: WatchSink;
  /** From now on the buffer is bounded: what is there at the beginning comes at once, however much it is. */
  stand(): void;
  /** At least one event; undefined at the end. Throws what the watch ended with. */
  take(): Promise<readonly WatchEvent[] | undefined>;
  /** What waits is dropped for an error, and comes first at a normal end. */
  end(error: unknown): void;
}

function createBuffer(overflowError: () => Error): Buffer {
  let waiting: WatchEvent[] = [];
  let room = Number.POSITIVE_INFINITY;
  let ended: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;

  function end(error: unknown): void {
    if (ended !== undefined) return;
    ended = { error };
    if (error !== undefined) waiting = [];
    wake?.();
  }

  return {
    sink: {
      onEvent(event) {
        if (ended !== undefined) return false;
        if (room === 0) {
          end(overflowError());
          return false;
        }
        room--;
        waiting.push(event);
        wake?.();
        return true;
      },
      onError: end,
    },
    stand() {
      room = MAX_WAITING;
    },
    async take() {
      if (waiting.length === 0 && ended === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
        wake = undefined;
      }
      if (ended?.error !== undefined) throw ended.error;
      const taken = waiting;
      if (taken.length === 0) return undefined;
      waiting = [];
      room = MAX_WAITING;
      return taken;
    },
    end,
  };
}

function typedEvent<O extends KubeObject>({ type, object }: WatchEvent, { typed }: LocalWatch<O>): TypedWatchEvent<O> {
  if (type !== "BOOKMARK") return { type, object: typed(object) };
  const { resourceVersion = "", annotations } = object.metadata;
  return { type, resourceVersion, endsInitialEvents: annotations?.["k8s.io/initial-events-end"] === "true" };
}
