/** Whether a cluster's nodes are ready, as the API has it: watched, never asked again. */
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { Informer } from "#api-client/informer.ts";

export interface MissingNode {
  readonly name: string;
  /** In the words of the node's own condition. */
  readonly why: string;
}

/** Those of `names` that are not ready, with the condition that says so. */
export function missingNodes(names: readonly string[], nodes: readonly Node[]): readonly MissingNode[] {
  return names.flatMap((name) => {
    const why = whyNotReady(nodes.find((node) => node.metadata.name === name));
    return why === undefined ? [] : [{ name, why }];
  });
}

export function whyNotReady(node: Node | undefined): string | undefined {
  if (node === undefined) return "its kubelet has not registered it";
  const conditions = node.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === "Ready");
  if (ready === undefined) return "it has no condition Ready yet";
  if (ready.status !== "True") return `condition Ready is ${ready.status}: ${ready.reason}: ${ready.message}`;
  const network = conditions.find(({ type }) => type === "NetworkUnavailable");
  if (network?.status === "True") return `condition NetworkUnavailable is True: ${network.reason}: ${network.message}`;
  return undefined;
}

export interface AwaitedNode {
  readonly name: string;
  registered(signal: AbortSignal): Promise<void>;
}

export interface NodeWatch {
  readonly client: Pick<ApiClient, "get">;
  readonly nodeObjects: Pick<Informer<Node>, "list" | "subscribe">;
}

/**
 * Resolves to those still missing when the signal aborts; to none as soon as all are ready. What the API says of a node
 * counts from when its kubelet, as it runs now, has written it: before, it may be of the node's earlier life.
 */
export async function waitForNodes(
  { client, nodeObjects }: NodeWatch,
  nodes: readonly AwaitedNode[],
  signal: AbortSignal,
): Promise<readonly MissingNode[]> {
  const { promise, resolve } = Promise.withResolvers<readonly MissingNode[]>();
  /** Of each node: the resource version since which it is of this life. */
  const since = new Map<string, number>();
  const look = (): void => {
    const current = nodeObjects.list().filter(({ metadata: { name = "", resourceVersion } }) => {
      const first = since.get(name);
      return first !== undefined && Number(resourceVersion) >= first;
    });
    const missing = missingNodes(
      nodes.map(({ name }) => name),
      current,
    );
    if (missing.length === 0 || signal.aborted) resolve(missing);
  };
  const follow = async (node: AwaitedNode): Promise<void> => {
    await node.registered(signal);
    const { metadata } = await client.get(nodeKind, { name: node.name }, signal);
    since.set(node.name, Number(metadata.resourceVersion));
    look();
  };
  for (const node of nodes) follow(node).catch(look); // cut short by the signal, or told as not registered
  using _watch = nodeObjects.subscribe({ onAdd: look, onUpdate: look, onDelete: look });
  signal.addEventListener("abort", look, { once: true });
  try {
    look();
    return await promise;
  } finally {
    signal.removeEventListener("abort", look);
  }
}
