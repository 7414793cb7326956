/** All admission rules in the order in which they are asked. */
import { type Admission, createAdmission } from "./admission.ts";
import { defaultTolerations } from "./default-tolerations.ts";
import { definitionLifecycle } from "./definition-lifecycle.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { podPriority } from "./pod-priority.ts";
import { type PodServiceAccountDeps, podServiceAccount } from "./pod-service-account.ts";
import { rbacEscalation } from "./rbac-escalation.ts";

export interface ClusterAdmissionDeps extends PodServiceAccountDeps {
  readonly pods: Parameters<typeof nodeRestriction>[0];
  readonly escalation: Parameters<typeof rbacEscalation>[0];
}

export function createClusterAdmission(deps: ClusterAdmissionDeps): Admission {
  return createAdmission([
    namespaceLifecycle(deps.caches),
    definitionLifecycle,
    nodeRestriction(deps.pods),
    podServiceAccount(deps),
    podPriority,
    defaultTolerations,
    rbacEscalation(deps.escalation),
  ]);
}
