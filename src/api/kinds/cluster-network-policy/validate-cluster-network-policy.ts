/**
 * What holds for a ClusterNetworkPolicy beyond its single fields: exactly one field where objects are choices, at most 25
 * of each, names. Source: the CustomResourceDefinition of policy.networking.k8s.io/v1alpha2.
 */
import { childPath, type FieldError, forbidden, indexPath, invalid, required, tooMany } from "../../field-error.ts";
import { validateLabelSelector } from "../../selectors/label-selector.ts";
import type {
  ClusterNetworkPolicyEgressPeer,
  ClusterNetworkPolicyPort,
  ClusterNetworkPolicyProtocol,
  ClusterNetworkPolicySpec,
} from "./cluster-network-policy.ts";

const MAX_ITEMS = 25;
const MAX_NAME_LENGTH = 100;
const DOMAIN_NAME = /^(\*\.)?([a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?$/;

interface Rule {
  readonly name?: string | undefined;
  readonly action: string;
  readonly protocols?: readonly ClusterNetworkPolicyProtocol[] | undefined;
}

export function validateClusterNetworkPolicySpec(spec: ClusterNetworkPolicySpec, path: string): readonly FieldError[] {
  const { subject, ingress = [], egress = [] } = spec;
  return [
    ...validatePeer(subject, childPath(path, "subject")),
    ...atMost(ingress, childPath(path, "ingress")),
    ...ingress.flatMap((rule, index) =>
      validateRule(rule, rule.from, { path: indexPath(childPath(path, "ingress"), index), peers: "from" }),
    ),
    ...atMost(egress, childPath(path, "egress")),
    ...egress.flatMap((rule, index) =>
      validateRule(rule, rule.to, { path: indexPath(childPath(path, "egress"), index), peers: "to" }),
    ),
  ];
}

function validateRule(
  { name = "", action, protocols = [] }: Rule,
  peers: readonly ClusterNetworkPolicyEgressPeer[],
  at: { readonly path: string; readonly peers: "from" | "to" },
): readonly FieldError[] {
  const peersPath = childPath(at.path, at.peers);
  const protocolsPath = childPath(at.path, "protocols");
  const isOutside = peers.some(({ networks, nodes, domainNames }) => networks ?? nodes ?? domainNames);
  const isNamed = protocols.some(({ destinationNamedPort }) => destinationNamedPort !== undefined);
  return [
    ...(name.length > MAX_NAME_LENGTH
      ? [invalid(childPath(at.path, "name"), name, `may not be more than ${MAX_NAME_LENGTH} characters`)]
      : []),
    ...atMost(peers, peersPath),
    ...peers.flatMap((peer, index) => validatePeer(peer, indexPath(peersPath, index))),
    ...peers.flatMap(({ domainNames }, index) =>
      domainNames === undefined || action === "Accept"
        ? []
        : [forbidden(childPath(indexPath(peersPath, index), "domainNames"), "may only be used with action Accept")],
    ),
    ...atMost(protocols, protocolsPath),
    ...protocols.flatMap((protocol, index) => validateProtocol(protocol, indexPath(protocolsPath, index))),
    ...(isOutside && isNamed
      ? [forbidden(protocolsPath, "destinationNamedPort may not be used with networks, nodes or domainNames")]
      : []),
  ];
}

function validatePeer(peer: ClusterNetworkPolicyEgressPeer, path: string): readonly FieldError[] {
  const { namespaces, pods, nodes, networks, domainNames } = peer;
  const podsPath = childPath(path, "pods");
  return [
    ...exactlyOne({ namespaces, pods, nodes, networks, domainNames }, path),
    ...validateLabelSelector(namespaces, childPath(path, "namespaces")),
    ...validateLabelSelector(nodes, childPath(path, "nodes")),
    ...(pods === undefined
      ? []
      : (["namespaceSelector", "podSelector"] as const).flatMap((name) =>
          pods[name] === undefined
            ? [required(childPath(podsPath, name))]
            : validateLabelSelector(pods[name], childPath(podsPath, name)),
        )),
    ...atMost(networks ?? [], childPath(path, "networks")),
    ...atMost(domainNames ?? [], childPath(path, "domainNames")),
    ...(domainNames ?? []).flatMap((name, index) =>
      DOMAIN_NAME.test(name)
        ? []
        : [
            invalid(
              indexPath(childPath(path, "domainNames"), index),
              name,
              `must be a domain name, (e.g. example.com or *.example.com)`,
            ),
          ],
    ),
  ];
}

function validateProtocol(protocol: ClusterNetworkPolicyProtocol, path: string): readonly FieldError[] {
  const { tcp, udp, sctp, destinationNamedPort } = protocol;
  return [
    ...exactlyOne({ tcp, udp, sctp, destinationNamedPort }, path),
    ...Object.entries({ tcp, udp, sctp }).flatMap(([name, match]) => {
      if (match === undefined) return [];
      const portPath = childPath(childPath(path, name), "destinationPort");
      return match.destinationPort === undefined ? [required(portPath)] : validatePort(match.destinationPort, portPath);
    }),
  ];
}

function validatePort({ number, range }: ClusterNetworkPolicyPort, path: string): readonly FieldError[] {
  const rangePath = childPath(path, "range");
  return [
    ...exactlyOne({ number, range }, path),
    ...(range !== undefined && range.start >= range.end
      ? [invalid(rangePath, range, "Start port must be less than End port")]
      : []),
  ];
}

function exactlyOne(choices: Readonly<Record<string, unknown>>, path: string): readonly FieldError[] {
  const names = Object.keys(choices);
  const given = names.filter((name) => choices[name] !== undefined);
  if (given.length === 1) return [];
  if (given.length === 0) return [required(path, `exactly one of ${names.join(", ")} must be set`)];
  return [forbidden(path, `only one of ${given.join(", ")} may be set`)];
}

function atMost(items: readonly unknown[], path: string): readonly FieldError[] {
  return items.length > MAX_ITEMS ? [tooMany(path, items.length, MAX_ITEMS)] : [];
}
