/** What is measured: ways between two pods, and who makes each of them. */
import type { Backend } from "#dataplane/contract.ts";

export const pathNames = ["same-node", "host-gw", "vxlan", "udp"] as const;
export type PathName = (typeof pathNames)[number];

export const contestantNames = ["podwire", "by-hand"] as const;
export type ContestantName = (typeof contestantNames)[number];

export interface BenchPath {
  readonly name: PathName;
  readonly title: string;
  /** How the nodes reach each other's pods; undefined where both pods are on one node. */
  readonly backend: Backend | undefined;
  /** Pods' MTU on an underlay of 1500 bytes, IPv4. */
  readonly podMtuBytes: number;
  /** The path by hand that it is compared with. `ip` has nothing like Flannel's udp, so vxlan stands in. */
  readonly comparedWith: PathName;
}

export const UNDERLAY_MTU_BYTES = 1500;

export const benchPaths: readonly BenchPath[] = [
  {
    name: "same-node",
    title: "two pods of one node",
    backend: undefined,
    podMtuBytes: UNDERLAY_MTU_BYTES,
    comparedWith: "same-node",
  },
  {
    name: "host-gw",
    title: "pods of two nodes, by routes",
    backend: "host-gw",
    podMtuBytes: UNDERLAY_MTU_BYTES,
    comparedWith: "host-gw",
  },
  { name: "vxlan", title: "pods of two nodes, in VXLAN", backend: "vxlan", podMtuBytes: 1450, comparedWith: "vxlan" },
  {
    name: "udp",
    title: "pods of two nodes, through user space in UDP",
    backend: "udp",
    podMtuBytes: 1472,
    comparedWith: "vxlan",
  },
];

/** Two pods that reach each other. Disposing takes them and their nodes away. */
export interface PodPair extends AsyncDisposable {
  readonly clientNetnsPath: string;
  readonly serverNetnsPath: string;
  readonly serverAddress: string;
}
