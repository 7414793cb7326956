/**
 * Terms of pod affinity and anti-affinity: which pods are meant, and by which label of nodes nearness is measured.
 * Source: Kubernetes documentation, "Inter-pod affinity and anti-affinity".
 */
import type { PodAffinityTerm } from "#api/kinds/pod/affinity.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { LabelSelector } from "#api/meta/label-selector.ts";
import type { Labels } from "#api/selectors/label-requirement.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import { compileSelector, ownLabels, type PodSelector } from "./pod-selector.ts";

export interface AffinityTerm {
  /** Equal for terms that say the same. */
  readonly key: string;
  readonly topologyKey: string;
  readonly namespaces: readonly string[];
  readonly namespaceSelector: LabelSelector | undefined;
  readonly selector: PodSelector;
}

export interface WeightedTerm {
  readonly term: AffinityTerm;
  /** Negative for what is to be avoided. */
  readonly weight: number;
}

export interface PodTerms {
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferred: readonly WeightedTerm[];
}

/** What a term is asked about. */
export interface LabelledPod {
  readonly namespace: string;
  readonly labels: Labels;
}

const NO_TERMS: PodTerms = { requiredAffinity: [], requiredAntiAffinity: [], preferred: [] };

export function podTermsOf({ affinity }: PodSpec, pod: LabelledPod): PodTerms {
  const { podAffinity = {}, podAntiAffinity = {} } = affinity ?? {};
  if (affinity?.podAffinity === undefined && affinity?.podAntiAffinity === undefined) return NO_TERMS;
  const compile = (term: PodAffinityTerm): AffinityTerm => compileTerm(term, pod);
  const weighted = (from: typeof podAffinity, sign: 1 | -1): readonly WeightedTerm[] =>
    (from.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) => ({
      term: compile(podAffinityTerm),
      weight: sign * weight,
    }));
  return {
    requiredAffinity: (podAffinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compile),
    requiredAntiAffinity: (podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compile),
    preferred: [...weighted(podAffinity, 1), ...weighted(podAntiAffinity, -1)],
  };
}

/** Whether the term means that pod. `namespaceLabels`: of a namespace, none when it is not known. */
export function termMeans(
  { namespaces, namespaceSelector, selector }: AffinityTerm,
  { namespace, labels }: LabelledPod,
  namespaceLabels: (namespace: string) => Labels | undefined,
): boolean {
  const isInNamespace =
    namespaces.includes(namespace) || labelSelectorMatcher(namespaceSelector)(namespaceLabels(namespace));
  return isInNamespace && selector.matches(labels);
}

function compileTerm(term: PodAffinityTerm, { namespace, labels }: LabelledPod): AffinityTerm {
  const { topologyKey, namespaces = [], namespaceSelector } = term;
  const selector = compileSelector(term.labelSelector, [
    ...ownLabels(labels, term.matchLabelKeys, "in"),
    ...ownLabels(labels, term.mismatchLabelKeys, "notin"),
  ]);
  const named = namespaces.length === 0 && namespaceSelector === undefined ? [namespace] : namespaces.toSorted();
  const further = namespaceSelector === undefined ? null : compileSelector(namespaceSelector).key;
  const key = JSON.stringify([topologyKey, selector.key, named, further]);
  return { key, topologyKey, namespaces: named, namespaceSelector, selector };
}
