/**
 * What the scheduler knows of the cluster when it places a pod: nodes with what is left of them, and existing pods as
 * counts per node, never one by one. It is kept up to date by events; during one decision nothing changes.
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Taint } from "#api/kinds/pod/toleration.ts";
import type { LabelSelector } from "#api/meta/label-selector.ts";
import type { LabelRequirement, Labels } from "#api/selectors/label-requirement.ts";
import type { AffinityTerm, LabelledPod } from "./pod/affinity-term.ts";
import type { Amounts } from "./pod/amounts.ts";
import type { UsedPorts } from "./pod/host-ports.ts";
import type { PodSelector } from "./pod/pod-selector.ts";

export interface NodeState {
  readonly name: string;
  readonly labels: Labels;
  /** The labels again, for looking up topology keys. */
  readonly topology: ReadonlyMap<string, string>;
  /** Those that keep pods away, PreferNoSchedule included. */
  readonly taints: readonly Taint[];
  readonly isUnschedulable: boolean;
  readonly allocatable: Amounts;
  /** What its pods set aside. */
  readonly used: Amounts;
  /** The same with a little for containers that do not say. */
  readonly usuallyUsed: Amounts;
  readonly podCount: number;
  readonly ports: UsedPorts;
}

/** Number of pods by node; nodes without any are not in it. */
export type PodCounts = ReadonlyMap<NodeState, number>;

export interface PodQuery {
  /** Equal for queries that ask the same. */
  readonly key: string;
  /** undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  /** Whether pods that are being deleted count. */
  readonly countsTerminating: boolean;
  /** Conditions on labels that hold for all pods that match. */
  readonly requirements: readonly LabelRequirement[];
  matches(pod: LabelledPod): boolean;
}

/** A rule or wish of pods that are there already, and where they are. */
export interface ExistingTerm {
  readonly term: AffinityTerm;
  /** For wishes; negative for what is to be avoided. */
  readonly weight: number;
  readonly counts: PodCounts;
}

export interface Snapshot {
  /** By name. */
  readonly nodes: readonly NodeState[];
  findNode(name: string): NodeState | undefined;
  countPods(query: PodQuery): PodCounts;
  /** Required anti-affinity of existing pods: all terms that can mean that pod, and few others. */
  antiAffinityAbout(pod: LabelledPod): Iterable<ExistingTerm>;
  /** In the same way their preferred affinity and anti-affinity, and required affinity as a wish of weight 1. */
  preferencesAbout(pod: LabelledPod): Iterable<ExistingTerm>;
  namespaceLabels(namespace: string): Labels | undefined;
  namespacesMatching(selector: LabelSelector): readonly string[];
  /** The pods that belong together with this one: of the same services and the same owner. undefined: none do. */
  siblings(pod: Pod): PodSelector | undefined;
}
