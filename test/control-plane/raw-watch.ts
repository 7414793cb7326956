/**
 * A watch as the wire has it, resumed by hand from the last revision it has seen. Keeps every event, and whoever
 * waits for a revision hears of it.
 */
import type { IncomingMessage } from "node:http";
import type { ApiCaller } from "./api-caller.ts";

export interface RawEvent {
  readonly type: string;
  readonly name: string;
  readonly revision: number;
  readonly value: string | undefined;
}

export interface RawWatch extends Disposable {
  readonly events: readonly RawEvent[];
  /** Of the last event or bookmark. */
  revision(): number;
  /** Begins, or goes on after an interruption. Rejects with the server's refusal. */
  connect(caller: ApiCaller): Promise<void>;
  /** Resolves when it has an event of this revision or a later one. */
  reached(revision: number): Promise<void>;
}

/** `path` without a query. */
export function createRawWatch(path: string, from: number): RawWatch {
  const events: RawEvent[] = [];
  const waiting = new Set<() => void>();
  let revision = from;
  let response: IncomingMessage | undefined;

  function take(line: string): void {
    const { type, object } = JSON.parse(line);
    if (type === "ERROR") throw new Error(`the watch was ended: ${line}`);
    revision = Number(object.metadata.resourceVersion);
    if (type !== "BOOKMARK") events.push({ type, name: object.metadata.name, revision, value: object.data?.value });
    for (const check of waiting) check();
  }

  return {
    events,
    revision: () => revision,
    async connect(caller) {
      const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${revision}`;
      const opened = await caller.open("GET", `${path}?${query}`);
      if (opened.statusCode !== 200) throw new Error(`the watch was refused with ${opened.statusCode}`);
      response = opened;
      let rest = "";
      opened.setEncoding("utf8");
      opened.on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        // What a killed server did not end is no event.
        rest = lines.pop() ?? "";
        for (const line of lines) take(line);
      });
      opened.on("error", () => undefined);
    },
    reached(wanted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const check = (): void => {
        if (revision < wanted) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
      return promise;
    },
    [Symbol.dispose]: () => void response?.destroy(),
  };
}

/** Replays events over the state before them. Throws when one is missing, came twice or came out of order. */
export function replay(state: Map<string, string | undefined>, events: readonly RawEvent[]): void {
  let last = 0;
  for (const { type, name, revision, value } of events) {
    if (revision <= last) throw new Error(`event ${revision} came behind ${last}`);
    last = revision;
    if (state.has(name) !== (type !== "ADDED")) throw new Error(`${type} of ${name} at ${revision} does not follow`);
    if (type === "DELETED") state.delete(name);
    else state.set(name, value);
  }
}
