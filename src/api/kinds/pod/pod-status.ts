/** How a pod is. Source: Kubernetes API reference, core/v1 PodStatus. */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { conditionStatus } from "../../meta/condition.ts";
import { field, list, listBy, object, oneOf, string, time, type ValueOf } from "../../schema/schema.ts";
import { containerStatus } from "./container-status.ts";

const podCondition = object("io.k8s.api.core.v1.PodCondition", "One aspect of a pod's state.", {
  type: field(1, string, "Name of the aspect, such as Ready or PodScheduled.", { required: true }),
  status: field(2, conditionStatus, "Whether it holds.", { required: true }),
  lastProbeTime: field(3, time, "When it was last looked at."),
  lastTransitionTime: field(4, time, "When status last changed."),
  reason: field(5, string, "One word for programs."),
  message: field(6, string, "A sentence for people."),
});
export type PodCondition = ValueOf<typeof podCondition>;

const podIp = object("io.k8s.api.core.v1.PodIP", "An address of a pod.", {
  ip: field(1, string, "The address.", { required: true }),
});

const hostIp = object("io.k8s.api.core.v1.HostIP", "An address of a node.", {
  ip: field(1, string, "The address.", { required: true }),
});

const resourceClaimStatus = object("io.k8s.api.core.v1.PodResourceClaimStatus", "The claim behind an entry.", {
  name: field(1, string, "Name of the entry in the pod's resourceClaims.", { required: true }),
  resourceClaimName: field(2, string, "Name of the claim.", { pointer: true }),
});

export const qosClass = oneOf("BestEffort", "Burstable", "Guaranteed");
export type QosClass = ValueOf<typeof qosClass>;

export const podPhase = oneOf("Failed", "Pending", "Running", "Succeeded", "Unknown");
export type PodPhase = ValueOf<typeof podPhase>;

export const podStatus = object("io.k8s.api.core.v1.PodStatus", "How a pod is; written by its node.", {
  phase: field(1, podPhase, "Where the pod is in its life."),
  conditions: field(2, listBy(podCondition, ["type"], { patchKey: "type" }), "Aspects of its state."),
  message: field(3, string, "A sentence for people on why it is in this state."),
  reason: field(4, string, "One word on why it is in this state, such as Evicted."),
  nominatedNodeName: field(11, string, "Node on which other pods make room for it."),
  hostIP: field(5, string, "Address of its node.", {
    default: ({ hostIPs }) => firstAddress(hostIPs),
  }),
  hostIPs: field(16, listBy(hostIp, ["ip"], { patchKey: "ip" }), "All addresses of its node; the first is hostIP.", {
    default: ({ hostIP }) => addressList(hostIP),
  }),
  podIP: field(6, string, "Its address.", { default: ({ podIPs }) => firstAddress(podIPs) }),
  podIPs: field(12, listBy(podIp, ["ip"], { patchKey: "ip" }), "Its addresses, one per family; the first is podIP.", {
    default: ({ podIP }) => addressList(podIP),
  }),
  startTime: field(7, time, "When the kubelet took it up."),
  initContainerStatuses: field(10, list(containerStatus), "How its init containers are."),
  containerStatuses: field(8, list(containerStatus), "How its containers are."),
  qosClass: field(9, qosClass, "How it is treated when its node runs short; follows from its resources."),
  ephemeralContainerStatuses: field(13, list(containerStatus), "How its ephemeral containers are."),
  resize: field(14, string, "State of a change of its resources."),
  resourceClaimStatuses: field(
    15,
    listBy(resourceClaimStatus, ["name"], { patchKey: "name", patchRetainKeys: true }),
    "Claims that were made for it.",
  ),
});
export type PodStatus = ValueOf<typeof podStatus>;

/** The single address and the list say the same; who gives one of them gives both. */
function firstAddress(list: JsonValue | undefined): JsonValue | undefined {
  const first: JsonValue | undefined = Array.isArray(list) ? list[0] : undefined;
  return isJsonObject(first) ? first["ip"] : undefined;
}

function addressList(address: JsonValue | undefined): JsonValue | undefined {
  return address === undefined || address === "" ? undefined : [{ ip: address }];
}
