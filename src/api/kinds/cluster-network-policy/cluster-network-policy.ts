/**
 * Rules of the cluster's administrators about pods' connections, before (Admin) and after (Baseline) NetworkPolicy.
 * Source: policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy, as its CustomResourceDefinition has it.
 */
import { ageColumn, nameColumn } from "../../columns.ts";
import { defineKind, type ObjectOf } from "../../kind.ts";
import { condition } from "../../meta/condition.ts";
import { labelSelector } from "../../meta/label-selector.ts";
import {
  field,
  int32Between,
  list,
  listBy,
  object,
  oneOf,
  string,
  stringOf,
  type ValueOf,
} from "../../schema/schema.ts";
import { checkCidr } from "../network/address.ts";
import { checkPortName, portNumber } from "../network/port.ts";
import { validateClusterNetworkPolicySpec } from "./validate-cluster-network-policy.ts";

const PACKAGE = "io.k8s.networking.policy.v1alpha2";

const namespacedPod = object(`${PACKAGE}.NamespacedPod`, "Pods in namespaces, both by labels.", {
  namespaceSelector: field(1, labelSelector, "Labels of the namespaces; empty: all.", { pointer: true }),
  podSelector: field(2, labelSelector, "Labels of the pods in them; empty: all.", { pointer: true }),
});

const subject = object(`${PACKAGE}.ClusterNetworkPolicySubject`, "The pods that the rules are about; one field.", {
  namespaces: field(1, labelSelector, "All pods of the namespaces with these labels.", { pointer: true }),
  pods: field(2, namespacedPod, "Some pods of some namespaces.", { pointer: true }),
});

const portRange = object(`${PACKAGE}.PortRange`, "Consecutive ports.", {
  start: field(1, portNumber, "The first.", { required: true }),
  end: field(2, portNumber, "The last; more than start.", { required: true }),
});

const port = object(`${PACKAGE}.Port`, "A port or a range of ports; one field.", {
  number: field(1, portNumber, "One port."),
  range: field(2, portRange, "Consecutive ports.", { pointer: true }),
});
export type ClusterNetworkPolicyPort = ValueOf<typeof port>;

const transport = object(`${PACKAGE}.ClusterNetworkPolicyProtocolPorts`, "What of a protocol matches.", {
  destinationPort: field(1, port, "Ports at the destination.", { pointer: true }),
});

const protocol = object(`${PACKAGE}.ClusterNetworkPolicyProtocol`, "What has to match beside the peer; one field.", {
  tcp: field(1, transport, "TCP to these ports.", { pointer: true }),
  udp: field(2, transport, "UDP to these ports.", { pointer: true }),
  sctp: field(3, transport, "SCTP to these ports.", { pointer: true }),
  destinationNamedPort: field(4, stringOf(checkPortName), "Ports that the destination's containers give this name."),
});
export type ClusterNetworkPolicyProtocol = ValueOf<typeof protocol>;

const ingressPeer = object(`${PACKAGE}.ClusterNetworkPolicyIngressPeer`, "Where connections come from; one field.", {
  namespaces: field(1, labelSelector, "All pods of the namespaces with these labels.", { pointer: true }),
  pods: field(2, namespacedPod, "Some pods of some namespaces.", { pointer: true }),
});
export type ClusterNetworkPolicyIngressPeer = ValueOf<typeof ingressPeer>;

const egressPeer = object(`${PACKAGE}.ClusterNetworkPolicyEgressPeer`, "Where connections go to; one field.", {
  namespaces: field(1, labelSelector, "All pods of the namespaces with these labels.", { pointer: true }),
  pods: field(2, namespacedPod, "Some pods of some namespaces.", { pointer: true }),
  nodes: field(3, labelSelector, "Addresses of the nodes with these labels.", { pointer: true }),
  networks: field(4, list(stringOf(checkCidr)), "Ranges of addresses; pods in them match as well."),
  domainNames: field(5, list(string), "Names in DNS, with * as the first label for all below."),
});
export type ClusterNetworkPolicyEgressPeer = ValueOf<typeof egressPeer>;

const action = oneOf("Accept", "Deny", "Pass");
const nameDoc = "Says what the rule is for; shown with what it decides.";
const actionDoc = "Accept and Deny decide, Pass goes on with the next tier.";
const protocolsDoc = "One of them has to match; empty: everything, also protocols without ports.";

const ingressRule = object(`${PACKAGE}.ClusterNetworkPolicyIngressRule`, "Decides on connections to the subject.", {
  name: field(1, string, nameDoc),
  action: field(2, action, actionDoc, { required: true }),
  from: field(3, list(ingressPeer), "Where they come from; one has to match.", { required: true }),
  protocols: field(4, list(protocol), protocolsDoc),
});
export type ClusterNetworkPolicyIngressRule = ValueOf<typeof ingressRule>;

const egressRule = object(`${PACKAGE}.ClusterNetworkPolicyEgressRule`, "Decides on connections from the subject.", {
  name: field(1, string, nameDoc),
  action: field(2, action, actionDoc, { required: true }),
  to: field(3, list(egressPeer), "Where they go to; one has to match.", { required: true }),
  protocols: field(4, list(protocol), protocolsDoc),
});
export type ClusterNetworkPolicyEgressRule = ValueOf<typeof egressRule>;

const spec = object(`${PACKAGE}.ClusterNetworkPolicySpec`, "Which pods, when, and what is decided.", {
  tier: field(1, oneOf("Admin", "Baseline"), "Before or after NetworkPolicy.", { required: true }),
  priority: field(2, int32Between(0, 1000), "Low ones are asked first.", { required: true, pointer: true }),
  subject: field(3, subject, "The pods that the rules are about.", { required: true }),
  ingress: field(4, list(ingressRule), "For connections to the subject: the first that matches decides."),
  egress: field(5, list(egressRule), "For connections from the subject: the first that matches decides."),
});
export type ClusterNetworkPolicySpec = ValueOf<typeof spec>;

const status = object(`${PACKAGE}.ClusterNetworkPolicyStatus`, "What became of it.", {
  conditions: field(1, listBy(condition, ["type"], { patchKey: "type" }), "Aspects of its state."),
});

export type ClusterNetworkPolicy = ObjectOf<typeof clusterNetworkPolicy>;

export const clusterNetworkPolicy = defineKind({
  group: "policy.networking.k8s.io",
  version: "v1alpha2",
  kind: "ClusterNetworkPolicy",
  plural: "clusternetworkpolicies",
  shortNames: ["cnp"],
  isNamespaced: false,
  schemaName: `${PACKAGE}.ClusterNetworkPolicy`,
  doc: "Rules of the cluster's administrators about pods' connections.",
  fields: {
    spec: field(2, spec, "Which pods, when, and what is decided.", { required: true }),
    status: field(3, status, "What became of it."),
  },
  columns: [
    nameColumn,
    {
      name: "Tier",
      type: "string",
      doc: "Before (Admin) or after (Baseline) NetworkPolicy.",
      priority: 0,
      cell: ({ spec }) => spec.tier,
    },
    {
      name: "Priority",
      type: "string",
      doc: "Low ones are asked first.",
      priority: 0,
      cell: ({ spec }) => String(spec.priority),
    },
    ageColumn,
  ],
  validate: ({ spec }) => validateClusterNetworkPolicySpec(spec, "spec"),
});
