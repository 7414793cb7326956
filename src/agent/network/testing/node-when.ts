/** Waits for what an agent writes on its Node object. */
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import type { ApiClient } from "#api-client/api-client.ts";

/** The object as soon as it is so; rejects at the deadline with what it was last. */
export async function nodeWhen(
  client: Pick<ApiClient, "watch">,
  name: string,
  isReached: (node: Node) => boolean,
): Promise<Node> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  let last: Node | undefined;
  try {
    const query = { fieldSelector: `metadata.name=${name}`, resourceVersion: "0" };
    for await (const event of client.watch(nodeKind, query, deadline)) {
      if (event.type === "BOOKMARK") continue;
      last = event.object;
      if (isReached(last)) return last;
    }
  } catch (error) {
    if (!deadline.aborted) throw error;
  }
  throw new Error(`Node "${name}" does not come to that: ${JSON.stringify(last?.metadata.annotations)}`);
}

const DEADLINE_MS = 20_000;
