/**
 * A policy test as data: a small cluster, the policies in it, and who shall reach whom. Test files, the TypeScript API
 * and running clusters all become this; running, explaining and printing know nothing else.
 */
import type { Family, IpAddress } from "#base/ip-address.ts";
import type { WorldPolicy } from "#policy/policy-world.ts";
import type { PolicyProtocol } from "#policy/rule-model.ts";

export const EXPECTATIONS = ["allow", "deny"] as const;
export type Expectation = (typeof EXPECTATIONS)[number];

/** Where something stands, for messages: `shop.yaml:12`. */
export interface Source {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column?: number | undefined;
}

export type Labels = Readonly<Record<string, string>>;

export interface TestNamespace {
  readonly name: string;
  readonly labels: Labels;
}

export interface TestPort {
  readonly name?: string | undefined;
  readonly port: number;
  readonly protocol: PolicyProtocol;
}

export interface TestPod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly ports: readonly TestPort[];
  /** From 1; absent: pods go round the nodes in their order. */
  readonly node?: number | undefined;
}

/** A NetworkPolicy or ClusterNetworkPolicy, decoded, with defaults. */
export interface TestPolicy {
  readonly policy: WorldPolicy;
  readonly source: Source;
}

export type TestEndpoint =
  | { readonly kind: "pod"; readonly namespace: string; readonly name: string }
  /** Somebody outside of the cluster. */
  | { readonly kind: "address"; readonly address: IpAddress };

/** One connection and what shall become of it. */
export interface PolicyCase {
  readonly from: TestEndpoint;
  readonly to: TestEndpoint;
  readonly port: number;
  /** As the test names it, where it does. */
  readonly portName?: string | undefined;
  readonly protocol: PolicyProtocol;
  readonly expect: Expectation;
  /** Absent: those of the test. */
  readonly families?: readonly Family[] | undefined;
  /** `networkpolicy/NAMESPACE/NAME`, `clusternetworkpolicy/NAME`, or `isolation` */
  readonly because?: string | undefined;
  readonly source: Source;
}

export interface PolicyTest {
  readonly name: string;
  readonly file: string;
  /** At least one. */
  readonly nodes: number;
  readonly families: readonly Family[];
  readonly namespaces: readonly TestNamespace[];
  readonly pods: readonly TestPod[];
  readonly policies: readonly TestPolicy[];
  readonly cases: readonly PolicyCase[];
  /** What was left out, and what it means: kinds that are no policies, for example. */
  readonly notes: readonly string[];
}

export function podId({ namespace, name }: Pick<TestPod, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

export function describeEndpoint(endpoint: TestEndpoint): string {
  return endpoint.kind === "pod" ? podId(endpoint) : endpoint.address;
}

/** `shop/web → shop/db:5432`, with the protocol where it is not TCP. */
export function describeCase({
  from,
  to,
  port,
  protocol,
}: Pick<PolicyCase, "from" | "to" | "port" | "protocol">): string {
  return `${describeEndpoint(from)} → ${describeTarget(describeEndpoint(to), port, protocol)}`;
}

/** `shop/db:5432`, `[2001:db8::1]:53/UDP`. */
export function describeTarget(end: string, port: number | string, protocol: string): string {
  const host = end.includes(":") ? `[${end}]` : end;
  return `${host}:${port}${protocol === "TCP" ? "" : `/${protocol}`}`;
}

export function describeSource({ file, line }: Source): string {
  return `${file}:${line}`;
}
