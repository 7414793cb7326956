/**
 * How many pods of its node a pod can talk to at once. The kernel's neighbour tables have one size for all namespaces
 * together, and drop packets when they are full of young entries. Source: net/core/neighbour.c (neigh_forced_gc), arp(7).
 */
import { readFileSync } from "node:fs";

/** The kernel's default; namespaces other than the first do not show the setting. */
const DEFAULT_LIMIT = 1024;
/** Others need some, too. */
const USABLE = 0.8;
/** A pod's gateway, and the pod itself on its node. */
const OWN_ENTRIES = 2;

export function readNeighbourLimit(): number {
  try {
    return Number(readFileSync("/proc/sys/net/ipv4/neigh/default/gc_thresh3", "utf8")) || DEFAULT_LIMIT;
  } catch {
    return DEFAULT_LIMIT; // not shown here
  }
}

/** Undefined: all of them. An exchange takes an entry at both ends, so n others make 2 n entries for each pod. */
export function sameNodePeers(limit: number, podsOfNodes: readonly number[]): number | undefined {
  const pods = podsOfNodes.reduce((sum, count) => sum + count, 0);
  const entries = podsOfNodes.reduce((sum, count) => sum + count * (count - 1 + OWN_ENTRIES), 0);
  if (entries <= limit * USABLE) return undefined;
  return Math.max(1, Math.floor(((limit * USABLE) / pods - OWN_ENTRIES) / 2));
}
