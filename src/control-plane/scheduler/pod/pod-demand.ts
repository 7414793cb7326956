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
    requests: shared(podRequests(spec)),
    usualRequests: shared(podRequests(spec, USUAL)),
    ports: hostPortsOf(spec),
    nodeAffinity: nodeAffinityOf(spec),
    terms: podTermsOf(spec, { namespace, labels }),
  };
  demands.set(pod, demand);
  return demand;
}

/** Amounts that are known at a time. Beyond that it begins anew, and what has been shared stays so. */
const MAX_SHARED = 10_000;

const sharedAmounts = new Map<string, Amounts>();

/** The same for equal amounts: pods are many, and what they ask for is mostly the same. */
function shared(amounts: Amounts): Amounts {
  const key = JSON.stringify([...amounts]);
  const known = sharedAmounts.get(key);
  if (known !== undefined) return known;
  if (sharedAmounts.size >= MAX_SHARED) sharedAmounts.clear();
  sharedAmounts.set(key, amounts);
  return amounts;
}
