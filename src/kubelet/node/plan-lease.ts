/** A node's sign of life. Source: Kubernetes documentation, "Leases", "Node heartbeats". */
import type { Lease } from "#api/kinds/lease.ts";
import type { Draft } from "#api-client/api-client.ts";

const DURATION_SECONDS = 40;

export interface LeaseHolder {
  readonly nodeName: string;
  readonly nodeUid: string;
  readonly now: Date;
}

export function planLease(known: Lease | undefined, { nodeName, nodeUid, now }: LeaseHolder): Draft<Lease> {
  const renewTime = now.toISOString().replace(/Z$/, "000Z");
  const spec = {
    ...known?.spec,
    holderIdentity: nodeName,
    leaseDurationSeconds: DURATION_SECONDS,
    renewTime,
  };
  const ownerReferences = [{ apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeUid }];
  const metadata = known?.metadata ?? { namespace: "kube-node-lease", name: nodeName, ownerReferences };
  return { metadata, spec };
}
