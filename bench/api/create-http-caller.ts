/** HTTP by its version. */
import type { Cluster } from "#api-client/kubeconfig.ts";
import type { Protocol } from "./contestants.ts";
import type { HttpCaller } from "./http-caller.ts";
import { createHttp1Caller } from "./http1-caller.ts";
import { createHttp2Caller } from "./http2-caller.ts";

/** Watches of one client, which is one connection of HTTP/2: as many as an agent on a node has. */
export const WATCHES_PER_CONNECTION = 10;

export function createHttpCaller(cluster: Cluster, protocol: Protocol): HttpCaller {
  return protocol === "http1" ? createHttp1Caller(cluster) : createHttp2Caller(cluster, WATCHES_PER_CONNECTION);
}
