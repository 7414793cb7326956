/** What `podwire status` shows of a cluster, as its keeper gives it. */
import type { ClusterSpec } from "./cluster-spec.ts";
import type { ComponentState } from "./supervise.ts";

export interface ComponentStatus {
  readonly name: string;
  readonly state: ComponentState;
  readonly pid?: number;
  readonly restarts: number;
  readonly uptimeSeconds: number;
  /** Resident memory; absent when it does not run. */
  readonly rssBytes?: number;
  readonly lastEnd?: string;
}

export type NodeState = "stopped" | "starting" | "running" | "stopping" | "restarting";

export interface NodeStatusReport {
  readonly name: string;
  readonly state: NodeState;
  /** As the API has it. */
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly message?: string;
  readonly addresses: readonly string[];
  readonly podCidrs: readonly string[];
  /** Process 1 of the node, as this machine counts. */
  readonly initPid?: number;
  readonly components: readonly ComponentStatus[];
}

export interface ClusterStatus {
  readonly name: string;
  readonly state: "starting" | "ready" | "degraded" | "stopping";
  readonly keeperPid: number;
  readonly server: string;
  readonly kubeconfig: string;
  readonly network: ClusterSpec["network"];
  readonly podCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
  readonly underlay: {
    readonly subnets: readonly string[];
    readonly hostAddresses: readonly string[];
    readonly hostLink: string;
    /** Of the bridge between the nodes; valid as long as the keeper lives. "" while it starts. */
    readonly netnsPath: string;
  };
  /** A service that knows no way to pods, behind the underlay's router. */
  readonly outside: { readonly netnsPath: string; readonly addresses: readonly string[] };
  readonly spec: ClusterSpec;
  readonly components: readonly ComponentStatus[];
  readonly nodes: readonly NodeStatusReport[];
}
