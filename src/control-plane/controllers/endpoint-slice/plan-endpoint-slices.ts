/**
 * The slices of a service with a selector, from the pods that it selects. Source: Kubernetes documentation,
 * "EndpointSlices"; labels as k8s.io/endpointslice sets them.
 */
import type { AddressType, EndpointPort, EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";
import {
  addressesOfType,
  addressTypesOf,
  describeEndpoint,
  describePorts,
  readinessChangedAt,
} from "./describe-endpoint.ts";
import type { WantedEndpoint } from "./fit-endpoints.ts";
import {
  HEADLESS_LABEL,
  MANAGED_BY_LABEL,
  planSlices,
  SERVICE_NAME_LABEL,
  type SliceFrame,
  type SlicePlan,
} from "./plan-slices.ts";
import { isServing } from "./serving-pod.ts";

export const ENDPOINT_SLICE_MANAGER = "endpointslice-controller.k8s.io";

/** Label values that only the controllers of slices set. */
const RESERVED: ReadonlySet<string> = new Set([SERVICE_NAME_LABEL, MANAGED_BY_LABEL, HEADLESS_LABEL]);

export interface ServiceEndpoints {
  readonly service: Service;
  /** Those that it selects. */
  readonly pods: readonly Pod[];
  /** Its slices that this controller made. */
  readonly slices: readonly EndpointSlice[];
  findNode(name: string): Node | undefined;
  readonly maxPerSlice: number;
}

export function planEndpointSlices(wanted: ServiceEndpoints): SlicePlan {
  const { service, slices, maxPerSlice } = wanted;
  const types = addressTypesOf(service);
  const placed = wanted.pods
    .filter((pod) => isServing(pod, { includesTerminating: true }))
    .flatMap((pod) => placePod(pod, wanted, types));
  const groups = [...Map.groupBy(placed, ({ key }) => key).values()].flatMap((members) =>
    members.slice(0, 1).map(({ addressType, ports }) => ({
      addressType,
      ports,
      endpoints: members.map(({ wantedEndpoint }) => wantedEndpoint),
    })),
  );
  const { creationTimestamp: createdAt } = service.metadata;
  return planSlices(slices, { frame: frameOf(service), groups, placeholders: types, createdAt }, maxPerSlice);
}

interface PlacedEndpoint {
  /** Equal for endpoints that may be in one slice. */
  readonly key: string;
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly wantedEndpoint: WantedEndpoint;
}

/** The pod in each family in which it has an address. */
function placePod(
  pod: Pod,
  { service, findNode }: ServiceEndpoints,
  types: readonly AddressType[],
): readonly PlacedEndpoint[] {
  const { nodeName = "" } = pod.spec;
  const node = nodeName === "" ? undefined : findNode(nodeName);
  // Its node is gone, and soon the pod will be; who wants all addresses gets it meanwhile.
  const isLost = nodeName !== "" && node === undefined && service.spec.publishNotReadyAddresses !== true;
  if (isLost) return [];
  const endpoint = describeEndpoint(service, pod, node);
  const ports = describePorts(service, pod);
  const changedAt = readinessChangedAt(pod);
  return types.flatMap((addressType) => {
    const addresses = addressesOfType(pod, addressType);
    if (addresses.length === 0) return [];
    const key = JSON.stringify([addressType, ports]);
    return [{ key, addressType, ports, wantedEndpoint: { endpoint: { addresses, ...endpoint }, changedAt } }];
  });
}

function frameOf(service: Service): SliceFrame {
  const { name = "", namespace = "", uid = "" } = service.metadata;
  return {
    namespace,
    generateName: `${name}-`,
    labels: sliceLabels(service),
    annotations: {},
    owner: { apiVersion: "v1", kind: "Service", name, uid, controller: true, blockOwnerDeletion: true },
  };
}

/** Those of the service, and those by which its slices are found. */
function sliceLabels({ metadata, spec }: Service): Readonly<Record<string, string>> {
  const { name = "", labels = {} } = metadata;
  const { clusterIP = "" } = spec;
  const isHeadless = clusterIP === "" || clusterIP === "None";
  return {
    ...withoutReserved(labels),
    ...(isHeadless && { [HEADLESS_LABEL]: "" }),
    [SERVICE_NAME_LABEL]: name,
    [MANAGED_BY_LABEL]: ENDPOINT_SLICE_MANAGER,
  };
}

export function withoutReserved(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !RESERVED.has(name)));
}
