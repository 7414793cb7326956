/**
 * Roles and bindings, ready to be asked by user: bindings hang at their subjects, roles at their names. Caches feed it
 * object by object, so a change costs in proportion to that object; only aggregated roles are worked out anew.
 */
import type { Subject } from "#api/kinds/rbac/binding.ts";
import type { ClusterRole } from "#api/kinds/rbac/cluster-role.ts";
import type { ClusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import type { Role } from "#api/kinds/rbac/role.ts";
import type { RoleBinding } from "#api/kinds/rbac/role-binding.ts";
import type { UserInfo } from "../resources/resource-api.ts";
import { aggregatedRules } from "./aggregated-rules.ts";

/** Takes what a cache or an informer tells. */
export interface ObjectSink<O> {
  /** Added or changed. */
  put(object: O): void;
  remove(object: O): void;
}

/** A role that a user has through one binding. */
export interface Grant {
  /** `ClusterRoleBinding "x" of ClusterRole "y" to User "z"`. */
  readonly source: string;
  /** undefined when the role is not there. */
  readonly rules: readonly PolicyRule[] | undefined;
  /** Names the role that is missing: `clusterrole.rbac.authorization.k8s.io "y" not found`. */
  readonly missing: string;
}

export type RoleReference = Pick<RoleBinding["roleRef"], "kind" | "name">;

export interface RbacIndex {
  readonly roles: ObjectSink<Role>;
  readonly clusterRoles: ObjectSink<ClusterRole>;
  readonly roleBindings: ObjectSink<RoleBinding>;
  readonly clusterRoleBindings: ObjectSink<ClusterRoleBinding>;
  /** What the user has in the whole cluster, and in the namespace, if one is given. */
  grants(user: UserInfo, namespace: string | undefined): Iterable<Grant>;
  /** Rules of the role that a binding of that namespace refers to; undefined when it is not there. */
  rulesOf(reference: RoleReference, namespace: string | undefined): readonly PolicyRule[] | undefined;
}

export interface RbacSnapshot {
  readonly roles?: readonly Role[];
  readonly clusterRoles?: readonly ClusterRole[];
  readonly roleBindings?: readonly RoleBinding[];
  readonly clusterRoleBindings?: readonly ClusterRoleBinding[];
}

interface BoundRole {
  readonly reference: RoleReference;
  readonly source: string;
  readonly missing: string;
}

export function createRbacIndex(start: RbacSnapshot = {}): RbacIndex {
  const roles = new Map<string, Role>();
  const clusterRoles = new Map<string, ClusterRole>();
  const aggregated = new Map<string, readonly PolicyRule[]>();
  /** By namespace; "" holds the cluster role bindings. */
  const scopes = new Map<string, BindingScope>();

  const rulesOf = ({ kind, name = "" }: RoleReference, namespace = ""): readonly PolicyRule[] | undefined => {
    if (kind === "Role") {
      const role = roles.get(`${namespace}/${name}`);
      return role && (role.rules ?? []);
    }
    const role = kind === "ClusterRole" ? clusterRoles.get(name) : undefined;
    if (role === undefined || role.aggregationRule === undefined) return role && (role.rules ?? []);
    const rules = aggregated.get(name) ?? aggregatedRules(role, clusterRoles.values());
    aggregated.set(name, rules);
    return rules;
  };

  const bindingSink = <O extends RoleBinding | ClusterRoleBinding>(kind: string): ObjectSink<O> => ({
    put(object) {
      const { namespace = "", name = "" } = object.metadata;
      const scope = scopes.get(namespace) ?? createBindingScope();
      scopes.set(namespace, scope);
      scope.put(name, boundRoles(kind, object));
    },
    remove({ metadata: { namespace = "", name = "" } }) {
      const scope = scopes.get(namespace);
      scope?.put(name, []);
      if (scope?.isEmpty() === true) scopes.delete(namespace);
    },
  });

  const index: RbacIndex = {
    roles: {
      put: (role) => void roles.set(`${role.metadata.namespace ?? ""}/${role.metadata.name ?? ""}`, role),
      remove: (role) => void roles.delete(`${role.metadata.namespace ?? ""}/${role.metadata.name ?? ""}`),
    },
    clusterRoles: {
      put(role) {
        clusterRoles.set(role.metadata.name ?? "", role);
        aggregated.clear();
      },
      remove(role) {
        clusterRoles.delete(role.metadata.name ?? "");
        aggregated.clear();
      },
    },
    roleBindings: bindingSink("RoleBinding"),
    clusterRoleBindings: bindingSink("ClusterRoleBinding"),
    rulesOf,
    *grants(user, namespace = "") {
      for (const scope of namespace === "" ? [""] : ["", namespace]) {
        for (const { reference, source, missing } of scopes.get(scope)?.of(user) ?? []) {
          yield { source, missing, rules: rulesOf(reference, scope) };
        }
      }
    },
  };
  start.roles?.forEach(index.roles.put);
  start.clusterRoles?.forEach(index.clusterRoles.put);
  start.roleBindings?.forEach(index.roleBindings.put);
  start.clusterRoleBindings?.forEach(index.clusterRoleBindings.put);
  return index;
}

/** The bindings of one namespace, or those of the cluster. */
interface BindingScope {
  /** Replaces what the binding gave before. */
  put(binding: string, roles: ReadonlyMap<string, BoundRole> | readonly []): void;
  of(user: UserInfo): Iterable<BoundRole>;
  isEmpty(): boolean;
}

function createBindingScope(): BindingScope {
  const bySubject = new Map<string, Map<string, BoundRole>>();
  const subjectsOf = new Map<string, readonly string[]>();
  return {
    put(binding, roles) {
      for (const subject of subjectsOf.get(binding) ?? []) {
        const bound = bySubject.get(subject);
        bound?.delete(binding);
        if (bound?.size === 0) bySubject.delete(subject);
      }
      const added = [...roles];
      for (const [subject, role] of added) {
        const bound = bySubject.get(subject) ?? new Map<string, BoundRole>();
        bySubject.set(subject, bound.set(binding, role));
      }
      const subjects = added.map(([subject]) => subject);
      if (subjects.length > 0) subjectsOf.set(binding, subjects);
      else subjectsOf.delete(binding);
    },
    isEmpty: () => bySubject.size === 0,
    *of({ name, groups }) {
      yield* bySubject.get(userKey(name))?.values() ?? [];
      for (const group of groups) yield* bySubject.get(groupKey(group))?.values() ?? [];
    },
  };
}

/** By subject: what the binding gives to it. */
function boundRoles(kind: string, { metadata, subjects = [], roleRef }: RoleBinding | ClusterRoleBinding) {
  const { name = "", namespace = "" } = metadata;
  const shown = namespace === "" ? name : `${name}/${namespace}`;
  const role = `${roleRef.kind ?? ""} ${JSON.stringify(roleRef.name ?? "")}`;
  const roles = new Map<string, BoundRole>();
  for (const subject of subjects) {
    const key = subjectKey(subject, namespace);
    if (key === undefined || roles.has(key)) continue;
    roles.set(key, {
      reference: roleRef,
      source: `${kind} ${JSON.stringify(shown)} of ${role} to ${describeSubject(subject, namespace)}`,
      missing: `${(roleRef.kind ?? "").toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(roleRef.name ?? "")} not found`,
    });
  }
  return roles;
}

function subjectKey(subject: Subject, bindingNamespace: string): string | undefined {
  const { kind, name = "" } = subject;
  if (kind === "User") return userKey(name);
  if (kind === "Group") return groupKey(name);
  const namespace = subject.namespace || bindingNamespace;
  return kind === "ServiceAccount" && namespace !== "" ? userKey(serviceAccountUser(namespace, name)) : undefined;
}

/** The name under which a service account is known as a user. */
export function serviceAccountUser(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

function userKey(name: string): string {
  return `user ${name}`;
}

function groupKey(name: string): string {
  return `group ${name}`;
}

function describeSubject({ kind = "", name = "", namespace }: Subject, bindingNamespace: string): string {
  return kind === "ServiceAccount"
    ? `${kind} ${JSON.stringify(`${name}/${namespace || bindingNamespace}`)}`
    : `${kind} ${JSON.stringify(name)}`;
}
