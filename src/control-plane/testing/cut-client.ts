import { serviceUnavailableError } from "#api/api-error.ts";
import type { ApiClient } from "#api-client/api-client.ts";

/** The client, with watches that end behind an event by that chance: half of them as if the server had ended them. */
export function cutClient(
  client: Pick<ApiClient, "list" | "watch">,
  random: () => number,
  chance: number,
): Pick<ApiClient, "list" | "watch"> {
  return {
    list: (kind, query, signal) => client.list(kind, query, signal),
    async *watch(kind, query, signal) {
      for await (const event of client.watch(kind, query, signal)) {
        yield event;
        if (random() >= chance) continue;
        if (random() < 0.5) return;
        throw serviceUnavailableError("the connection was cut");
      }
    },
  };
}
