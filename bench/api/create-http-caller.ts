/** HTTP by its version. */
import type { Cluster } from "#api-client/kubeconfig.ts";
import type { Protocol } from "./contestants.ts";
import type { HttpCaller } from "./http-caller.ts";
import { createHttp1Caller } from "./http1-caller.ts";
import { createHttp2Caller } from "./http2-caller.ts";

export function createHttpCaller(cluster: Cluster, protocol: Protocol): HttpCaller {
  return protocol === "http1" ? createHttp1Caller(cluster) : createHttp2Caller(cluster);
}
