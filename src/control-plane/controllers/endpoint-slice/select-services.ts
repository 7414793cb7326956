/** Which pods belong to which services: a service's selector names labels that a pod must have. */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";

/** Whether its endpoints are made from pods. Without a selector somebody else makes them. */
export function selectsPods({ spec }: Service): boolean {
  return spec.type !== "ExternalName" && hasSelector(spec);
}

export function hasSelector({ selector }: Pick<Service["spec"], "selector">): boolean {
  return selector !== undefined && Object.keys(selector).length > 0;
}

export function selects({ spec }: Service, labels: Pod["metadata"]["labels"]): boolean {
  const { selector = {} } = spec;
  for (const name in selector) if (labels?.[name] !== selector[name]) return false;
  return hasSelector(spec);
}

/** True when no label differs; labels of the same pod mostly are the same object. */
export function sameLabels(a: Pod["metadata"]["labels"] = {}, b: Pod["metadata"]["labels"] = {}): boolean {
  if (a === b) return true;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
