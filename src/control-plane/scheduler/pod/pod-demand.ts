/** What one pod asks of a node, read from its spec once and kept with it. */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Labels } from "#api/selectors/label-requirement.ts";
import { type PodTerms, podTermsOf } from "./affinity-term.ts";
import type { Amounts } from "./amounts.ts";
import { type HostPort, hostPortsOf } from "./host-ports.ts";
import { type NodeAffinity, nodeAffinityOf } from "./node-affinity.ts";
import { podRequests } from "./pod-requests.ts";

export interface PodDemand {
  readonly pod: Pod;
  readonly namespace: string;
  readonly labels: Labels;
  /** Without what is zero. */
  readonly requests: Amounts;
  /** For scores: containers that do not say count with a little cpu and memory. */
  readonly usualRequests: Amounts;
  readonly ports: readonly HostPort[];
  readonly nodeAffinity: NodeAffinity;
  readonly terms: PodTerms;
}

/** As in Kubernetes: 100 m and 200 MiB. */
const USUAL: Amounts = new Map([
  ["cpu", 100],
  ["memory", 200 * 2 ** 20],
]);

const demands = new WeakMap<Pod, PodDemand>();

export function demandOf(pod: Pod): PodDemand {
  const known = demands.get(pod);
  if (known !== undefined) return known;
  const { metadata, spec } = pod;
  const { namespace = "", labels = {} } = metadata;
  const demand: PodDemand = {
    pod,
    namespace,
    labels,
    requests: podRequests(spec),
    usualRequests: podRequests(spec, USUAL),
    ports: hostPortsOf(spec),
    nodeAffinity: nodeAffinityOf(spec),
    terms: podTermsOf(spec, { namespace, labels }),
  };
  demands.set(pod, demand);
  return demand;
}
