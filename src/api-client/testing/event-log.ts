/** What has happened to the memory client's objects, for watches that begin anywhere in it. */
import { expiredError } from "#api/api-error.ts";
import type { Kind, KindNames, KubeObject } from "#api/kind.ts";
import { parseFieldSelector } from "#api/selectors/parse-field-selector.ts";
import { parseLabelSelector } from "#api/selectors/parse-label-selector.ts";
import type { ListQuery } from "../api-client.ts";

export interface LoggedEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly kind: KindNames;
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

export interface Following {
  readonly kind: KindNames;
  /** A revision. */
  readonly after: number;
  matches(object: KubeObject): boolean;
  readonly signal: AbortSignal;
}

export interface EventLog {
  revision(): number;
  nextRevision(): number;
  /** Its object has the newest revision. */
  add(event: LoggedEvent): void;
  /** Until the log ends it. Throws 410 for what is forgotten, at once, and the reason of the signal. */
  follow(following: Following): AsyncGenerator<Pick<LoggedEvent, "type" | "object">>;
  endAll(error?: Error): void;
  compact(): void;
}

type End = { readonly error: Error | undefined };

export function createEventLog(): EventLog {
  let events: LoggedEvent[] = [];
  /** Everything up to this revision is forgotten. */
  let forgotten = 0;
  let revision = 1;
  let changed = Promise.withResolvers<void>();
  let end = Promise.withResolvers<End>();

  async function* follow({ kind, after, matches, signal }: Following): ReturnType<EventLog["follow"]> {
    if (after < forgotten) throw expiredError(`too old resource version: ${after} (${forgotten})`);
    const ended = end.promise;
    const aborted = abortOf(signal);
    let told = after;
    for (;;) {
      if (told < forgotten) throw expiredError(`too old resource version: ${told} (${forgotten})`);
      const waiting = changed.promise;
      const batch = events;
      for (const event of batch) {
        if (revisionOf(event) <= told || event.kind.plural !== kind.plural || event.kind.group !== kind.group) continue;
        told = revisionOf(event);
        const seen = asSeen(event, matches);
        if (seen !== undefined) yield seen;
        signal.throwIfAborted();
      }
      if (batch !== events) continue; // forgotten while the reader was slow
      told = Math.max(told, revision);
      const over = await Promise.race([waiting, ended, aborted]);
      signal.throwIfAborted();
      if (over?.error !== undefined) throw over.error;
      if (over !== undefined) return;
    }
  }

  return {
    revision: () => revision,
    nextRevision: () => ++revision,
    add(event) {
      events.push(event);
      changed.resolve();
      changed = Promise.withResolvers();
    },
    follow,
    endAll(error) {
      end.resolve({ error });
      end = Promise.withResolvers();
    },
    compact() {
      forgotten = revision;
      events = [];
    },
  };
}

/** What a watcher with a selector sees: objects come and go as they begin and cease to match. */
function asSeen({ type, object, previous }: LoggedEvent, matches: (object: KubeObject) => boolean) {
  const was = previous !== undefined && matches(previous);
  const is = type !== "DELETED" && matches(object);
  if (is) return { type: was ? "MODIFIED" : "ADDED", object } as const;
  return was ? ({ type: "DELETED", object } as const) : undefined;
}

export function selectorOf<O extends KubeObject>(kind: Kind<O>, query: ListQuery): (object: KubeObject) => boolean {
  const { namespace, labelSelector = "", fieldSelector = "" } = query;
  const labels = parseLabelSelector(labelSelector);
  const fields = parseFieldSelector(kind, fieldSelector);
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    labels.matches(object.metadata.labels) &&
    // Only objects of the kind are asked about.
    fields.matches(object as O);
}

function revisionOf({ object }: LoggedEvent): number {
  return Number(object.metadata.resourceVersion);
}

function abortOf(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  signal.addEventListener("abort", () => resolve(undefined), { once: true });
  if (signal.aborted) resolve(undefined);
  return promise;
}
