/**
 * A StatefulSet's pods: each has a number, by it a name that it keeps, and with the set's Service a DNS name.
 * Source: Kubernetes documentation, "StatefulSets" (pod identity).
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodTemplateSpec } from "#api/kinds/pod/pod-template.ts";
import type { Volume } from "#api/kinds/pod/volume.ts";
import { type StatefulSet, statefulSet as statefulSetKind } from "#api/kinds/stateful-set/stateful-set.ts";
import type { Draft } from "#api-client/api-client.ts";
import { podFromTemplate } from "../workload/pod-from-template.ts";

const REVISION_LABEL = "controller-revision-hash";
const NAME_LABEL = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL = "apps.kubernetes.io/pod-index";

/** undefined when the pod's name is not one of the set's. */
export function ordinalOf({ metadata: { name: setName = "" } }: StatefulSet, { metadata }: Pod): number | undefined {
  const { name = "" } = metadata;
  if (!name.startsWith(`${setName}-`)) return undefined;
  const text = name.slice(setName.length + 1);
  return /^(0|[1-9][0-9]*)$/.test(text) ? Number(text) : undefined;
}

export function revisionOf({ metadata }: Pod): string {
  return metadata.labels?.[REVISION_LABEL] ?? "";
}

/** `template`: of the revision, which may be an old one. */
export function statefulPod(
  set: StatefulSet,
  ordinal: number,
  { template, revision }: { readonly template: PodTemplateSpec; readonly revision: string },
): Draft<Pod> {
  const name = `${set.metadata.name}-${ordinal}`;
  const draft = podFromTemplate(statefulSetKind, set, template);
  const { metadata } = draft;
  const { serviceName } = set.spec;
  const volumes = withClaimedVolumes(set, template.spec.volumes ?? []);
  return {
    metadata: {
      ...metadata,
      name,
      labels: { ...metadata.labels, ...identityLabels(name, ordinal), [REVISION_LABEL]: revision },
    },
    spec: {
      ...draft.spec,
      hostname: name,
      ...(serviceName !== "" && { subdomain: serviceName }),
      ...(volumes.length > 0 && { volumes }),
    },
  };
}

/** The pod with the labels that it has lost; the same object when it has them. */
export function withIdentity(pod: Pod, ordinal: number): Pod {
  const { labels = {}, name = "" } = pod.metadata;
  const identity = identityLabels(name, ordinal);
  const isComplete = Object.entries(identity).every(([key, value]) => labels[key] === value);
  return isComplete ? pod : { ...pod, metadata: { ...pod.metadata, labels: { ...labels, ...identity } } };
}

function identityLabels(name: string, ordinal: number): Readonly<Record<string, string>> {
  return { [NAME_LABEL]: name, [INDEX_LABEL]: String(ordinal) };
}

/** There are no persistent volumes here: where a claim would be mounted, there is a directory that goes with the pod. */
function withClaimedVolumes({ spec }: StatefulSet, volumes: readonly Volume[]): readonly Volume[] {
  const names = claimNames(spec);
  return [...volumes.filter(({ name }) => !names.includes(name)), ...names.map((name) => ({ name, emptyDir: {} }))];
}

export function claimNames({ volumeClaimTemplates = [] }: StatefulSet["spec"]): readonly string[] {
  return volumeClaimTemplates.flatMap(({ metadata }) => metadata?.name ?? []);
}
