/**
 * Address translation that attachments want, as data: who is masqueraded, which host ports lead to which pod.
 * The union over all attachments is the desired state of the nft table that apply.ts writes.
 */

/** Connections from `address` to anywhere outside `subnet` (and no multicast) leave with the node's address. */
export interface Masquerade {
  /** The pod's address, without prefix length. */
  readonly address: string;
  /** The pod's network: `10.1.0.0/16`. */
  readonly subnet: string;
}

export type HostPortProtocol = "tcp" | "udp" | "sctp";

/** Connections to a port of the node's own addresses go to the pod. */
export interface HostPort {
  readonly protocol: HostPortProtocol;
  /** 1..65535 */
  readonly hostPort: number;
  /** One of the node's addresses; absent means all of them. */
  readonly hostIp?: string;
  /** The pod's address, without prefix length. */
  readonly address: string;
  /** 1..65535 */
  readonly containerPort: number;
  /**
   * Whose source is rewritten to the node's: nobody's, those that could not come back otherwise
   * (the pod's own network and loopback), or everybody's.
   */
  readonly snat: "none" | "hairpin" | "all";
  /** The pod's network, for `hairpin`. */
  readonly subnet: string;
}

export interface NatState {
  readonly masquerades: readonly Masquerade[];
  readonly hostPorts: readonly HostPort[];
}
