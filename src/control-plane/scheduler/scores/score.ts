/** A score says how good each of the nodes is that a pod could run on, from 0 to 100. */
import type { PodDemand } from "../pod/pod-demand.ts";
import type { NodeState, Snapshot } from "../snapshot.ts";

export const MAX_SCORE = 100;

export interface Score {
  readonly name: string;
  readonly weight: number;
  /** One number for each node, in their order; undefined: all nodes are alike. */
  rate(demand: PodDemand, nodes: readonly NodeState[], snapshot: Snapshot): readonly number[] | undefined;
}

/** Spreads numbers over 0 to 100, relative to the largest; undefined when all are zero. */
export function relativeToLargest(values: readonly number[]): readonly number[] | undefined {
  const largest = Math.max(...values);
  return largest === 0 ? undefined : values.map((value) => Math.floor((MAX_SCORE * value) / largest));
}
