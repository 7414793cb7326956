/** All objects by uid, and who belongs to whom: what the garbage collector knows of the cluster. */
import type { Kind, KubeObject } from "#api/kind.ts";

export interface GraphNode {
  readonly kind: Kind;
  readonly object: KubeObject;
}

export interface OwnerGraph {
  put(kind: Kind, object: KubeObject): void;
  remove(uid: string): void;
  removeKind(kind: Kind): void;
  get(uid: string): GraphNode | undefined;
  /** Objects with an owner reference to it, whether it is there or not. */
  dependentsOf(uid: string): readonly GraphNode[];
}

export function createOwnerGraph(): OwnerGraph {
  const nodes = new Map<string, GraphNode>();
  /** uids of dependents by the owner's uid. */
  const dependents = new Map<string, Set<string>>();

  function unlink(uid: string, { object }: GraphNode): void {
    for (const { uid: owner } of object.metadata.ownerReferences ?? []) {
      const own = dependents.get(owner);
      own?.delete(uid);
      if (own?.size === 0) dependents.delete(owner);
    }
  }

  function remove(uid: string): void {
    const node = nodes.get(uid);
    if (node === undefined) return;
    unlink(uid, node);
    nodes.delete(uid);
  }

  return {
    put(kind, object) {
      const { uid, ownerReferences = [] } = object.metadata;
      if (uid === undefined) return;
      const before = nodes.get(uid);
      if (before !== undefined) unlink(uid, before);
      nodes.set(uid, { kind, object });
      for (const { uid: owner } of ownerReferences) {
        const own = dependents.get(owner);
        if (own === undefined) dependents.set(owner, new Set([uid]));
        else own.add(uid);
      }
    },
    remove,
    removeKind(kind) {
      for (const [uid, node] of nodes) if (node.kind === kind) remove(uid);
    },
    get: (uid) => nodes.get(uid),
    dependentsOf: (uid) =>
      [...(dependents.get(uid) ?? [])].flatMap((dependent) => {
        const node = nodes.get(dependent);
        return node === undefined ? [] : [node];
      }),
  };
}
