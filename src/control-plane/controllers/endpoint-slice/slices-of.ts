/** Whose slice a slice is: labels say for which service it is and which controller manages it. */
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { ObjectName } from "#api-client/api-client.ts";
import type { Informer } from "#api-client/informer.ts";
import { keyFrom } from "#api-client/object-cache.ts";
import { MANAGED_BY_LABEL, SERVICE_NAME_LABEL } from "./plan-slices.ts";

/** "namespace/name" of the service; undefined for slices of other managers. */
export function serviceKeyOf({ metadata }: EndpointSlice, manager: string): string | undefined {
  const { labels = {}, namespace } = metadata;
  const name = labels[SERVICE_NAME_LABEL];
  return name === undefined || labels[MANAGED_BY_LABEL] !== manager ? undefined : keyFrom(namespace, name);
}

export function slicesOf(
  slices: Pick<Informer<EndpointSlice>, "list">,
  { namespace, name }: ObjectName,
  manager: string,
): readonly EndpointSlice[] {
  const key = keyFrom(namespace, name);
  return slices.list(namespace).filter((slice) => serviceKeyOf(slice, manager) === key);
}
