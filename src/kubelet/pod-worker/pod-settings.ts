import type { DnsSettings } from "../container/pod-dns.ts";

/** What all pods of the node share. */
export interface PodSettings {
  readonly nodeName: string;
  /** One for each family, the main one first. */
  readonly hostIps: readonly string[];
  readonly dns: DnsSettings;
  /** "/podwire-node-1/kubepods" */
  readonly cgroupParent: string;
  /** "/var/log/pods" */
  readonly logRoot: string;
  /** "/var/lib/kubelet" */
  readonly stateRoot: string;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly memoryBytes: number;
}
