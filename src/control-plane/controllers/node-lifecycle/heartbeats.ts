/**
 * Signs of life of nodes: a renewed lease or a newly posted status. What counts is when the controller sees them, so
 * that clocks of nodes may be wrong; a node that has not been heard of since the start gets its full time.
 */
import type { Lease } from "#api/kinds/lease.ts";
import type { Node } from "#api/kinds/node.ts";
import { readyCondition } from "./plan-node-health.ts";

export const LEASE_NAMESPACE = "kube-node-lease";

export interface Heartbeats {
  /** True for a sign of life. */
  seeNode(node: Node): boolean;
  seeLease(lease: Lease): boolean;
  seenAt(nodeName: string): Date;
  forget(nodeName: string): void;
}

interface Heard {
  readonly status: string | undefined;
  readonly lease: string | undefined;
  readonly at: Date;
}

export function createHeartbeats(now: () => Date): Heartbeats {
  const heard = new Map<string, Heard>();

  function hear(name: string, sign: Partial<Heard>): boolean {
    const before = heard.get(name);
    const { status, lease } = { ...before, ...sign };
    if (before !== undefined && before.status === status && before.lease === lease) return false;
    heard.set(name, { status, lease, at: now() });
    return true;
  }

  return {
    seeNode(node) {
      const { uid = "", name = "" } = node.metadata;
      return hear(name, { status: `${uid} ${readyCondition(node)?.lastHeartbeatTime ?? ""}` });
    },
    seeLease({ metadata, spec }) {
      const { renewTime } = spec ?? {};
      if (metadata.namespace !== LEASE_NAMESPACE || renewTime === undefined) return false;
      return hear(metadata.name ?? "", { lease: renewTime });
    },
    seenAt: (name) => heard.get(name)?.at ?? now(),
    forget: (name) => void heard.delete(name),
  };
}
