/** Where objects are in the API: /api/v1/namespaces/default/pods/web, /apis/apps/v1/deployments. */
import { apiVersionOf, type KindNames } from "#api/kind.ts";
import type { ObjectName } from "./api-client.ts";

/** Without a namespace: all objects of the kind in the cluster. */
export function collectionPath(kind: KindNames, namespace?: string): string {
  const root = kind.group === "" ? "/api" : "/apis";
  const scope = kind.isNamespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}/${apiVersionOf(kind)}${scope}/${kind.plural}`;
}

export function objectPath(kind: KindNames, { namespace, name }: ObjectName, subresource = ""): string {
  const below = subresource === "" ? "" : `/${subresource}`;
  return `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}${below}`;
}
