/** The Endpoints of a service with a selector. Source: Kubernetes documentation, "Service" (Endpoints). */
import type { Endpoints } from "#api/kinds/endpoints.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { Draft } from "#api-client/api-client.ts";
import { isReady } from "../../resources/subresources/pod-conditions.ts";
import {
  addressesOfType,
  addressTypesOf,
  describePorts,
  readinessChangedAt,
} from "../endpoint-slice/describe-endpoint.ts";
import { HEADLESS_LABEL, TRIGGER_TIME_ANNOTATION } from "../endpoint-slice/plan-slices.ts";
import { hostnameIn, isServing } from "../endpoint-slice/serving-pod.ts";
import { sameJson } from "../same-json.ts";
import { packSubsets, type ServedAddress, truncateSubsets } from "./pack-subsets.ts";

/** Addresses that one object holds at most. */
export const ENDPOINTS_CAPACITY = 1000;
export const OVER_CAPACITY_ANNOTATION = "endpoints.kubernetes.io/over-capacity";

export type EndpointsPlan =
  | { readonly type: "none" }
  | { readonly type: "create"; readonly draft: Draft<Endpoints> }
  | { readonly type: "update"; readonly next: Endpoints };

export interface ServicePods {
  readonly service: Service;
  readonly pods: readonly Pod[];
  readonly current: Endpoints | undefined;
}

export function planEndpoints({ service, pods, current }: ServicePods): EndpointsPlan {
  const { publishNotReadyAddresses = false } = service.spec;
  const serving = pods.filter((pod) => isServing(pod, { includesTerminating: publishNotReadyAddresses }));
  const packed = packSubsets(serving.flatMap((pod) => servedBy(service, pod)));
  const { subsets, isTruncated } = truncateSubsets(packed, ENDPOINTS_CAPACITY);
  const labels = labelsOf(service);
  const { annotations = {}, labels: oldLabels = {} } = current?.metadata ?? {};
  const isSame =
    current !== undefined &&
    sameJson(current.subsets ?? [], subsets) &&
    sameJson(oldLabels, labels) &&
    (annotations[OVER_CAPACITY_ANNOTATION] === "truncated") === isTruncated;
  if (isSame) return { type: "none" };
  const { [OVER_CAPACITY_ANNOTATION]: _capacity, [TRIGGER_TIME_ANNOTATION]: _time, ...kept } = annotations;
  const changedAt = lastChange(serving, current === undefined ? service.metadata.creationTimestamp : undefined);
  const metadata = {
    labels,
    annotations: {
      ...kept,
      ...(isTruncated && { [OVER_CAPACITY_ANNOTATION]: "truncated" }),
      ...(changedAt !== undefined && { [TRIGGER_TIME_ANNOTATION]: changedAt }),
    },
  };
  if (current !== undefined) {
    return { type: "update", next: { ...current, metadata: { ...current.metadata, ...metadata }, subsets } };
  }
  const { name, namespace } = service.metadata;
  return { type: "create", draft: { metadata: { name, namespace, ...metadata }, subsets } };
}

/** The pod's address in the service's first family. A headless service may have no ports at all. */
function servedBy(service: Service, pod: Pod): readonly ServedAddress[] {
  const { ports: wanted = [], publishNotReadyAddresses = false } = service.spec;
  const [type = "IPv4"] = addressTypesOf(service);
  const [ip] = addressesOfType(pod, type);
  const ports = describePorts(service, pod).map(({ name = "", port = 0, protocol, appProtocol }) => ({
    ...(name !== "" && { name }),
    port,
    protocol,
    ...(appProtocol !== undefined && { appProtocol }),
  }));
  if (ip === undefined || (ports.length === 0 && wanted.length > 0)) return [];
  const { namespace, name, uid } = pod.metadata;
  const { nodeName = "" } = pod.spec;
  const hostname = hostnameIn(pod, service);
  const address = {
    ip,
    ...(hostname !== undefined && { hostname }),
    ...(nodeName !== "" && { nodeName }),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
  return [{ address, isReady: publishNotReadyAddresses || isReady(pod.status), ports }];
}

function labelsOf({ metadata, spec }: Service): Readonly<Record<string, string>> {
  const { clusterIP = "" } = spec;
  const { [HEADLESS_LABEL]: _headless, ...labels } = metadata.labels ?? {};
  return clusterIP === "" || clusterIP === "None" ? { ...labels, [HEADLESS_LABEL]: "" } : labels;
}

function lastChange(pods: readonly Pod[], createdAt: string | undefined): string | undefined {
  return pods
    .map(readinessChangedAt)
    .reduce((last, at) => (last === undefined || (at ?? "") > last ? at : last), createdAt);
}
