/** Decides who may do what. Source: Kubernetes documentation, "Authorization Overview" (request attributes). */
import type { UserInfo } from "../resources/resource-api.ts";

export type AuthorizationRequest =
  | {
      readonly type: "resource";
      readonly user: UserInfo;
      /** get, list, watch, create, update, patch, delete, deletecollection; also bind, escalate, impersonate. */
      readonly verb: string;
      readonly group: string;
      /** "pods" */
      readonly resource: string;
      readonly subresource: string;
      readonly namespace: string | undefined;
      readonly name: string | undefined;
    }
  | { readonly type: "path"; readonly user: UserInfo; readonly verb: string; readonly path: string };

export interface AuthorizationDecision {
  readonly isAllowed: boolean;
  /** For people: `RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "y" to User "z"`; may be empty on a denial. */
  readonly reason: string;
}

export interface Authorizer {
  /** Reads cached roles only, so it never waits. */
  authorize(request: AuthorizationRequest): AuthorizationDecision;
}
