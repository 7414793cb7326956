/** Parts of a NetworkPolicy as YAML to paste. Pure. */
import type { NetworkPolicy, NetworkPolicyPeer } from "#api/kinds/network-policy.ts";
import type { PolicyCase } from "../policy-test.ts";

export function formatPeer({ ipBlock, namespaceSelector, podSelector }: NetworkPolicyPeer): readonly string[] {
  if (ipBlock !== undefined) return [`- ipBlock: {cidr: "${ipBlock.cidr}"}`];
  const parts = [
    ...(namespaceSelector === undefined ? [] : [`namespaceSelector: ${formatSelector(namespaceSelector.matchLabels)}`]),
    ...(podSelector === undefined ? [] : [`podSelector: ${formatSelector(podSelector.matchLabels)}`]),
  ];
  return parts.map((part, index) => `${index === 0 ? "- " : "  "}${part}`);
}

export function formatPort({ port, protocol }: Pick<PolicyCase, "port" | "protocol">): readonly string[] {
  return [`- {port: ${port}, protocol: ${protocol}}`];
}

/** An element of spec.ingress or spec.egress. */
export function formatRule(
  peers: "from" | "to",
  peer: NetworkPolicyPeer,
  port: Pick<PolicyCase, "port" | "protocol">,
): readonly string[] {
  const lines = [`${peers}:`, ...indented(formatPeer(peer)), "ports:", ...indented(formatPort(port))];
  return lines.map((line, index) => `${index === 0 ? "- " : "  "}${line}`);
}

/** Without its rules. */
export function formatPolicy({ object }: { readonly object: NetworkPolicy }): readonly string[] {
  const { metadata, spec } = object;
  return [
    "apiVersion: networking.k8s.io/v1",
    "kind: NetworkPolicy",
    `metadata: {name: ${metadata.name}, namespace: ${metadata.namespace}}`,
    "spec:",
    `  podSelector: ${formatSelector(spec.podSelector.matchLabels)}`,
    `  policyTypes: [${(spec.policyTypes ?? []).join(", ")}]`,
  ];
}

export function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

function formatSelector(labels: Readonly<Record<string, string>> = {}): string {
  const entries = Object.entries(labels).map(([key, value]) => `${key}: ${quoted(value)}`);
  return entries.length === 0 ? "{}" : `{matchLabels: {${entries.join(", ")}}}`;
}

/** Values that YAML would take for something else than text. */
function quoted(value: string): string {
  const isPlain = /^[A-Za-z][-\w.]*$/.test(value) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}
