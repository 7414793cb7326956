/**
 * What the peers and subjects of policies mean, in a form in which the same is the same text: those texts name the sets
 * of addresses, in the kernel and in explanations, and policies that say the same share one.
 */

import type { LabelSelector } from "#api/meta/label-selector.ts";
import { formatRequirement, type LabelRequirement, valueSet } from "#api/selectors/label-requirement.ts";
import { labelSelectorRequirements } from "#api/selectors/label-selector.ts";
import { formatPrefix, networkOf, type Prefix } from "#base/ip-address.ts";

/** All have to hold; none: everything. In one order, and each once. */
export type Requirements = readonly LabelRequirement[];

export interface PodSelection {
  /** `pods app=web in namespace default`, `all pods in namespaces team=a`. */
  readonly id: string;
  readonly namespaces: NamespaceSelection;
  readonly pods: Requirements;
}

export type NamespaceSelection =
  | { readonly kind: "one"; readonly name: string }
  | { readonly kind: "selector"; readonly requirements: Requirements };

/** Where the addresses of a peer come from. */
export type AddressSource =
  | { readonly kind: "pods"; readonly id: string; readonly selection: PodSelection }
  | { readonly kind: "nodes"; readonly id: string; readonly requirements: Requirements }
  | { readonly kind: "block"; readonly id: string; readonly cidr: Prefix; readonly except: readonly Prefix[] };

export function podsOfNamespace(name: string, pods: LabelSelector): PodSelection {
  const requirements = canonicalRequirements(pods);
  const id = `${describe("pods", requirements)} in namespace ${name}`;
  return { id, namespaces: { kind: "one", name }, pods: requirements };
}

export function podsOfNamespaces(namespaces: LabelSelector, pods: LabelSelector): PodSelection {
  const [requirements, podRequirements] = [canonicalRequirements(namespaces), canonicalRequirements(pods)];
  const id = `${describe("pods", podRequirements)} in ${describe("namespaces", requirements)}`;
  return { id, namespaces: { kind: "selector", requirements }, pods: podRequirements };
}

export function podAddressSource(selection: PodSelection): AddressSource {
  return { kind: "pods", id: selection.id, selection };
}

export function nodeAddressSource(nodes: LabelSelector): AddressSource {
  const requirements = canonicalRequirements(nodes);
  return { kind: "nodes", id: describe("nodes", requirements), requirements };
}

/** Host bits do not matter. */
export function blockSource(cidr: Prefix, except: readonly Prefix[]): AddressSource {
  const network = networkOf(cidr);
  const parts = new Map(except.map(networkOf).map((part) => [formatPrefix(part), part]));
  const texts = valueSet(parts.keys());
  const id = `${formatPrefix(network)}${texts.length === 0 ? "" : ` except ${texts.join(",")}`}`;
  return { kind: "block", id, cidr: network, except: texts.flatMap((text) => parts.get(text) ?? []) };
}

export function formatSelection(requirements: Requirements): string {
  return requirements.map(formatRequirement).join(",");
}

function canonicalRequirements(selector: LabelSelector): Requirements {
  const byText = new Map(
    labelSelectorRequirements(selector)
      .map(canonical)
      .map((requirement) => [formatRequirement(requirement), requirement]),
  );
  return valueSet(byText.keys()).flatMap((text) => byText.get(text) ?? []);
}

/** "in (a)" is "=a". */
function canonical({ key, operator, values }: LabelRequirement): LabelRequirement {
  const set = valueSet(values);
  if (operator === "in" && set.length === 1) return { key, operator: "=", values: set };
  if (operator === "notin" && set.length === 1) return { key, operator: "!=", values: set };
  return { key, operator, values: set };
}

function describe(what: string, requirements: Requirements): string {
  return requirements.length === 0 ? `all ${what}` : `${what} ${formatSelection(requirements)}`;
}
