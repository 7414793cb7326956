/**
 * What a namespace that is being deleted still waits for, and what is deleted in it now. Pods go first: as long as
 * they run, they need the policies and accounts around them.
 * Source: Kubernetes documentation, "Namespaces" (deletion); conditions and texts as the namespace controller's.
 */
import type { KindNames, KubeObject } from "#api/kind.ts";
import { NAMESPACE_FINALIZER, type Namespace } from "#api/kinds/namespace.ts";
import { sameJson } from "../same-json.ts";

export interface Content<K extends KindNames = KindNames> {
  readonly kind: K;
  readonly objects: readonly KubeObject[];
}

export function needsDeletion({ metadata, spec }: Namespace): boolean {
  return metadata.deletionTimestamp !== undefined && (spec?.finalizers ?? []).includes(NAMESPACE_FINALIZER);
}

/** The objects to delete now, of those that nobody has deleted yet. */
export function planContentDeletion<K extends KindNames>(
  contents: readonly Content<K>[],
): readonly { readonly kind: K; readonly object: KubeObject }[] {
  const pods = contents.filter(({ kind, objects }) => isPods(kind) && objects.length > 0);
  return (pods.length > 0 ? pods : contents).flatMap(({ kind, objects }) =>
    objects.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map((object) => ({ kind, object })),
  );
}

export interface Remaining {
  readonly contents: readonly Content[];
  /** Of deletions that failed. */
  readonly errors: readonly string[];
  readonly now: string;
}

/** The namespace with conditions that say what it waits for; undefined when it says so already. */
export function planWaitingStatus(namespace: Namespace, remaining: Remaining): Namespace | undefined {
  const { conditions: old = [] } = namespace.status ?? {};
  const wanted = conditionsOf(remaining);
  const types = new Set(wanted.map(({ type }) => type));
  const dated = wanted.map((condition) => {
    const before = old.find(({ type }) => type === condition.type);
    const isSame = before?.status === condition.status && before.lastTransitionTime !== undefined;
    return { ...condition, lastTransitionTime: isSame ? before.lastTransitionTime : remaining.now };
  });
  const conditions = [...old.filter(({ type }) => !types.has(type)), ...dated];
  if (namespace.status?.phase === "Terminating" && sameJson(old, conditions)) return undefined;
  return { ...namespace, status: { ...namespace.status, phase: "Terminating", conditions } };
}

function conditionsOf({ contents, errors }: Remaining) {
  const left = contents.filter(({ objects }) => objects.length > 0);
  const resources = left.map(
    ({ kind, objects }) => `${kind.plural}.${kind.group} has ${objects.length} resource instances`,
  );
  const finalizers = Map.groupBy(
    left.flatMap(({ objects }) => objects.flatMap(({ metadata }) => metadata.finalizers ?? [])),
    (name) => name,
  );
  const waitsFor = [...finalizers].map(([name, all]) => `${name} in ${all.length} resource instances`).sort();
  return [
    condition("NamespaceDeletionDiscoveryFailure", "False", [
      "ResourcesDiscovered",
      "All resources successfully discovered",
    ]),
    condition("NamespaceDeletionGroupVersionParsingFailure", "False", [
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ]),
    errors.length > 0
      ? condition("NamespaceDeletionContentFailure", "True", [
          "ContentDeletionFailed",
          `Failed to delete all resource types, ${errors.length} remaining: ${errors.toSorted().join(", ")}`,
        ])
      : condition("NamespaceDeletionContentFailure", "False", [
          "ContentDeleted",
          "All content successfully deleted, may be waiting on finalization",
        ]),
    resources.length > 0
      ? condition("NamespaceContentRemaining", "True", [
          "SomeResourcesRemain",
          `Some resources are remaining: ${resources.toSorted().join(", ")}`,
        ])
      : condition("NamespaceContentRemaining", "False", ["ContentRemoved", "All content successfully removed"]),
    waitsFor.length > 0
      ? condition("NamespaceFinalizersRemaining", "True", [
          "SomeFinalizersRemain",
          `Some content in the namespace has finalizers remaining: ${waitsFor.join(", ")}`,
        ])
      : condition("NamespaceFinalizersRemaining", "False", [
          "ContentHasNoFinalizers",
          "All content-preserving finalizers finished",
        ]),
  ] as const;
}

function condition(type: string, status: "True" | "False", [reason, message]: readonly [string, string]) {
  return { type, status, reason, message } as const;
}

/** The namespace without the finalizer that stands for its content. */
export function withoutFinalizer(namespace: Namespace): Namespace {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((name) => name !== NAMESPACE_FINALIZER);
  return { ...namespace, spec: { ...namespace.spec, finalizers } };
}

function isPods({ group, plural }: KindNames): boolean {
  return group === "" && plural === "pods";
}
