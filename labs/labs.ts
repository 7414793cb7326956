/** All labs, in the order in which they build on each other. */
import type { Lab } from "#lab/lab.ts";
import { andOr } from "./and-or.ts";
import { clusterIp } from "./cluster-ip.ts";
import { cniFailure } from "./cni-failure.ts";
import { defaultDeny } from "./default-deny.ts";
import { dnsInAPod } from "./dns-in-a-pod.ts";
import { exploreNode } from "./explore-node.ts";
import { nodePort } from "./node-port.ts";
import { openConnection } from "./open-connection.ts";
import { podByHand } from "./pod-by-hand.ts";
import { podIps } from "./pod-ips.ts";
import { podNamespaces } from "./pod-namespaces.ts";
import { podToPod } from "./pod-to-pod.ts";
import { vxlanOnTheWire } from "./vxlan-on-the-wire.ts";

export const labs: readonly Lab[] = [
  podIps,
  podToPod,
  exploreNode,
  podNamespaces,
  podByHand,
  vxlanOnTheWire,
  clusterIp,
  nodePort,
  dnsInAPod,
  defaultDeny,
  andOr,
  openConnection,
  cniFailure,
];
