/** Which objects of its namespace a pod needs: its node may read these and no others. */
import type { Container } from "#api/kinds/pod/container.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { Volume } from "#api/kinds/pod/volume.ts";

export interface PodReferences {
  readonly secrets: ReadonlySet<string>;
  readonly configMaps: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
}

type Names = readonly (string | undefined)[];

interface Found {
  readonly secrets?: Names;
  readonly configMaps?: Names;
  readonly claims?: Names;
}

const references = new WeakMap<PodSpec, PodReferences>();

/** Pods are immutable: each is looked through once. */
export function podReferences(podName: string, spec: PodSpec): PodReferences {
  const known = references.get(spec);
  if (known !== undefined) return known;
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
  const found: readonly Found[] = [
    { secrets: (spec.imagePullSecrets ?? []).map(({ name }) => name) },
    ...containers.map(ofContainer),
    ...(spec.volumes ?? []).map((volume) => ofVolume(podName, volume)),
  ];
  const all = (member: keyof Found) =>
    new Set(
      found.flatMap((one) => one[member] ?? []).flatMap((name) => (name === undefined || name === "" ? [] : [name])),
    );
  const result = { secrets: all("secrets"), configMaps: all("configMaps"), claims: all("claims") };
  references.set(spec, result);
  return result;
}

function ofContainer({ env = [], envFrom = [] }: Pick<Container, "env" | "envFrom">): Found {
  return {
    secrets: [
      ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
      ...envFrom.map(({ secretRef }) => secretRef?.name),
    ],
    configMaps: [
      ...env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
      ...envFrom.map(({ configMapRef }) => configMapRef?.name),
    ],
  };
}

function ofVolume(podName: string, { name, ...source }: Volume): Found {
  const { secret, configMap, projected, persistentVolumeClaim, ephemeral, csi } = source;
  const sources = projected?.sources ?? [];
  return {
    secrets: [secret?.secretName, csi?.nodePublishSecretRef?.name, ...sources.map((one) => one.secret?.name)],
    configMaps: [configMap?.name, ...sources.map((one) => one.configMap?.name)],
    // The claim of an ephemeral volume is named after the pod and the volume.
    claims: [persistentVolumeClaim?.claimName, ephemeral && `${podName}-${name}`],
  };
}
