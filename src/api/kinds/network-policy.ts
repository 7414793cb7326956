/** Which connections pods may have. Source: Kubernetes API reference, networking.k8s.io/v1 NetworkPolicy. */
import { contains } from "#base/ip-address.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { childPath, type FieldError, forbidden, indexPath, invalid, required } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { condition } from "../meta/condition.ts";
import { formatLabelSelectorOrNone } from "../meta/format-label-selector.ts";
import { labelSelector } from "../meta/label-selector.ts";
import { field, list, listBy, object, oneOf, stringOf, type ValueOf } from "../schema/schema.ts";
import { validateLabelSelector } from "../selectors/label-selector.ts";
import { checkCidr, findPrefix } from "./network/address.ts";
import { portNumber, portNumberOrName, protocol } from "./network/port.ts";

const networkPolicyPort = object("io.k8s.api.networking.v1.NetworkPolicyPort", "Ports that a rule allows.", {
  protocol: field(1, protocol, "Protocol of the ports.", { default: "TCP", pointer: true }),
  port: field(2, portNumberOrName, "Number or name of the port; absent: all ports.", { pointer: true }),
  endPort: field(3, portNumber, "Last of the ports that start with port.", { pointer: true }),
});
export type NetworkPolicyPort = ValueOf<typeof networkPolicyPort>;

const ipBlock = object("io.k8s.api.networking.v1.IPBlock", "A range of addresses.", {
  cidr: field(1, stringOf(checkCidr), "The range.", { required: true }),
  except: field(2, list(stringOf(checkCidr)), "Parts of the range that do not belong to it."),
});
export type IpBlock = ValueOf<typeof ipBlock>;

const networkPolicyPeer = object("io.k8s.api.networking.v1.NetworkPolicyPeer", "Others that a rule allows.", {
  podSelector: field(1, labelSelector, "Labels of pods, in the policy's namespace or in those of namespaceSelector.", {
    pointer: true,
  }),
  namespaceSelector: field(2, labelSelector, "Labels of the namespaces of the pods.", { pointer: true }),
  ipBlock: field(3, ipBlock, "A range of addresses; then nothing else.", { pointer: true }),
});
export type NetworkPolicyPeer = ValueOf<typeof networkPolicyPeer>;

const ingressRule = object("io.k8s.api.networking.v1.NetworkPolicyIngressRule", "Allows connections to the pods.", {
  ports: field(1, list(networkPolicyPort), "Ports of the pods; empty: all."),
  from: field(2, list(networkPolicyPeer), "Where connections come from; empty: from anywhere."),
});
export type NetworkPolicyIngressRule = ValueOf<typeof ingressRule>;

const egressRule = object("io.k8s.api.networking.v1.NetworkPolicyEgressRule", "Allows connections from the pods.", {
  ports: field(1, list(networkPolicyPort), "Ports of the others; empty: all."),
  to: field(2, list(networkPolicyPeer), "Where connections go to; empty: to anywhere."),
});
export type NetworkPolicyEgressRule = ValueOf<typeof egressRule>;

const spec = object("io.k8s.api.networking.v1.NetworkPolicySpec", "Which pods, and which connections.", {
  podSelector: field(1, labelSelector, "Labels of the pods; an empty selector selects all of the namespace.", {
    required: true,
    default: {},
  }),
  ingress: field(2, list(ingressRule), "Connections that are allowed to the pods; none: no connections."),
  egress: field(3, list(egressRule), "Connections that are allowed from the pods; none: no connections."),
  policyTypes: field(4, list(oneOf("Egress", "Ingress")), "Directions that the policy is about.", {
    default: ({ egress }) => (Array.isArray(egress) && egress.length > 0 ? ["Ingress", "Egress"] : ["Ingress"]),
  }),
});
export type NetworkPolicySpec = ValueOf<typeof spec>;

/** Kubernetes had it until 1.27; ours tells by it whether the nodes have the policy in the kernel. */
const status = object("io.k8s.api.networking.v1.NetworkPolicyStatus", "What became of it.", {
  conditions: field(1, listBy(condition, ["type"], { patchKey: "type" }), "Aspects of its state."),
});

export type NetworkPolicy = ObjectOf<typeof networkPolicy>;

export const networkPolicy = defineKind({
  group: "networking.k8s.io",
  version: "v1",
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  shortNames: ["netpol"],
  doc: "Which connections pods may have; pods without any policy may have all.",
  fields: {
    spec: field(2, spec, "Which pods, and which connections.", { required: true, default: {} }),
    status: field(3, status, "What became of it."),
  },
  columns: [
    nameColumn,
    {
      name: "Pod-Selector",
      type: "string",
      doc: "Labels of the pods.",
      priority: 0,
      cell: ({ spec }) => formatLabelSelectorOrNone(spec.podSelector),
    },
    ageColumn,
  ],
  validate: ({ spec: { podSelector, ingress = [], egress = [], policyTypes = [] } }) => [
    ...validateLabelSelector(podSelector, "spec.podSelector"),
    ...ingress.flatMap(({ ports, from }, index) =>
      validateRule({ ports, peers: from }, indexPath("spec.ingress", index), "from"),
    ),
    ...egress.flatMap(({ ports, to }, index) =>
      validateRule({ ports, peers: to }, indexPath("spec.egress", index), "to"),
    ),
    ...(policyTypes.length > 2
      ? [invalid("spec.policyTypes", policyTypes, "may not specify more than two policyTypes")]
      : []),
  ],
});

interface Rule {
  readonly ports: readonly NetworkPolicyPort[] | undefined;
  readonly peers: readonly NetworkPolicyPeer[] | undefined;
}

function validateRule({ ports = [], peers = [] }: Rule, path: string, peersName: "from" | "to"): readonly FieldError[] {
  return [
    ...ports.flatMap((port, index) => validatePort(port, indexPath(childPath(path, "ports"), index))),
    ...peers.flatMap((peer, index) => validatePeer(peer, indexPath(childPath(path, peersName), index))),
  ];
}

function validatePort({ port, endPort }: NetworkPolicyPort, path: string): readonly FieldError[] {
  if (endPort === undefined) return [];
  const field = childPath(path, "endPort");
  if (port === undefined) return [invalid(field, endPort, "may not be specified when `port` is not specified")];
  if (typeof port === "string") return [invalid(field, endPort, "may not be specified when `port` is non-numeric")];
  return endPort < port ? [invalid(field, endPort, "must be greater than or equal to `port`")] : [];
}

function validatePeer(peer: NetworkPolicyPeer, path: string): readonly FieldError[] {
  const { podSelector, namespaceSelector, ipBlock: block } = peer;
  const hasSelector = podSelector !== undefined || namespaceSelector !== undefined;
  return [
    ...validateLabelSelector(podSelector, childPath(path, "podSelector")),
    ...validateLabelSelector(namespaceSelector, childPath(path, "namespaceSelector")),
    ...(block === undefined ? [] : validateIpBlock(block, childPath(path, "ipBlock"))),
    ...(block === undefined && !hasSelector ? [required(path, "must specify a peer")] : []),
    ...(block !== undefined && hasSelector ? [forbidden(path, "may not specify both ipBlock and another peer")] : []),
  ];
}

/** What is no CIDR at all, the schema says. */
function validateIpBlock({ cidr, except = [] }: IpBlock, path: string): readonly FieldError[] {
  const outer = findPrefix(cidr);
  if (outer === undefined) return [];
  return except.flatMap((text, index) => {
    const inner = findPrefix(text);
    if (inner === undefined || (contains(outer, inner.address) && outer.length < inner.length)) return [];
    return [invalid(indexPath(childPath(path, "except"), index), text, "must be a strict subset of `cidr`")];
  });
}
