/**
 * What is wrong with a pod on a node, found the slow way: every rule by itself, every pod looked at one by one. The
 * oracle for the filters; it shares nothing with them but how selectors, taints and quantities are read.
 */
import type { Node } from "#api/kinds/node.ts";
import type { NodeSelectorRequirement, PodAffinityTerm } from "#api/kinds/pod/affinity.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { tolerates } from "#api/kinds/pod/toleration.ts";
import { parseQuantity } from "#api/quantity.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import type { TestCluster } from "./builders.ts";

export type Violation =
  | "NodeUnschedulable"
  | "TaintToleration"
  | "NodeAffinity"
  | "NodePorts"
  | "NodeResourcesFit"
  | "PodTopologySpread"
  | "InterPodAffinity";

export function violations(pod: Pod, node: Node, cluster: TestCluster): readonly Violation[] {
  const others = (cluster.pods ?? []).filter(({ spec }) => spec.nodeName === node.metadata.name);
  const checks: Readonly<Record<Violation, boolean>> = {
    NodeUnschedulable: node.spec?.unschedulable !== true,
    TaintToleration: bearsTaints(pod, node),
    NodeAffinity: wantsNode(pod, node),
    NodePorts: portsOf(pod).every((port) => !others.flatMap(portsOf).includes(port)),
    NodeResourcesFit: fits(pod, node, others),
    PodTopologySpread: isEven(pod, node, cluster),
    InterPodAffinity: isNear(pod, node, cluster) && isAway(pod, node, cluster),
  };
  // The keys are those of the type.
  return (Object.keys(checks) as Violation[]).filter((name) => !checks[name]);
}

function bearsTaints({ spec }: Pod, node: Node): boolean {
  const hard = (node.spec?.taints ?? []).filter(({ effect }) => effect !== "PreferNoSchedule");
  return hard.every((taint) => (spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint)));
}

function wantsNode({ spec }: Pod, { metadata: { labels = {}, name = "" } }: Node): boolean {
  const holds = ({ key, operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean => {
    switch (operator) {
      case "In":
        return value !== undefined && values.includes(value);
      case "NotIn":
        return value === undefined || !values.includes(value);
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
      case "Gt":
        return Number(value) > Number(values[0]);
      case "Lt":
        return Number(value) < Number(values[0]);
      default:
        throw new Error(`Unknown operator for ${key}: ${operator satisfies never}`);
    }
  };
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return (
    Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value) &&
    (terms ?? [undefined]).some(
      (term) =>
        term === undefined ||
        ((term.matchExpressions ?? []).every((one) => holds(one, labels[one.key])) &&
          (term.matchFields ?? []).every((one) => holds(one, name))),
    )
  );
}

/** Without addresses. */
function portsOf({ spec }: Pod): readonly string[] {
  return spec.containers.flatMap(({ ports = [] }) => ports.map(({ hostPort, protocol }) => `${protocol} ${hostPort}`));
}

/** Containers alone: no init containers, no overhead. */
function fits(pod: Pod, { status }: Node, others: readonly Pod[]): boolean {
  const nanos = (text: string | undefined): bigint => (text === undefined ? 0n : parseQuantity(text).nanos);
  const sum = (pods: readonly Pod[], name: string): bigint =>
    pods
      .flatMap(({ spec }) => spec.containers)
      .reduce((total, { resources }) => total + nanos(resources?.requests?.[name]), 0n);
  const { allocatable = {} } = status ?? {};
  const names = ["cpu", "memory", "example.com/gpu"];
  const isShort = (name: string) => sum([pod], name) > 0n && sum([pod, ...others], name) > nanos(allocatable[name]);
  return others.length < Number(allocatable["pods"] ?? 0) && !names.some(isShort);
}

function isEven(pod: Pod, node: Node, { nodes, pods = [] }: TestCluster): boolean {
  const constraints = (pod.spec.topologySpreadConstraints ?? []).filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule",
  );
  return constraints.every(({ topologyKey, labelSelector, maxSkew, minDomains = 1, nodeTaintsPolicy }) => {
    const counted = nodes.filter(
      (one) =>
        constraints.every((constraint) => placeOf(one, constraint.topologyKey) !== undefined) &&
        wantsNode(pod, one) &&
        (nodeTaintsPolicy !== "Honor" || bearsTaints(pod, one)),
    );
    const isCounted = ({ metadata }: Pod) =>
      metadata.namespace === pod.metadata.namespace &&
      metadata.deletionTimestamp === undefined &&
      labelSelectorMatcher(labelSelector)(metadata.labels);
    const countIn = (place: string): number =>
      pods.filter((one) =>
        counted.some(
          (place1) =>
            place1.metadata.name === one.spec.nodeName && placeOf(place1, topologyKey) === place && isCounted(one),
        ),
      ).length;
    const places = [...new Set(counted.map((one) => placeOf(one, topologyKey) ?? ""))];
    const least = places.length < minDomains ? 0 : Math.min(...places.map(countIn));
    const here = placeOf(node, topologyKey);
    return here !== undefined && countIn(here) + (isCounted(pod) ? 1 : 0) - least <= maxSkew;
  });
}

function isNear(pod: Pod, node: Node, { nodes, pods = [], namespaces = [] }: TestCluster): boolean {
  const terms = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (terms.length === 0) return true;
  const wanted = pods.filter((one) => terms.every((term) => means(term, pod, one, namespaces)));
  const isIn = (one: Pod, key: string, place?: string): boolean => {
    const its = nodes.find(({ metadata }) => metadata.name === one.spec.nodeName);
    const there = its === undefined ? undefined : placeOf(its, key);
    return there !== undefined && (place === undefined || there === place);
  };
  const isFirst = !wanted.some((one) => terms.some(({ topologyKey }) => isIn(one, topologyKey)));
  const meansItself = terms.every((term) => means(term, pod, pod, namespaces));
  return terms.every(({ topologyKey }) => {
    const here = placeOf(node, topologyKey);
    return here !== undefined && ((isFirst && meansItself) || wanted.some((one) => isIn(one, topologyKey, here)));
  });
}

function isAway(pod: Pod, node: Node, { nodes, pods = [], namespaces = [] }: TestCluster): boolean {
  return pods.every((one) => {
    const its = nodes.find(({ metadata }) => metadata.name === one.spec.nodeName);
    const isTogether = ({ topologyKey }: PodAffinityTerm): boolean => {
      const there = its === undefined ? undefined : placeOf(its, topologyKey);
      return there !== undefined && there === placeOf(node, topologyKey);
    };
    return (
      !antiTerms(pod).some((term) => isTogether(term) && means(term, pod, one, namespaces)) &&
      !antiTerms(one).some((term) => isTogether(term) && means(term, one, pod, namespaces))
    );
  });
}

function antiTerms({ spec }: Pod): readonly PodAffinityTerm[] {
  return spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function means(
  { namespaces: named, namespaceSelector, labelSelector }: PodAffinityTerm,
  owner: Pod,
  about: Pod,
  namespaces: NonNullable<TestCluster["namespaces"]>,
): boolean {
  const { namespace = "", labels } = about.metadata;
  const its = namespaces.find(({ metadata }) => metadata.name === namespace);
  const isDefault = (named ?? []).length === 0 && namespaceSelector === undefined;
  const isInNamespace = isDefault
    ? namespace === owner.metadata.namespace
    : (named ?? []).includes(namespace) || labelSelectorMatcher(namespaceSelector)(its?.metadata.labels);
  return isInNamespace && labelSelectorMatcher(labelSelector)(labels);
}

function placeOf({ metadata }: Node, key: string): string | undefined {
  return metadata.labels?.[key];
}
