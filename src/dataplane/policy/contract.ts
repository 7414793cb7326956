/**
 * What a policy enforcer is: of the connections that begin or end in a pod of this node, those that the rules allow pass,
 * and no other. Each technology is one implementation behind this contract, and passes the same suite (conformance/).
 */
import type { IpAddress, Prefix } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import type { Direction, PodId, RuleModel, RuleModelChanges } from "#policy/rule-model.ts";

/** What happens to connections that were allowed when a policy changes. */
export type EstablishedFlows = "keep" | "reevaluate";

/** What of this node is a pod's. */
export interface PolicyNode {
  /** Where this node's pods have their addresses: an address in here that no pod of the model has gets nothing through. */
  readonly nodePods: readonly Prefix[];
  /** Links of routed pods, as `veth*`: what comes from one that is not attached is dropped. */
  readonly podLinks: readonly string[];
  /** Bridges whose ports are pods, as `cni0`: a port that is not attached gets nothing in. */
  readonly bridges?: readonly string[] | undefined;
  /** UDP ports of the tunnels between nodes: no pod sends there, since a node takes what comes for another node's. */
  readonly overlayPorts?: readonly number[] | undefined;
  readonly established: EstablishedFlows;
}

/** Where a pod is joined to the node: only its own addresses come from there. */
export interface PodAttachment {
  /** Absent while only the runtime knows the container. */
  readonly pod?: PodId | undefined;
  /** The node's end of the pod's pair of links. */
  readonly link: string;
  readonly mac: MacAddress | undefined;
  readonly addresses: readonly IpAddress[];
}

export interface PolicyApplied {
  /** In the words of `nft`; empty when nothing differed. */
  readonly changes: readonly string[];
}

/** Packets that a rule decided, since it is in the kernel. */
export interface RuleCounter {
  /** Absent where pods share the rule. */
  readonly pod?: PodId | undefined;
  readonly direction: Direction;
  /** A rule's id, or `isolation`, or `unknown pod`, or `spoofed address`. */
  readonly reason: string;
  readonly verdict: "accept" | "deny" | "pass";
  readonly packets: number;
  readonly bytes: number;
}

export interface DropReason {
  /** Absent where pods share the rule: then the packet's addresses say it. */
  readonly pod?: PodId | undefined;
  readonly direction: Direction;
  /** A rule's id, or `isolation`, `unknown pod`, `overlay port`, `stray packet`. */
  readonly reason: string;
}

/** Disposing ends what runs in this process and leaves the kernel as it is: what was forbidden stays so. */
export interface PolicyEnforcer extends AsyncDisposable {
  readonly name: "nftables";
  /** Makes all of it so; compares with the kernel, sweeps the rest. Never opens what is closed in between. */
  sync(node: PolicyNode, model: RuleModel, attachments: readonly PodAttachment[]): PolicyApplied;
  /**
   * Changes of the last state that was synced, as one transaction. Costs what changed, not what is there. Connections that
   * are forbidden now end as well, or `later`, with the next `endForbidden`: finding them costs what is under way.
   */
  update(changes: RuleModelChanges, connections?: "now" | "later"): PolicyApplied;
  /** Ends what updates have left for later. */
  endForbidden(): PolicyApplied;
  /** Whether they have left anything. */
  hasForbidden(): boolean;
  /** Before the pod's first packet: what comes from its link is held to its own addresses. */
  attach(attachment: PodAttachment): void;
  detach(link: string): void;
  drift(): readonly string[];
  counters(): readonly RuleCounter[];
  /** What dropped a packet, from the prefix that its log message has; undefined for prefixes of others. */
  explainDrop(prefix: string): DropReason | undefined;
  /** Answers whether anything was there. */
  remove(): boolean;
}
