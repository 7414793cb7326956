/**
 * Which pods belong together, so that they are spread: those of the same services, and of the same ReplicaSet or
 * StatefulSet. Source: Kubernetes documentation, "Pod Topology Spread Constraints" (built-in default constraints).
 */
import type { KubeObject } from "#api/kind.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { ReplicaSet } from "#api/kinds/replica-set.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { StatefulSet } from "#api/kinds/stateful-set/stateful-set.ts";
import type { LabelRequirement, Labels } from "#api/selectors/label-requirement.ts";
import { labelSelectorRequirements } from "#api/selectors/label-selector.ts";
import { type PodSelector, selectorOf } from "../pod/pod-selector.ts";

export interface Siblings {
  setService(service: Service): void;
  removeService(service: Service): void;
  setOwner(owner: ReplicaSet | StatefulSet): void;
  removeOwner(owner: KubeObject): void;
  of(pod: Pod): PodSelector | undefined;
}

interface ServicePods {
  readonly requirements: readonly LabelRequirement[];
  readonly selector: PodSelector;
}

/** Answers that are kept. */
const MAX_KNOWN = 4096;

export function createSiblings(): Siblings {
  /** By namespace, then by name. */
  const services = new Map<string, Map<string, ServicePods>>();
  /** By uid. */
  const owners = new Map<string, readonly LabelRequirement[]>();
  /** By namespace, owner and labels; holds until something changes. */
  const known = new Map<string, PodSelector | undefined>();

  function find({ metadata }: Pod): PodSelector | undefined {
    const { namespace = "", labels = {} } = metadata;
    const own = [...(services.get(namespace)?.values() ?? [])].filter(({ selector }) => selector.matches(labels));
    const requirements = [
      ...own.flatMap((service) => service.requirements),
      ...(owners.get(ownerUid(metadata) ?? "") ?? []),
    ];
    if (requirements.length === 0) return undefined;
    const distinct = new Map(requirements.map((one) => [JSON.stringify(one), one]));
    return selectorOf([...distinct.values()].sort(byText));
  }

  return {
    setService({ metadata, spec }) {
      known.clear();
      const { namespace = "", name = "" } = metadata;
      const inNamespace = services.get(namespace) ?? new Map<string, ServicePods>();
      services.set(namespace, inNamespace);
      const requirements = Object.entries(spec.selector ?? {}).map(
        ([key, value]): LabelRequirement => ({ key, operator: "=", values: [value] }),
      );
      if (requirements.length === 0) inNamespace.delete(name);
      else inNamespace.set(name, { requirements, selector: selectorOf(requirements) });
    },
    removeService({ metadata }) {
      known.clear();
      services.get(metadata.namespace ?? "")?.delete(metadata.name ?? "");
    },
    setOwner({ metadata, spec }) {
      const { uid = "" } = metadata;
      // Selectors of owners do not change.
      if (owners.has(uid)) return;
      known.clear();
      owners.set(uid, labelSelectorRequirements(spec.selector));
    },
    removeOwner({ metadata }) {
      known.clear();
      owners.delete(metadata.uid ?? "");
    },
    of(pod) {
      const { metadata } = pod;
      const key = JSON.stringify([metadata.namespace, ownerUid(metadata), sortedLabels(metadata.labels ?? {})]);
      if (known.has(key)) return known.get(key);
      if (known.size >= MAX_KNOWN) known.clear();
      const selector = find(pod);
      known.set(key, selector);
      return selector;
    },
  };
}

function ownerUid({ ownerReferences = [] }: Pod["metadata"]): string | undefined {
  return ownerReferences.find(({ controller }) => controller === true)?.uid;
}

function sortedLabels(labels: Labels): readonly string[] {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
}

function byText(a: LabelRequirement, b: LabelRequirement): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
