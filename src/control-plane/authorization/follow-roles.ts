/** Keeps the index of roles and bindings up to date with what is stored. */
import type { Kind, KubeObject } from "#api/kind.ts";
import { clusterRole } from "#api/kinds/rbac/cluster-role.ts";
import { clusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import { role } from "#api/kinds/rbac/role.ts";
import { roleBinding } from "#api/kinds/rbac/role-binding.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { followObjects } from "./follow-objects.ts";
import type { ObjectSink, RbacIndex } from "./rbac-index.ts";

export interface FollowRolesDeps {
  readonly caches: (kind: Kind) => WatchCache;
  readonly index: RbacIndex;
  onLost(error: unknown): void;
}

/** Resolves when all roles and bindings are known. Ends with `signal`. */
export async function followRoles({ caches, index, onLost }: FollowRolesDeps, signal: AbortSignal): Promise<void> {
  const follow = <O extends KubeObject>(kind: Kind<O>, sink: ObjectSink<O>): Promise<void> =>
    followObjects({ cache: caches(kind), kind, sink, onLost }, signal);
  await Promise.all([
    follow(role, index.roles),
    follow(clusterRole, index.clusterRoles),
    follow(roleBinding, index.roleBindings),
    follow(clusterRoleBinding, index.clusterRoleBindings),
  ]);
}
