/** Waits by a watch until the objects of a kind are as wanted. */
import type { Kind, KubeObject } from "#api/kind.ts";
import type { ApiClient, ListQuery } from "#api-client/api-client.ts";

export interface WaitForObjects<O extends KubeObject> {
  readonly kind: Kind<O>;
  readonly query: ListQuery;
  /** What they are waited for to be, for the message. */
  readonly what: string;
  readonly isDone: (objects: readonly O[]) => boolean;
}

const TIMEOUT_MS = 180_000;

/** The watch begins with all there are, so nothing is missed. Gives the objects as they then are. */
export async function waitForObjects<O extends KubeObject>(
  client: ApiClient,
  { kind, query, what, isDone }: WaitForObjects<O>,
  signal: AbortSignal,
): Promise<readonly O[]> {
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  const done = new AbortController();
  const objects = new Map<string, O>();
  let isComplete = false;
  try {
    const events = client.watch(
      kind,
      { ...query, sendInitialEvents: true },
      AbortSignal.any([signal, deadline, done.signal]),
    );
    for await (const event of events) {
      if (event.type === "BOOKMARK") isComplete ||= event.endsInitialEvents;
      else if (event.type === "DELETED") objects.delete(event.object.metadata.uid ?? "");
      else objects.set(event.object.metadata.uid ?? "", event.object);
      if (isComplete && isDone([...objects.values()])) return [...objects.values()];
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(`Cannot measure: waiting until ${what}, there are ${objects.size} objects`, { cause });
  } finally {
    done.abort();
  }
  throw new Error(`Cannot measure: the server ended the watch before ${what}`);
}
