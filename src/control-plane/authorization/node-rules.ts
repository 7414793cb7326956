/** What all nodes may do alike; the rest depends on the node and its pods. Source: as for the node authorizer. */
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";

const READ = ["get", "list", "watch"];

export const nodeRules: readonly PolicyRule[] = [
  { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"] },
  {
    verbs: ["create"],
    apiGroups: ["authorization.k8s.io"],
    resources: ["subjectaccessreviews", "localsubjectaccessreviews"],
  },
  { verbs: READ, apiGroups: [""], resources: ["services", "endpoints"] },
  { verbs: READ, apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"] },
  { verbs: ["create", "update", "patch"], apiGroups: ["", "events.k8s.io"], resources: ["events"] },
];
