/** All labs, in the order in which they build on each other. */
import type { Lab } from "#lab/lab.ts";
import { cniFailure } from "./cni-failure.ts";
import { exploreNode } from "./explore-node.ts";
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
  cniFailure,
];
