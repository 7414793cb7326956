import { serviceUnavailableError } from "#api/api-error.ts";
import type { ApiClient } from "#api-client/api-client.ts";

export interface CutClient extends Pick<ApiClient, "list" | "watch"> {
  /** Requests so far. */
  readonly counts: { readonly lists: number; readonly watches: number };
}

/** The client, with watches that end behind an event by that chance: half of them as if the server had ended them. */
export function cutClient(client: Pick<ApiClient, "list" | "watch">, random: () => number, chance: number): CutClient {
  const counts = { lists: 0, watches: 0 };
  return {
    counts,
    list(kind, query, signal) {
      counts.lists++;
      return client.list(kind, query, signal);
    },
    async *watch(kind, query, signal) {
      counts.watches++;
      for await (const event of client.watch(kind, query, signal)) {
        yield event;
        if (random() >= chance) continue;
        if (random() < 0.5) return;
        throw serviceUnavailableError("the connection was cut");
      }
    },
  };
}
