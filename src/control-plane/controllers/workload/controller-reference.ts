/** Who manages an object: its one owner reference with `controller: true`. Source: Kubernetes API, OwnerReference. */
import { apiVersionOf, type KindNames, type KubeObject } from "#api/kind.ts";
import type { OwnerReference } from "#api/meta/object-meta.ts";

export function controllerOf({ metadata }: Pick<KubeObject, "metadata">): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

export function controllerReference(kind: KindNames, { metadata }: KubeObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    name: metadata.name ?? "",
    uid: metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}
