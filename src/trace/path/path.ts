/** The way of one packet: hop by hop through links, and how it ends. */
import type { Frame, Packet } from "./packet.ts";
import type { PolicyDrop } from "./policy-of-drop.ts";

/** A packet on a link, as a capture there would see it. */
export interface Hop {
  readonly namespace: string;
  readonly link: string;
  readonly ifindex: number;
  readonly direction: "in" | "out";
  readonly frame: Frame;
  /** What sends it here: a route, an FDB entry, a port. */
  readonly why: string;
}

export const CAUSES = {
  "missing route": "no route leads to the destination",
  "wrong gateway": "nobody has the address of the next hop",
  "wrong FDB entry": "the forwarding database leads to the wrong place, or has no entry",
  "wrong neighbour": "the neighbour table has the wrong hardware address, or none",
  "MTU hole": "a link on the way takes no packet of this size",
  masqueraded: "the source address is translated on the way",
  "dead peer": "the other node does not answer",
  rp_filter: "the reverse path filter drops what comes in by another link than answers leave by",
  "bridge down": "a bridge is down",
  "link down": "a link is down or has no carrier",
  "duplicate address": "more than one place has the address",
  "firewall drop": "a rule drops it",
  "forwarding off": "the node does not forward packets",
  "missing address": "nobody has the address",
  "routing loop": "the packet goes round",
  leak: "what is left of a pod that is gone",
  "not read": "a namespace on the way could not be read",
  unknown: "the kernel's state shows no cause",
} as const;
export type Cause = keyof typeof CAUSES;

export interface Stop {
  readonly cause: Cause;
  readonly namespace: string;
  readonly link?: string | undefined;
  /** One sentence. */
  readonly message: string;
  /** Lines in the words of `ip`, `bridge`, `nft` and `sysctl`. */
  readonly evidence: readonly string[];
  /** Of a drop by one of our policies. */
  readonly policy?: PolicyDrop | undefined;
}

/** Addresses that a rule replaced. */
export interface Translation {
  readonly kind: "source" | "destination";
  readonly namespace: string;
  readonly from: Packet;
  readonly to: Packet;
  readonly rule: string;
  /** What the rule's map calls what matched: the id of a Service's port, `default/web:http/TCP/4`. */
  readonly frontend?: string | undefined;
  /** Of how many targets the kernel takes one. */
  readonly alternatives?: number | undefined;
}

export interface Path {
  readonly hops: readonly Hop[];
  readonly translations: readonly Translation[];
  /** Where it was delivered; undefined when it was not. */
  readonly reached?: { readonly namespace: string; readonly link: string; readonly packet: Packet } | undefined;
  readonly stop?: Stop | undefined;
  /** Rules that could not be evaluated. */
  readonly uncertain: readonly string[];
}
