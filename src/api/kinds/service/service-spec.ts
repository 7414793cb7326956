/**
 * What a service should be. Source: Kubernetes API reference, core/v1 ServiceSpec; defaults as the API server sets
 * them.
 */
import type { JsonValue } from "#base/json.ts";
import { checkDnsLabel, checkLabelValue, checkQualifiedName } from "../../names.ts";
import {
  boolean,
  field,
  int32,
  list,
  listBy,
  mapOf,
  object,
  oneOf,
  string,
  stringOf,
  type ValueOf,
} from "../../schema/schema.ts";
import { checkAddress } from "../network/address.ts";
import { portNumber, portNumberOrName, protocol } from "../network/port.ts";

const servicePort = object("io.k8s.api.core.v1.ServicePort", "A port of a service.", {
  name: field(1, stringOf(checkDnsLabel), "Name of the port; may be empty when there is only one."),
  protocol: field(2, protocol, "Protocol of the port.", { default: "TCP" }),
  appProtocol: field(6, stringOf(checkQualifiedName), "What is spoken on the port.", { pointer: true }),
  port: field(3, portNumber, "Number of the port.", { required: true, default: 0 }),
  targetPort: field(4, portNumberOrName, "Number or name of the pods' port; by default the same number.", {
    default: ({ port }) => port,
  }),
  nodePort: field(5, int32, "Port of every node that leads to it, for NodePort and LoadBalancer."),
});
export type ServicePort = ValueOf<typeof servicePort>;

const clientIpConfig = object("io.k8s.api.core.v1.ClientIPConfig", "How long a client stays with one pod.", {
  timeoutSeconds: field(1, int32, "Seconds since its last connection, up to a day.", {
    default: 10800,
    pointer: true,
  }),
});

const sessionAffinityConfig = object("io.k8s.api.core.v1.SessionAffinityConfig", "Settings of session affinity.", {
  clientIP: field(1, clientIpConfig, "How long a client stays with one pod.", { default: {}, pointer: true }),
});

const serviceType = oneOf("ClusterIP", "ExternalName", "LoadBalancer", "NodePort");
export type ServiceType = ValueOf<typeof serviceType>;

type Parent = Readonly<Record<string, JsonValue | undefined>>;

export const serviceSpec = object("io.k8s.api.core.v1.ServiceSpec", "What a service should be.", {
  ports: field(1, listBy(servicePort, ["port", "protocol"], { patchKey: "port" }), "Its ports."),
  selector: field(
    2,
    mapOf(stringOf(checkLabelValue), { checkKey: checkQualifiedName, isAtomic: true }),
    "Labels of its pods; without any, someone else writes its endpoints.",
  ),
  clusterIP: field(3, string, "Its address, given by the server; None: it has none, DNS names the pods."),
  clusterIPs: field(18, list(string), "Its addresses, one of each family; the first is clusterIP."),
  type: field(4, serviceType, "From where it can be reached.", { default: "ClusterIP" }),
  externalIPs: field(5, list(stringOf(checkAddress)), "Further addresses at which nodes take its connections."),
  sessionAffinity: field(7, oneOf("ClientIP", "None"), "ClientIP: connections of a client go to the same pod.", {
    default: "None",
  }),
  loadBalancerIP: field(8, string, "Address asked for from the load balancer, if it can do that."),
  loadBalancerSourceRanges: field(9, list(string), "Clients that the load balancer lets through."),
  externalName: field(10, string, "DNS name that it stands for, for the type ExternalName."),
  externalTrafficPolicy: field(
    11,
    oneOf("Cluster", "Local"),
    "Local: connections from outside only go to pods of the node that they reach.",
    { default: (parent) => (isExternallyAccessible(parent) ? "Cluster" : undefined) },
  ),
  healthCheckNodePort: field(12, int32, "Port on which nodes say whether they have pods of it."),
  publishNotReadyAddresses: field(13, boolean, "True: DNS also names pods that are not ready."),
  sessionAffinityConfig: field(14, sessionAffinityConfig, "Settings of session affinity.", {
    default: ({ sessionAffinity }) => (sessionAffinity === "ClientIP" ? {} : undefined),
    pointer: true,
  }),
  ipFamilies: field(19, list(oneOf("IPv4", "IPv6")), "Families of its addresses, in their order."),
  ipFamilyPolicy: field(
    17,
    oneOf("PreferDualStack", "RequireDualStack", "SingleStack"),
    "Whether it has addresses of both families.",
    { pointer: true },
  ),
  allocateLoadBalancerNodePorts: field(20, boolean, "False: a load balancer needs no node ports.", {
    default: ({ type }) => (type === "LoadBalancer" ? true : undefined),
    pointer: true,
  }),
  loadBalancerClass: field(21, string, "Load balancer implementation that is meant.", { pointer: true }),
  internalTrafficPolicy: field(
    22,
    oneOf("Cluster", "Local"),
    "Local: connections from pods only go to pods of the same node.",
    { default: ({ type }) => (type === "ExternalName" ? undefined : "Cluster"), pointer: true },
  ),
  trafficDistribution: field(
    23,
    oneOf("PreferClose", "PreferSameNode", "PreferSameZone"),
    "Which pods are preferred: those of the same zone (PreferClose means that, too), or of the same node.",
    { pointer: true },
  ),
});
export type ServiceSpec = ValueOf<typeof serviceSpec>;

function isExternallyAccessible({ type, externalIPs }: Parent): boolean {
  if (type === "LoadBalancer" || type === "NodePort") return true;
  return type !== "ExternalName" && Array.isArray(externalIPs) && externalIPs.length > 0;
}
