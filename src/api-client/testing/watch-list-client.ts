/** The API server in memory as one that supports WatchList, for one client: its watches may begin with all objects. */
import type { ApiClient } from "../api-client.ts";

export function watchListClient(
  client: Pick<ApiClient, "list" | "watch">,
): Pick<ApiClient, "list" | "watch" | "supportsWatchList"> {
  return {
    supportsWatchList: true,
    list: (kind, query, signal) => client.list(kind, query, signal),
    async *watch(kind, { sendInitialEvents, ...query }, signal) {
      if (sendInitialEvents !== true) return yield* client.watch(kind, query, signal);
      const { labelSelector, fieldSelector, namespace } = query;
      const selection = { namespace, ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) };
      const { items, resourceVersion } = await client.list(kind, selection, signal);
      for (const object of items) yield { type: "ADDED", object };
      yield { type: "BOOKMARK", resourceVersion, endsInitialEvents: true };
      yield* client.watch(kind, { ...query, resourceVersion }, signal);
    },
  };
}
