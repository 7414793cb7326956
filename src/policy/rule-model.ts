/**
 * Policies as rules without selectors: three tables that refer to each other by name. Selectors have become sets of
 * addresses, named ports have become the ports of pods. This is what an enforcer programs, what `verdict` walks through
 * when it explains, and so the oracle of all tests.
 */
import type { Family, IpAddress, Prefix } from "#base/ip-address.ts";

export type Direction = "ingress" | "egress";
export const POLICY_PROTOCOLS = ["TCP", "UDP", "SCTP"] as const;
export type PolicyProtocol = (typeof POLICY_PROTOCOLS)[number];

/** `networkpolicy/default/web`, `clusternetworkpolicy/strict` */
export type PolicyId = string;
/** Name of a set of addresses: the same selector in many rules is one set. */
export type AddressSetId = string;
/** `namespace/name` */
export type PodId = string;

/** Addresses that one peer stands for. */
export type AddressSet =
  /** Pods that match a selector (never those in the node's own network), or nodes. */
  | { readonly kind: "addresses"; readonly addresses: ReadonlySet<IpAddress> }
  /** An ipBlock: in `cidr` and in none of `except`. */
  | { readonly kind: "block"; readonly cidr: Prefix; readonly except: readonly Prefix[] };

export type PortMatch =
  /** First to last port, both included; 0 to 65535 for all of a protocol. */
  | { readonly kind: "range"; readonly protocol: PolicyProtocol; readonly first: number; readonly last: number }
  /** Ports by this name of the pods that are the destination: different from pod to pod. */
  | { readonly kind: "named"; readonly protocol: PolicyProtocol | undefined; readonly name: string };

/** A destination of a named port. */
export interface NamedPortTarget {
  readonly address: IpAddress;
  readonly protocol: PolicyProtocol;
  readonly port: number;
}

export interface PolicyRule {
  /** `networkpolicy/default/web ingress 0`, counted from 0 as in the object; with the rule's own name where it has one. */
  readonly id: string;
  readonly action: "accept" | "deny" | "pass";
  /** One of them has to match; `any` also matches who is no pod. */
  readonly peers: "any" | readonly AddressSetId[];
  /** One of them has to match; `any` also matches protocols without ports. */
  readonly ports: "any" | readonly PortMatch[];
}

/** One direction of one policy. The first rule that matches decides (in NetworkPolicy all rules accept). */
export interface DirectionRules {
  readonly policy: PolicyId;
  readonly direction: Direction;
  readonly rules: readonly PolicyRule[];
}

/** What holds for one direction of one pod, in the order of evaluation. */
export interface PodDirection {
  /** Tier Admin, by priority and name. */
  readonly admin: readonly PolicyId[];
  /** NetworkPolicies that isolate it; when there are any and none accepts, the answer is no. */
  readonly network: readonly PolicyId[];
  /** Tier Baseline; asked only when no NetworkPolicy isolates the pod. */
  readonly baseline: readonly PolicyId[];
}

export interface PodRules {
  readonly pod: PodId;
  /** At most one of each family. */
  readonly addresses: readonly IpAddress[];
  readonly ingress: PodDirection;
  readonly egress: PodDirection;
}

/** All that a node has to enforce. `directions` is keyed by `ruleKey`. */
export interface RuleModel {
  /** The node's own pods, those without any policy included: who is not in here gets nothing through. */
  readonly pods: ReadonlyMap<PodId, PodRules>;
  readonly directions: ReadonlyMap<string, DirectionRules>;
  readonly addressSets: ReadonlyMap<AddressSetId, AddressSet>;
  /** By `namedPortKey`. */
  readonly namedPorts: ReadonlyMap<string, readonly NamedPortTarget[]>;
}

/** Entries that are new or other, and (undefined) those that are no more. */
export interface RuleModelChanges {
  readonly pods: ReadonlyMap<PodId, PodRules | undefined>;
  readonly directions: ReadonlyMap<string, DirectionRules | undefined>;
  readonly addressSets: ReadonlyMap<AddressSetId, AddressSetChange | undefined>;
  readonly namedPorts: ReadonlyMap<string, readonly NamedPortTarget[] | undefined>;
}

/** A set of thousands changes by one pod at a time. */
export type AddressSetChange =
  | { readonly kind: "whole"; readonly set: AddressSet }
  | { readonly kind: "delta"; readonly add: readonly IpAddress[]; readonly remove: readonly IpAddress[] };

export function ruleKey(policy: PolicyId, direction: Direction): string {
  return `${policy} ${direction}`;
}

export function namedPortKey(name: string, protocol: PolicyProtocol | undefined): string {
  return `${name}/${protocol ?? "*"}`;
}

/** A first packet, as the enforcer sees it: behind the translation of destinations, before that of sources. */
export interface Flow {
  readonly family: Family;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** `other`: ICMP and all that has no ports. */
  readonly protocol: PolicyProtocol | "other";
  /** Destination port; absent for `other`. */
  readonly port?: number | undefined;
}
