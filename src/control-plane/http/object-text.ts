/**
 * Objects as JSON text. Objects are frozen and shared, and the same one goes to many readers, in lists and in watches:
 * the text of the newest ones is kept. Not of all, because it takes as much memory as the objects do.
 */
import type { KubeObject } from "#api/kind.ts";

const MAX_KEPT_BYTES = 8 * 1024 * 1024;

/** In the order in which they were made. */
const kept = new Map<KubeObject, string>();
let keptBytes = 0;

/** All but kind and apiVersion, with the brace at the end: `"metadata":{…},"spec":{…}}`. */
function membersText(object: KubeObject, keeps: boolean): string {
  const known = kept.get(object);
  if (known !== undefined) return known;
  const text = JSON.stringify({ ...object, kind: undefined, apiVersion: undefined }).slice(1);
  if (keeps && Object.isFrozen(object)) keep(object, text);
  return text;
}

function keep(object: KubeObject, text: string): void {
  const bytes = memoryOf(text);
  if (bytes > MAX_KEPT_BYTES) return;
  kept.set(object, text);
  keptBytes += bytes;
  for (const [oldest, itsText] of kept) {
    if (keptBytes <= MAX_KEPT_BYTES) break;
    kept.delete(oldest);
    keptBytes -= memoryOf(itsText);
  }
}

/** A string has two bytes for each character when one of them needs two. At least that. */
function memoryOf(text: string): number {
  return Buffer.byteLength(text) === text.length ? text.length : 2 * text.length;
}

export function objectText(object: KubeObject): string {
  return headed(`"kind":${JSON.stringify(object.kind)},"apiVersion":${JSON.stringify(object.apiVersion)}`, object);
}

/** As in lists, where kind and apiVersion stand once for all items. `keeps`: the text is for others too. */
export function itemText(object: KubeObject, keeps: boolean): string {
  return `{${membersText(object, keeps)}`;
}

/** Only metadata, as PartialObjectMetadata. */
export function metadataText(object: KubeObject, version: "v1" | "v1beta1"): string {
  const metadata = JSON.stringify(object.metadata);
  return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${version}","metadata":${metadata}}`;
}

function headed(head: string, object: KubeObject): string {
  const rest = membersText(object, true);
  return rest === "}" ? `{${head}}` : `{${head},${rest}`;
}
