/**
 * What a policy enforcer is: of the connections that begin or end in a pod of this node, those that the rules allow pass,
 * and no other. Each technology is one implementation behind this contract, and passes the same suite (conformance/).
 */
import type { IpAddress, Prefix } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import type { PodId, RuleModel, RuleModelChanges } from "#policy/rule-model.ts";

/** What happens to connections that were allowed when a policy changes. */
export type EstablishedFlows = "keep" | "reevaluate";

/** What of this node is a pod's. */
export interface PolicyNode {
  /** Where this node's pods have their addresses: an address in here that no pod of the model has gets nothing through. */
  readonly nodePods: readonly Prefix[];
  /** Links of pods that are of this node's network, as `veth*` or `cni0`: what comes from one and is no known pod is dropped. */
  readonly podLinks: readonly string[];
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
  readonly pod: PodId;
  readonly direction: "ingress" | "egress";
  /** A rule's id, or `isolation`, or `unknown pod`, or `spoofed address`. */
  readonly reason: string;
  readonly verdict: "accept" | "deny";
  readonly packets: number;
  readonly bytes: number;
}

/** Disposing ends what runs in this process and leaves the kernel as it is: what was forbidden stays so. */
export interface PolicyEnforcer extends AsyncDisposable {
  readonly name: "nftables";
  /** Makes all of it so; compares with the kernel, sweeps the rest. Never opens what is closed in between. */
  sync(node: PolicyNode, model: RuleModel, attachments: readonly PodAttachment[]): PolicyApplied;
  /** Changes of the last state that was synced, as one transaction. Costs what changed, not what is there. */
  update(changes: RuleModelChanges): PolicyApplied;
  /** Before the pod's first packet: what comes from its link is held to its own addresses. */
  attach(attachment: PodAttachment): void;
  detach(link: string): void;
  drift(): readonly string[];
  counters(): readonly RuleCounter[];
  remove(): void;
}
