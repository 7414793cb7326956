/** The controllers that make a cluster of an API server, apart from those of workloads. */
import type { Prefix } from "#base/ip-address.ts";
import type { ApiServerAddress } from "./bootstrap/plan-kubernetes-service.ts";
import { bootstrapController } from "./bootstrap/start-bootstrap.ts";
import type { Controller } from "./controller.ts";
import { drainedPodsController } from "./drained-pods/start-drained-pods.ts";
import { endpointSliceController } from "./endpoint-slice/start-endpoint-slice.ts";
import { endpointSliceMirroringController } from "./endpoint-slice-mirroring/start-endpoint-slice-mirroring.ts";
import { endpointsController } from "./endpoints/start-endpoints.ts";
import { garbageCollectorController } from "./garbage-collector/start-garbage-collector.ts";
import type { KindSource } from "./kind-source.ts";
import { loadBalancerController } from "./load-balancer/start-load-balancer.ts";
import { namespaceController } from "./namespace/start-namespace.ts";
import { nodeIpamController } from "./node-ipam/start-node-ipam.ts";
import { nodeLifecycleController } from "./node-lifecycle/start-node-lifecycle.ts";
import { taintEvictionController } from "./node-lifecycle/start-taint-eviction.ts";
import { podDisruptionBudgetController } from "./pod-disruption-budget/start-pod-disruption-budget.ts";
import { podGcController } from "./pod-gc/start-pod-gc.ts";
import { programmedPoliciesController } from "./programmed-policies/start-programmed-policies.ts";
import { serviceAccountController } from "./service-account/start-service-account.ts";

export interface ClusterControllerOptions {
  readonly kinds: KindSource;
  /** Where API servers listen: the endpoints of default/kubernetes. */
  readonly apiServers: readonly ApiServerAddress[];
  /** PEM, for the ConfigMap kube-root-ca.crt of every namespace. */
  readonly caCertificate: string;
  /** Ranges of services; the first address of the first is that of default/kubernetes. */
  readonly serviceCidrs: readonly Prefix[];
  /** Ranges that nodes get theirs from, at most one of each family; none: nodes get none. */
  readonly clusterCidrs: readonly Prefix[];
  /** Bits of a node's range. Default: 24 and 64. */
  readonly nodeMaskSizes?: { readonly ipv4?: number | undefined; readonly ipv6?: number | undefined } | undefined;
  /** What Services of type LoadBalancer get their addresses from; none: somebody else gives them. */
  readonly loadBalancerPools?: readonly Prefix[] | undefined;
  /** How long a node may be silent. Default: 40 s. */
  readonly nodeMonitorGracePeriodMs?: number | undefined;
  /** The same for nodes that have not posted anything yet. Default: 60 s. */
  readonly nodeStartupGracePeriodMs?: number | undefined;
  /** How long pods outlive their node object. Default: 40 s. */
  readonly missingNodeGracePeriodMs?: number | undefined;
  /** How many pods that have ended are kept; 0: all. Default: 12,500. */
  readonly endedPodThreshold?: number | undefined;
  /** Default: 100. */
  readonly maxEndpointsPerSlice?: number | undefined;
}

/** Throws RangeError when the cluster's ranges cannot be cut into those of nodes. */
export function clusterControllers(options: ClusterControllerOptions): readonly Controller[] {
  const { kinds, apiServers, caCertificate, serviceCidrs, clusterCidrs, nodeMaskSizes } = options;
  const { loadBalancerPools = [] } = options;
  const { nodeMonitorGracePeriodMs, nodeStartupGracePeriodMs } = options;
  const { missingNodeGracePeriodMs, endedPodThreshold, maxEndpointsPerSlice } = options;
  return [
    bootstrapController({ apiServers, serviceCidrs }),
    serviceAccountController({ caCertificate }),
    namespaceController(kinds),
    garbageCollectorController(kinds),
    nodeIpamController({ clusterCidrs, nodeMaskSizes, reservedCidrs: serviceCidrs }),
    nodeLifecycleController({
      monitorGracePeriodMs: nodeMonitorGracePeriodMs,
      startupGracePeriodMs: nodeStartupGracePeriodMs,
    }),
    taintEvictionController(),
    podGcController({ endedPodThreshold, missingNodeGracePeriodMs }),
    endpointSliceController({ maxEndpointsPerSlice }),
    endpointsController(),
    endpointSliceMirroringController(),
    podDisruptionBudgetController(kinds),
    programmedPoliciesController(),
    drainedPodsController(),
    ...(loadBalancerPools.length > 0 ? [loadBalancerController({ pools: loadBalancerPools })] : []),
  ];
}
