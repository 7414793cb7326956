/**
 * What an agent records of its node's traffic: each drop by policy and each new connection, with names instead of
 * addresses alone, and the gaps where it knows that something is missing. Pure.
 */
import type { IpAddress } from "#base/ip-address.ts";
import type { Direction } from "#policy/rule-model.ts";

export const FLOW_VERDICTS = ["allowed", "dropped"] as const;
export type FlowVerdict = (typeof FLOW_VERDICTS)[number];

export interface FlowEnd {
  readonly address: IpAddress;
  /** Absent where the protocol has none. */
  readonly port?: number | undefined;
  /** `namespace/name`; absent for who is no pod of the cluster. */
  readonly pod?: string | undefined;
  /** Name of the node that has the address. */
  readonly node?: string | undefined;
}

interface Entry {
  /** Microseconds since 1970. */
  readonly timeMicros: number;
  /** Who recorded it. */
  readonly node: string;
}

export interface Flow extends Entry {
  readonly kind: "flow";
  /** Where on the node: links of a dropped packet (`cni0 → flannel.1`); for a connection which way it goes. */
  readonly hop: string;
  readonly verdict: FlowVerdict;
  /** `TCP`, `UDP`, `ICMP`, … */
  readonly protocol: string;
  readonly source: FlowEnd;
  /** Where the packet goes to behind translation: a backend, not its Service. */
  readonly destination: FlowEnd;
  /** What the client asked for, where that is another address: `default/web:80`, or the address when no Service has it. */
  readonly service?: string | undefined;
  /** Of drops: whose direction. */
  readonly direction?: Direction | undefined;
  /** Of drops: the policy, or those that isolate the pod. Empty for what no policy decides, as spoofed addresses. */
  readonly policies?: readonly string[] | undefined;
  /** Of drops: `networkpolicy/default/web ingress 0`, `isolation`, `spoofed address`, … */
  readonly rule?: string | undefined;
}

export type GapReason = "kernel buffer" | "rate limit" | "ring overwritten" | "agent restarted";

export interface Gap extends Entry {
  readonly kind: "gap";
  readonly reason: GapReason;
  /** Undefined: nobody counted. */
  readonly missed?: number | undefined;
}

export type FlowEntry = Flow | Gap;
