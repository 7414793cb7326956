/**
 * Objects as JSON text. Objects are frozen and shared, so their text is made once and kept as long as they live:
 * the same object goes to many readers, in lists and in watches.
 */
import type { KubeObject } from "#api/kind.ts";

const members = new WeakMap<KubeObject, string>();

/** All but kind and apiVersion, with the brace at the end: `"metadata":{…},"spec":{…}}`. */
function membersText(object: KubeObject): string {
  const known = members.get(object);
  if (known !== undefined) return known;
  const text = JSON.stringify({ ...object, kind: undefined, apiVersion: undefined }).slice(1);
  if (Object.isFrozen(object)) members.set(object, text);
  return text;
}

export function objectText(object: KubeObject): string {
  return headed(`"kind":${JSON.stringify(object.kind)},"apiVersion":${JSON.stringify(object.apiVersion)}`, object);
}

/** As in lists, where kind and apiVersion stand once for all items. */
export function itemText(object: KubeObject): string {
  return `{${membersText(object)}`;
}

/** Only metadata, as PartialObjectMetadata. */
export function metadataText(object: KubeObject, version: "v1" | "v1beta1"): string {
  const metadata = JSON.stringify(object.metadata);
  return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${version}","metadata":${metadata}}`;
}

function headed(head: string, object: KubeObject): string {
  const rest = membersText(object);
  return rest === "}" ? `{${head}}` : `{${head},${rest}`;
}
