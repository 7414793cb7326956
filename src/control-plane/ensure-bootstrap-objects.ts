/**
 * What a cluster starts with: its namespaces, and the roles that everything else is allowed by. Made when it is not
 * there; what somebody has changed stays as it is.
 */
import { isApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { clusterRole } from "#api/kinds/rbac/cluster-role.ts";
import { clusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import type { JsonValue } from "#base/json.ts";
import { bootstrapClusterRoleBindings } from "./authorization/bootstrap-cluster-role-bindings.ts";
import { bootstrapClusterRoles } from "./authorization/bootstrap-cluster-roles.ts";
import { MASTERS_GROUP } from "./authorization/union-authorizer.ts";
import type { RequestContext, ResourceApi, Target } from "./resources/resource-api.ts";

const NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

export async function ensureBootstrapObjects(resourceApi: ResourceApi, signal: AbortSignal): Promise<void> {
  const context = serverContext(signal);
  await ensureAll(
    resourceApi,
    namespace,
    NAMESPACES.map((name) => ({ metadata: { name } })),
    context,
  );
  await ensureAll(resourceApi, clusterRole, bootstrapClusterRoles, context);
  await ensureAll(resourceApi, clusterRoleBinding, bootstrapClusterRoleBindings, context);
}

/** The API server itself: it may do everything. */
export function serverContext(signal: AbortSignal): RequestContext {
  return {
    user: { name: "system:apiserver", groups: [MASTERS_GROUP, "system:authenticated"] },
    isDryRun: false,
    fieldManager: "kube-apiserver",
    fieldValidation: "Ignore",
    warn: () => undefined,
    signal,
  };
}

async function ensureAll(
  resourceApi: ResourceApi,
  kind: Kind,
  objects: readonly Pick<KubeObject, "metadata">[],
  context: RequestContext,
): Promise<void> {
  const target: Target = { kind, namespace: undefined, name: undefined, subresource: "" };
  const { items } = await resourceApi.list(target, {}, context);
  const present = new Set(items.map(({ metadata }) => metadata.name));
  for (const object of objects) {
    if (present.has(object.metadata.name)) continue;
    // Objects that are written down in the program are JSON.
    const body = object as unknown as JsonValue;
    try {
      await resourceApi.create(target, body, context);
    } catch (error) {
      // Another API server on the same store was faster.
      if (!isApiError(error, "AlreadyExists")) throw error;
    }
  }
}
