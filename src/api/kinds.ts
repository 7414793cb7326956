/** All kinds that are built in. A new kind is its own file in kinds/ and a line here; others arrive as CRDs. */
import type { Kind } from "./kind.ts";
import { selfSubjectReview } from "./kinds/authentication/self-subject-review.ts";
import { tokenRequest } from "./kinds/authentication/token-request.ts";
import { tokenReview } from "./kinds/authentication/token-review.ts";
import { localSubjectAccessReview } from "./kinds/authorization/local-subject-access-review.ts";
import { selfSubjectAccessReview } from "./kinds/authorization/self-subject-access-review.ts";
import { selfSubjectRulesReview } from "./kinds/authorization/self-subject-rules-review.ts";
import { subjectAccessReview } from "./kinds/authorization/subject-access-review.ts";
import { binding } from "./kinds/binding.ts";
import { clusterNetworkPolicy } from "./kinds/cluster-network-policy/cluster-network-policy.ts";
import { configMap } from "./kinds/config-map.ts";
import { controllerRevision } from "./kinds/controller-revision.ts";
import { customResourceDefinition } from "./kinds/custom-resource-definition/custom-resource-definition.ts";
import { daemonSet } from "./kinds/daemon-set.ts";
import { deployment } from "./kinds/deployment.ts";
import { endpointSlice } from "./kinds/endpoint-slice.ts";
import { endpoints } from "./kinds/endpoints.ts";
import { eventsEvent } from "./kinds/event/events-event.ts";
import { event } from "./kinds/event.ts";
import { eviction } from "./kinds/eviction.ts";
import { job } from "./kinds/job/job.ts";
import { lease } from "./kinds/lease.ts";
import { namespace } from "./kinds/namespace.ts";
import { networkPolicy } from "./kinds/network-policy.ts";
import { node } from "./kinds/node.ts";
import { pod } from "./kinds/pod/pod.ts";
import { podDisruptionBudget } from "./kinds/pod-disruption-budget.ts";
import { clusterRole } from "./kinds/rbac/cluster-role.ts";
import { clusterRoleBinding } from "./kinds/rbac/cluster-role-binding.ts";
import { role } from "./kinds/rbac/role.ts";
import { roleBinding } from "./kinds/rbac/role-binding.ts";
import { replicaSet } from "./kinds/replica-set.ts";
import { scale } from "./kinds/scale.ts";
import { secret } from "./kinds/secret.ts";
import { service } from "./kinds/service/service.ts";
import { serviceAccount } from "./kinds/service-account.ts";
import { statefulSet } from "./kinds/stateful-set/stateful-set.ts";

export const kinds: readonly Kind[] = [
  configMap,
  namespace,
  secret,
  serviceAccount,
  lease,
  pod,
  binding,
  node,
  event,
  eventsEvent,
  role,
  clusterRole,
  roleBinding,
  clusterRoleBinding,
  subjectAccessReview,
  selfSubjectAccessReview,
  localSubjectAccessReview,
  selfSubjectRulesReview,
  selfSubjectReview,
  tokenReview,
  tokenRequest,
  service,
  endpoints,
  endpointSlice,
  networkPolicy,
  clusterNetworkPolicy,
  deployment,
  replicaSet,
  daemonSet,
  statefulSet,
  controllerRevision,
  customResourceDefinition,
  job,
  podDisruptionBudget,
  eviction,
  scale,
];
