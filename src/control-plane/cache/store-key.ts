/** Where the store has the objects of a kind. */
import type { KindNames } from "#api/kind.ts";

/** "/registry/core/pods/", "/registry/apps/deployments/". */
export function storePrefix({ group, plural }: Pick<KindNames, "group" | "plural">): string {
  return `/registry/${group === "" ? "core" : group}/${plural}/`;
}

/** Behind the prefix: "default/web-0", "node-1". */
export function objectKey(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
