/** One name and address for a set of pods. Source: Kubernetes API reference, core/v1 Service. */
import { ageColumn, nameColumn } from "../../columns.ts";
import { defineKind, type ObjectOf } from "../../kind.ts";
import { condition } from "../../meta/condition.ts";
import { formatLabelsOrNone } from "../../meta/format-label-selector.ts";
import { checkDnsLabel1035 } from "../../names.ts";
import { field, int32, list, listBy, object, oneOf, string, type ValueOf } from "../../schema/schema.ts";
import { protocol } from "../network/port.ts";
import { prepareSpec, prepareSpecUpdate } from "./prepare-service.ts";
import { formatExternalIp, formatPorts } from "./service-cells.ts";
import { serviceSpec } from "./service-spec.ts";
import { validateClusterIps, validateClusterIpsUpdate } from "./validate-cluster-ips.ts";
import { validateLoadBalancerStatus } from "./validate-load-balancer.ts";
import { validateService, validateServiceUpdate } from "./validate-service.ts";

const portStatus = object("io.k8s.api.core.v1.PortStatus", "State of a port of the load balancer.", {
  port: field(1, int32, "Number of the port.", { required: true, default: 0 }),
  protocol: field(2, protocol, "Protocol of the port.", { required: true }),
  error: field(3, string, "What is wrong with it, in one word.", { pointer: true }),
});

const loadBalancerIngress = object("io.k8s.api.core.v1.LoadBalancerIngress", "A way into the load balancer.", {
  ip: field(1, string, "Its address."),
  hostname: field(2, string, "Its DNS name."),
  ipMode: field(3, oneOf("Proxy", "VIP"), "VIP: packets arrive with this address; Proxy: with the node's.", {
    default: ({ ip }) => (typeof ip === "string" && ip !== "" ? "VIP" : undefined),
    pointer: true,
  }),
  ports: field(4, list(portStatus), "State of its ports."),
});
export type LoadBalancerIngress = ValueOf<typeof loadBalancerIngress>;

const loadBalancerStatus = object("io.k8s.api.core.v1.LoadBalancerStatus", "State of the load balancer.", {
  ingress: field(1, list(loadBalancerIngress), "Ways into it."),
});

const serviceStatus = object("io.k8s.api.core.v1.ServiceStatus", "What was observed.", {
  loadBalancer: field(1, loadBalancerStatus, "State of the load balancer.", { default: {} }),
  conditions: field(2, listBy(condition, ["type"], { patchKey: "type" }), "Aspects of its state."),
});

export type Service = ObjectOf<typeof service>;

export const service = defineKind({
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  shortNames: ["svc"],
  categories: ["all"],
  doc: "One name and address for a set of pods.",
  fields: {
    spec: field(2, serviceSpec, "What the service should be.", { required: true, default: {} }),
    status: field(3, serviceStatus, "What was observed.", { default: {} }),
  },
  subresources: [
    {
      name: "proxy",
      kind: { group: "", version: "v1", kind: "ServiceProxyOptions" },
      verbs: ["create", "delete", "get", "patch", "update"],
    },
  ],
  columns: [
    nameColumn,
    {
      name: "Type",
      type: "string",
      doc: "From where it can be reached.",
      priority: 0,
      cell: ({ spec }) => spec.type ?? "",
    },
    {
      name: "Cluster-IP",
      type: "string",
      doc: "Its address.",
      priority: 0,
      cell: ({ spec }) => spec.clusterIPs?.[0] ?? "<none>",
    },
    {
      name: "External-IP",
      type: "string",
      doc: "Its addresses for clients outside.",
      priority: 0,
      cell: ({ spec, status }) => formatExternalIp(spec, status?.loadBalancer?.ingress ?? []),
    },
    {
      name: "Port(s)",
      type: "string",
      doc: "Its ports, with their node ports.",
      priority: 0,
      cell: ({ spec }) => formatPorts(spec.ports ?? []),
    },
    ageColumn,
    {
      name: "Selector",
      type: "string",
      doc: "Labels of its pods.",
      priority: 1,
      cell: ({ spec }) => formatLabelsOrNone(spec.selector),
    },
  ],
  fieldSelectors: {
    "spec.clusterIP": ({ spec }) => spec.clusterIP ?? "",
    "spec.type": ({ spec }) => spec.type ?? "",
  },
  checkName: checkDnsLabel1035,
  prepareForCreate: (object) => ({ ...object, spec: prepareSpec(object.spec) }),
  prepareForUpdate: (object, old) => ({ ...object, spec: prepareSpecUpdate(object.spec, old.spec) }),
  validate: ({ metadata, spec }) => [...validateService(spec, metadata.annotations), ...validateClusterIps(spec)],
  validateUpdate(next, old, subresource) {
    if (subresource === "status") {
      return validateLoadBalancerStatus(next.status?.loadBalancer?.ingress ?? [], next.spec);
    }
    return [...validateClusterIpsUpdate(next.spec, old.spec), ...validateServiceUpdate(next.spec, old.spec)];
  },
});
