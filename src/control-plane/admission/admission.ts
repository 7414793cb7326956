/**
 * What is checked or completed in an object beyond its own kind's rules, before it is validated and written: whether
 * its namespace exists, which account a pod runs as. Each rule is a file of its own.
 * Source: Kubernetes documentation, "Admission Controllers".
 */
import type { Kind, KubeObject } from "#api/kind.ts";
import type { RequestContext, Target } from "../resources/resource-api.ts";

export type AdmissionOperation = "create" | "update" | "delete";

export interface AdmissionScope {
  readonly operation: AdmissionOperation;
  readonly kind: Kind;
  readonly subresource: string;
}

export interface AdmissionRequest {
  readonly operation: AdmissionOperation;
  readonly target: Target;
  /** As it would be stored, without the name where generateName asks for one; on delete, what is there. */
  readonly object: KubeObject;
  /** undefined on create. */
  readonly old: KubeObject | undefined;
  readonly context: RequestContext;
}

export interface AdmissionRule {
  /** Asked once for each scope and remembered. */
  handles(scope: AdmissionScope): boolean;
  /** Gives the object to go on with, which on delete nobody looks at. Throws ApiError to refuse. */
  admit(request: AdmissionRequest): KubeObject | Promise<KubeObject>;
}

export interface Admission {
  admit(request: AdmissionRequest): Promise<KubeObject>;
}

/** Asks the rules in their order. */
export function createAdmission(rules: readonly AdmissionRule[]): Admission {
  const remembered = new WeakMap<Kind, Map<string, readonly AdmissionRule[]>>();
  function rulesFor(scope: AdmissionScope): readonly AdmissionRule[] {
    const ofKind = remembered.get(scope.kind) ?? new Map<string, readonly AdmissionRule[]>();
    remembered.set(scope.kind, ofKind);
    const key = `${scope.operation}/${scope.subresource}`;
    const known = ofKind.get(key);
    if (known !== undefined) return known;
    const found = rules.filter((rule) => rule.handles(scope));
    ofKind.set(key, found);
    return found;
  }
  return {
    async admit(request) {
      const { operation, target } = request;
      let { object } = request;
      for (const rule of rulesFor({ operation, kind: target.kind, subresource: target.subresource })) {
        const admitted = rule.admit({ ...request, object });
        object = admitted instanceof Promise ? await admitted : admitted;
      }
      return object;
    },
  };
}
