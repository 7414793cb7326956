/**
 * Which nodes a pod asks for by their labels and names: nodeSelector and node affinity.
 * Source: Kubernetes documentation, "Assigning Pods to Nodes".
 */
import type { NodeSelectorRequirement, NodeSelectorTerm } from "#api/kinds/pod/affinity.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import { compileRequirement, type LabelOperator, type Labels } from "#api/selectors/label-requirement.ts";

/** What is asked about. */
export interface NamedNode {
  readonly name: string;
  readonly labels: Labels;
}

export type NodeTest = (node: NamedNode) => boolean;

export interface PreferredNodes {
  readonly weight: number;
  readonly matches: NodeTest;
}

export interface NodeAffinity {
  /** undefined: any node. */
  readonly required: NodeTest | undefined;
  /** When the pod is for certain nodes only, their names: a pod of a DaemonSet is for one. */
  readonly nodeNames: ReadonlySet<string> | undefined;
  readonly preferred: readonly PreferredNodes[];
}

const NAME_FIELD = "metadata.name";

const OPERATORS = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
  Gt: "gt",
  Lt: "lt",
} as const satisfies Readonly<Record<NodeSelectorRequirement["operator"], LabelOperator>>;

const ANY_NODE: NodeAffinity = { required: undefined, nodeNames: undefined, preferred: [] };

export function nodeAffinityOf({ nodeSelector, affinity }: PodSpec): NodeAffinity {
  const { nodeAffinity } = affinity ?? {};
  if (nodeSelector === undefined && nodeAffinity === undefined) return ANY_NODE;
  const wanted = Object.entries(nodeSelector ?? {}).map(([key, value]) =>
    compileRequirement({ key, operator: "=", values: [value] }),
  );
  const terms = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const tests = terms?.map(compileNodeSelectorTerm);
  const required: NodeTest = (node) =>
    wanted.every((test) => test(node.labels)) && (tests === undefined || tests.some((test) => test(node)));
  const preferred = (nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
    ({ weight, preference }) => ({ weight, matches: compileNodeSelectorTerm(preference) }),
  );
  return {
    required: wanted.length === 0 && tests === undefined ? undefined : required,
    nodeNames: terms === undefined ? undefined : namesIn(terms),
    preferred,
  };
}

/** A term without conditions matches no node. */
export function compileNodeSelectorTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): NodeTest {
  if (matchExpressions.length === 0 && matchFields.length === 0) return () => false;
  const onLabels = matchExpressions.map(compileNodeRequirement);
  const onFields = matchFields.map(compileNodeRequirement);
  return ({ name, labels }) =>
    onLabels.every((test) => test(labels)) && onFields.every((test) => test({ [NAME_FIELD]: name }));
}

function compileNodeRequirement({ key, operator, values = [] }: NodeSelectorRequirement): (labels: Labels) => boolean {
  return compileRequirement({ key, operator: OPERATORS[operator], values });
}

/** When every term names its nodes. */
function namesIn(terms: readonly NodeSelectorTerm[]): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  for (const { matchFields = [] } of terms) {
    const lists = matchFields.filter(({ key, operator }) => key === NAME_FIELD && operator === "In");
    if (lists.length === 0) return undefined;
    const [first = [], ...others] = lists.map(({ values = [] }) => values);
    for (const name of first) if (others.every((values) => values.includes(name))) names.add(name);
  }
  return names;
}
