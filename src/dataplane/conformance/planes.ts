/** The data planes that the conformance suite runs on, and what each is known by. */
import { BACKENDS, type Backend, type Connectivity } from "../contract.ts";
import { createHostGw } from "../host-gw/apply.ts";
import type { NodeKernel } from "../run-operations.ts";
import { createUdp } from "../udp/apply.ts";
import { createVxlan } from "../vxlan/apply.ts";

export interface PlaneCase {
  readonly title: string;
  readonly backend: Backend;
  readonly create: (kernel: NodeKernel) => Connectivity;
  /** On an underlay of 1500 bytes, dual stack. */
  readonly podMtuBytes: number;
  /** Links that it makes. */
  readonly links: readonly string[];
  /** What a new process does even where the kernel has everything. */
  readonly changesOfNewProcess: readonly string[];
  /** Arguments of `ip` and `bridge` that take away a part of it on node 1. */
  readonly damages: readonly (readonly string[])[];
}

const ROUTES = [
  ["ip", "route", "delete", "10.244.2.0/24"],
  ["ip", "-6", "route", "delete", "fd00:10:244:2::/64"],
] as const;

export const PLANES: readonly PlaneCase[] = [
  {
    title: "vxlan",
    backend: "vxlan",
    create: (kernel) => createVxlan(kernel),
    podMtuBytes: 1430,
    links: ["flannel.1", "flannel-v6.1"],
    changesOfNewProcess: [],
    damages: [
      ...ROUTES,
      ["ip", "link", "delete", "flannel.1"],
      ["ip", "link", "delete", "flannel-v6.1"],
      ["ip", "link", "set", "flannel.1", "down"],
      ["ip", "link", "set", "flannel.1", "mtu", "1200"],
      ["ip", "link", "set", "flannel.1", "address", "02:00:00:00:00:99"],
      ["ip", "address", "flush", "dev", "flannel.1"],
      ["ip", "neighbour", "flush", "dev", "flannel.1", "nud", "permanent"],
      ["ip", "-6", "neighbour", "flush", "dev", "flannel-v6.1", "nud", "permanent"],
      ["ip", "neighbour", "replace", "10.244.2.0", "lladdr", "02:00:00:00:00:99", "dev", "flannel.1"],
      ["sh", "-c", "bridge fdb show dev flannel.1 | while read m r; do bridge fdb del $m dev flannel.1; done"],
      ["sh", "-c", "bridge fdb show dev flannel-v6.1 | while read m r; do bridge fdb del $m dev flannel-v6.1; done"],
      ["bridge", "fdb", "append", "00:00:00:00:00:00", "dst", "192.168.50.9", "dev", "flannel.1"],
    ],
  },
  {
    title: "vxlan with direct routing",
    backend: "vxlan",
    create: (kernel) => createVxlan(kernel, { directRouting: true }),
    podMtuBytes: 1430,
    links: ["flannel.1", "flannel-v6.1"],
    changesOfNewProcess: [],
    damages: [...ROUTES, ["ip", "link", "delete", "flannel.1"]],
  },
  {
    title: "host-gw",
    backend: "host-gw",
    create: createHostGw,
    podMtuBytes: 1500,
    links: [],
    changesOfNewProcess: [],
    damages: [
      ...ROUTES,
      ["ip", "route", "replace", "10.244.2.0/24", "via", "192.168.50.3", "proto", "113"],
      ["sh", "-c", "ip link set eth0 down; ip link set eth0 up; ip address replace fd00:50::1/64 dev eth0 nodad"],
    ],
  },
  {
    title: "udp",
    backend: "udp",
    create: (kernel) => createUdp(kernel),
    podMtuBytes: 1452,
    links: ["flannel0"],
    changesOfNewProcess: ["start proxy on udp port 8285 for 4 prefixes"],
    damages: [
      ...ROUTES,
      ["ip", "link", "delete", "flannel0"],
      ["ip", "link", "set", "flannel0", "down"],
      ["ip", "link", "set", "flannel0", "mtu", "1200"],
      ["ip", "address", "flush", "dev", "flannel0"],
    ],
  },
];

/** Back ends that the suite leaves out; there must be none. */
export const MISSING: readonly Backend[] = BACKENDS.filter((one) => !PLANES.some(({ backend }) => backend === one));
