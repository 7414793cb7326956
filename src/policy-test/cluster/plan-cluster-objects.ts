/**
 * A test as objects of a running cluster: its namespaces under names of their own, so that they meet nobody's, its pods,
 * and its policies with every selector that names a namespace changed likewise. What speaks of the whole cluster is held
 * to these namespaces. Pure.
 */
import type {
  ClusterNetworkPolicy,
  ClusterNetworkPolicySpec,
} from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { NAMESPACE_NAME_LABEL } from "#api/kinds/namespace.ts";
import type { NetworkPolicy } from "#api/kinds/network-policy.ts";
import type { LabelSelector } from "#api/meta/label-selector.ts";
import type { PolicyTest, TestPod } from "../policy-test.ts";
import { PolicyTestError } from "../policy-test-error.ts";

/** On everything that a run makes; its value is the run. */
export const RUN_LABEL = "policy-test.podwire.io/run";
/** Who made it; see owner.ts. */
export const OWNER_ANNOTATION = "policy-test.podwire.io/owner";
/** A name in Kubernetes has no more. */
const NAME_LENGTH = 63;

export interface ClusterRun {
  /** A few letters and digits. */
  readonly id: string;
  readonly owner: string;
  readonly image: string;
  /** What a pod runs until it is removed. */
  readonly commandOf: (pod: TestPod) => readonly string[];
  /** Names of the nodes that pods go to. */
  readonly nodes: readonly string[];
}

export interface ClusterObjects {
  readonly namespaces: readonly ReturnType<typeof namespaceObject>[];
  readonly pods: readonly ReturnType<typeof podObject>[];
  readonly networkPolicies: readonly NetworkPolicy[];
  readonly clusterNetworkPolicies: readonly ClusterNetworkPolicy[];
}

/** Throws PolicyTestError for a namespace whose name leaves no room. */
export function planClusterObjects(test: PolicyTest, run: ClusterRun): ClusterObjects {
  const own = new Set(test.namespaces.map(({ name }) => name));
  const selector = (given: LabelSelector): LabelSelector => renamedSelector(given, own, run);
  return {
    namespaces: test.namespaces.map(({ name, labels }) => namespaceObject(name, labels, run)),
    pods: test.pods.map((pod, index) => podObject(pod, index, run)),
    networkPolicies: test.policies.flatMap(({ policy }) =>
      policy.kind === "NetworkPolicy" ? [networkPolicyObject(policy.object, selector, run)] : [],
    ),
    clusterNetworkPolicies: test.policies.flatMap(({ policy }) =>
      policy.kind === "ClusterNetworkPolicy" ? [clusterPolicyObject(policy.object, selector, run)] : [],
    ),
  };
}

export function nameOfRun({ id }: Pick<ClusterRun, "id">, name: string): string {
  const full = `${prefixOf(id)}${name}`;
  if (full.length <= NAME_LENGTH) return full;
  throw new PolicyTestError("file", `Cannot run it on a cluster: the name "${name}" is too long`, {
    next: `names have at most ${NAME_LENGTH - prefixOf(id).length} characters there`,
  });
}

/** A rule's name in a cluster as the test has it. */
export function nameOfTest({ id }: Pick<ClusterRun, "id">, text: string): string {
  return text.replaceAll(prefixOf(id), "");
}

function prefixOf(id: string): string {
  return `pwt-${id}-`;
}

function metadataOf({ id, owner }: ClusterRun) {
  return { labels: { [RUN_LABEL]: id }, annotations: { [OWNER_ANNOTATION]: owner } };
}

function namespaceObject(name: string, labels: PolicyTest["namespaces"][number]["labels"], run: ClusterRun) {
  const { [NAMESPACE_NAME_LABEL]: _, ...others } = labels;
  const own = metadataOf(run);
  return { metadata: { ...own, name: nameOfRun(run, name), labels: { ...others, ...own.labels } } };
}

function podObject(pod: TestPod, index: number, run: ClusterRun) {
  const { namespace, name, labels, ports, node } = pod;
  const hostname = run.nodes[(node === undefined ? index : node - 1) % run.nodes.length] ?? "";
  return {
    metadata: { namespace: nameOfRun(run, namespace), name, labels, annotations: metadataOf(run).annotations },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      nodeSelector: { "kubernetes.io/hostname": hostname },
      containers: [
        {
          name: "main",
          image: run.image,
          command: [...run.commandOf(pod)],
          ports: ports.map(({ name: portName, port, protocol }) => ({
            containerPort: port,
            protocol,
            ...(portName !== undefined && { name: portName }),
          })),
        },
      ],
    },
  };
}

type Rename = (selector: LabelSelector) => LabelSelector;

function networkPolicyObject({ metadata, spec, ...object }: NetworkPolicy, selector: Rename, run: ClusterRun) {
  const { namespace = "default", name } = metadata;
  const peers = <P extends { readonly namespaceSelector?: LabelSelector | undefined }>(given: readonly P[]): P[] =>
    given.map((peer) =>
      peer.namespaceSelector === undefined ? peer : { ...peer, namespaceSelector: selector(peer.namespaceSelector) },
    );
  return {
    ...object,
    metadata: { namespace: nameOfRun(run, namespace), name },
    spec: {
      ...spec,
      ...(spec.ingress && { ingress: spec.ingress.map((one) => ({ ...one, from: one.from && peers(one.from) })) }),
      ...(spec.egress && { egress: spec.egress.map((one) => ({ ...one, to: one.to && peers(one.to) })) }),
    },
  } satisfies NetworkPolicy;
}

interface PodPeer {
  readonly namespaces?: LabelSelector | undefined;
  readonly pods?: { readonly namespaceSelector?: LabelSelector | undefined } | undefined;
}

function clusterPolicyObject({ metadata, spec, ...object }: ClusterNetworkPolicy, selector: Rename, run: ClusterRun) {
  const renamed = <P extends PodPeer>(peer: P, change: Rename): P => ({
    ...peer,
    ...(peer.namespaces && { namespaces: change(peer.namespaces) }),
    ...(peer.pods && { pods: { ...peer.pods, namespaceSelector: change(peer.pods.namespaceSelector ?? {}) } }),
  });
  const ofThisRun: Rename = (given) => {
    const { matchLabels, ...rest } = selector(given);
    return { ...rest, matchLabels: { ...matchLabels, [RUN_LABEL]: run.id } };
  };
  const { ingress, egress } = spec;
  const changed: ClusterNetworkPolicySpec = {
    ...spec,
    subject: renamed(spec.subject, ofThisRun),
    ...(ingress && { ingress: ingress.map((one) => ({ ...one, from: one.from.map((p) => renamed(p, selector)) })) }),
    ...(egress && { egress: egress.map((one) => ({ ...one, to: one.to.map((p) => renamed(p, selector)) })) }),
  };
  return { ...object, metadata: { ...metadataOf(run), name: nameOfRun(run, metadata.name ?? "") }, spec: changed };
}

/** Of namespaces: those of the test have other names. */
function renamedSelector(
  { matchLabels, matchExpressions, ...rest }: LabelSelector,
  own: ReadonlySet<string>,
  run: ClusterRun,
) {
  const renamed = (name: string): string => (own.has(name) ? nameOfRun(run, name) : name);
  return {
    ...rest,
    ...(matchLabels && {
      matchLabels: Object.fromEntries(
        Object.entries(matchLabels).map(([key, value]) => [key, key === NAMESPACE_NAME_LABEL ? renamed(value) : value]),
      ),
    }),
    ...(matchExpressions && {
      matchExpressions: matchExpressions.map((one) =>
        one.key === NAMESPACE_NAME_LABEL && one.values ? { ...one, values: one.values.map(renamed) } : one,
      ),
    }),
  };
}
