/**
 * Endpoints that somebody made by hand for a service without a selector, as slices: whoever reads slices only sees
 * them, too. Source: Kubernetes documentation, "EndpointSlices" (mirroring).
 */
import type { AddressType, Endpoint, EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { EndpointSubset, Endpoints } from "#api/kinds/endpoints.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { WantedEndpoint } from "../endpoint-slice/fit-endpoints.ts";
import { withoutReserved } from "../endpoint-slice/plan-endpoint-slices.ts";
import {
  MANAGED_BY_LABEL,
  planSlices,
  SERVICE_NAME_LABEL,
  type SliceFrame,
  type SlicePlan,
  TRIGGER_TIME_ANNOTATION,
  type WantedGroup,
} from "../endpoint-slice/plan-slices.ts";
import { hasSelector } from "../endpoint-slice/select-services.ts";
import { LEADER_ANNOTATION } from "../endpoints/start-endpoints.ts";

export const MIRRORING_MANAGER = "endpointslicemirroring-controller.k8s.io";
export const SKIP_MIRROR_LABEL = "endpointslice.kubernetes.io/skip-mirror";

/** Addresses of a subset that are mirrored at most. */
const MAX_PER_SUBSET = 1000;
/** Annotations that speak of the Endpoints object itself. */
const NOT_MIRRORED: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  TRIGGER_TIME_ANNOTATION,
]);

export interface Mirrored {
  readonly service: Service | undefined;
  readonly endpoints: Endpoints | undefined;
  /** The mirror's slices of the service. */
  readonly slices: readonly EndpointSlice[];
}

export function planMirroredSlices({ service, endpoints, slices }: Mirrored): SlicePlan {
  if (service === undefined || endpoints === undefined || !isMirrored(service, endpoints)) {
    return { create: [], update: [], delete: slices };
  }
  const groups = mergeGroups((endpoints.subsets ?? []).flatMap(groupsOf));
  const frame = frameOf(endpoints);
  return planSlices(slices, { frame, groups, placeholders: [], createdAt: undefined }, MAX_PER_SUBSET);
}

function isMirrored({ spec }: Service, { metadata }: Endpoints): boolean {
  if (hasSelector(spec) || metadata.deletionTimestamp !== undefined) return false;
  return metadata.labels?.[SKIP_MIRROR_LABEL] !== "true" && metadata.annotations?.[LEADER_ANNOTATION] === undefined;
}

/** One for each family. */
function groupsOf({ addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset): readonly WantedGroup[] {
  const all = [
    ...addresses.map((address) => ({ address, ready: true })),
    ...notReadyAddresses.map((address) => ({ address, ready: false })),
  ].slice(0, MAX_PER_SUBSET);
  const families = Map.groupBy(all, ({ address }): AddressType => (address.ip.includes(":") ? "IPv6" : "IPv4"));
  const slicePorts = ports.map(({ name = "", protocol = "TCP", ...port }) => ({ name, protocol, ...port }));
  return [...families].map(([addressType, members]) => ({
    addressType,
    ports: slicePorts,
    endpoints: members.map(({ address: { ip, hostname, nodeName, targetRef }, ready }): WantedEndpoint => {
      const endpoint: Endpoint = {
        addresses: [ip],
        conditions: { ready },
        ...(hostname !== undefined && { hostname }),
        ...(targetRef !== undefined && { targetRef }),
        ...(nodeName !== undefined && { nodeName }),
      };
      return { endpoint, changedAt: undefined };
    }),
  }));
}

/** Subsets with the same ports go together. */
function mergeGroups(groups: readonly WantedGroup[]): readonly WantedGroup[] {
  const merged = Map.groupBy(groups, ({ addressType, ports }) => JSON.stringify([addressType, ports]));
  return [...merged.values()].flatMap((same) =>
    same.slice(0, 1).map((first) => ({ ...first, endpoints: same.flatMap(({ endpoints }) => endpoints) })),
  );
}

function frameOf({ metadata }: Endpoints): SliceFrame {
  const { name = "", namespace = "", uid = "", labels = {}, annotations = {} } = metadata;
  return {
    namespace,
    generateName: `${name}-`,
    labels: {
      ...withoutReserved(labels),
      [SERVICE_NAME_LABEL]: name,
      [MANAGED_BY_LABEL]: MIRRORING_MANAGER,
    },
    annotations: Object.fromEntries(Object.entries(annotations).filter(([key]) => !NOT_MIRRORED.has(key))),
    owner: { apiVersion: "v1", kind: "Endpoints", name, uid, controller: true, blockOwnerDeletion: true },
  };
}
