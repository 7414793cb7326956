/**
 * What a Service proxy is: connections to a Service's frontends reach one of its backends, and the answers come back.
 * Each technology is one implementation behind this contract, and passes the same suite of tests (conformance/).
 */
import type { Family, IpAddress, Prefix } from "#base/ip-address.ts";
import type { ServicePortChanges, ServicePorts } from "#service/service-port.ts";

export const SERVICE_PROXIES = ["nftables", "iptables", "ipvs"] as const;
export type ServiceProxyName = (typeof SERVICE_PROXIES)[number];

/** What does not belong to one Service. */
export interface ServiceProxyNode {
  /** Where pods have their addresses, of the whole cluster: what comes from elsewhere to a clusterIP is masqueraded. */
  readonly podNetworks: readonly Prefix[];
  /** Where this node's pods have theirs. */
  readonly nodePods: readonly Prefix[];
  /** Node ports listen on the node's addresses in these; on all of its own but loopback when empty. */
  readonly nodePortAddresses: readonly Prefix[];
  /** Where clusterIPs are: what is sent to one that no Service has is refused. */
  readonly serviceNetworks: readonly Prefix[];
}

/** A frontend that could not be had, because another Service has it. */
export interface FrontendConflict {
  readonly id: string;
  readonly owner: string;
  /** `10.96.0.1:80/TCP`, `nodePort 30080/TCP` */
  readonly frontend: string;
}

export interface ServicesApplied {
  /** In the words of `nft` (or of the technology), one for each object or kind of element; empty when nothing differed. */
  readonly changes: readonly string[];
  /** The older id (by order of text) keeps a frontend; the other one is served on its other frontends. */
  readonly conflicts: readonly FrontendConflict[];
}

/** Backends that no frontend of a UDP Service leads to any more: their flows must be forgotten. */
export interface EndedFlows {
  readonly family: Family;
  readonly protocol: "UDP" | "SCTP";
  /** Absent for a node port. */
  readonly frontend?: IpAddress | undefined;
  readonly frontendPort: number;
  /** Absent: all flows of the frontend, because it had no backend until now. */
  readonly backend?: IpAddress | undefined;
}

/** Disposing ends what runs in this process and leaves the kernel as it is, for the next process to take over. */
export interface ServiceProxy extends AsyncDisposable {
  readonly name: ServiceProxyName;
  /**
   * Makes all of it so: takes over what an earlier process left without a gap, changes what differs, sweeps the rest.
   * Compares with the kernel. Throws when the kernel refuses; nothing is changed then.
   */
  sync(node: ServiceProxyNode, desired: ServicePorts): ServicesApplied;
  /** Changes of the last state that was synced. Costs what changed, not what is there. */
  update(changes: ServicePortChanges): ServicesApplied;
  /** What `sync` would do now: empty unless somebody else changed what is ours. */
  drift(): readonly string[];
  /** Takes all of it out of the kernel, also what an earlier process left. */
  remove(): void;
}

/**
 * A proxy whose technology answers later, because another program does the work. One call at a time. Whoever awaits the
 * answers serves both kinds.
 */
export interface AsyncServiceProxy extends AsyncDisposable {
  readonly name: ServiceProxyName;
  sync(node: ServiceProxyNode, desired: ServicePorts): Promise<ServicesApplied>;
  update(changes: ServicePortChanges): Promise<ServicesApplied>;
  drift(): Promise<readonly string[]>;
  remove(): Promise<void>;
}
