/** "namespace/name", or "name" for kinds of the whole cluster: what work queues hold. */
import type { ObjectName } from "#api-client/api-client.ts";

export function splitKey(key: string): ObjectName {
  const slash = key.indexOf("/");
  if (slash < 0) return { namespace: undefined, name: key };
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
