/**
 * A store that notes each write before it is sent, in a file that outlives SIGKILL: whatever is found in etcd's history
 * later was meant by somebody, under some term. And one write can be held back, as if the process had been stopped
 * between its decision and the network.
 */
import { createHash } from "node:crypto";
import { openSync, readFileSync, writeSync } from "node:fs";
import { isStoreError, type Revision, type Store, type WriteRequest } from "#control-plane/store/store.ts";

export interface Intent {
  readonly key: string;
  /** "deleted", or of the value. */
  readonly digest: string;
  /** The revision of its fence: the term; undefined: a write of no leader. */
  readonly term: Revision | undefined;
}

export interface RecordedStore extends Store {
  /** The next write of a leader waits. Resolves with its key. */
  hold(): Promise<string>;
  /** Sends it, whatever has become of who wanted it; gives "written", or the reason why not. */
  go(): Promise<string>;
}

const never = new AbortController().signal;

export function digestOf(value: string | undefined): string {
  return value === undefined ? "deleted" : createHash("sha256").update(value).digest("base64url");
}

export function createRecordedStore(inner: Store, path: string): RecordedStore {
  const file = openSync(path, "a", 0o600);
  let holding: PromiseWithResolvers<string> | undefined;
  let gate: PromiseWithResolvers<void> | undefined;
  const outcome = Promise.withResolvers<string>();

  async function held(request: WriteRequest): Promise<Revision> {
    gate = Promise.withResolvers<void>();
    holding?.resolve(request.key);
    holding = undefined;
    await gate.promise;
    for (;;) {
      try {
        const revision = await inner.write(request, never);
        outcome.resolve("written");
        return revision;
      } catch (error) {
        // Connections of a process that was stopped may have ended meanwhile: it is not said what became of the write.
        if (isStoreError(error, "unavailable")) continue;
        outcome.resolve(error instanceof Error && "code" in error ? String(error.code) : String(error));
        throw error;
      }
    }
  }

  return {
    ...inner,
    async write(request, signal) {
      const { key, value, fence } = request;
      const intent: Intent = { key, digest: digestOf(value), term: fence?.revision };
      writeSync(file, `${JSON.stringify(intent)}\n`);
      return fence !== undefined && holding !== undefined ? await held(request) : await inner.write(request, signal);
    },
    hold() {
      holding = Promise.withResolvers();
      return holding.promise;
    },
    async go() {
      gate?.resolve();
      return await outcome.promise;
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

export function readIntents(path: string): readonly Intent[] {
  const lines = readFileSync(path, "utf8").split("\n");
  // Only createRecordedStore writes there; a last line that a killed process did not end was not sent.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Intent);
}
