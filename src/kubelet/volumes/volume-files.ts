/**
 * Files of volumes that come from the API: ConfigMaps, Secrets, the downward API, tokens, and several of them together.
 * From decoded data to paths with content and mode. Source: Kubernetes documentation, "Volumes", "Projected Volumes".
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Volume } from "#api/kinds/pod/volume.ts";
import { type ConfigData, ContainerConfigError } from "../container/environment.ts";
import { fieldValue, type NodeFacts, resourceValue } from "../container/field-value.ts";
import { podContainers } from "../pod-worker/pod-view.ts";

export interface VolumeFile {
  readonly content: Buffer;
  readonly mode: number;
}

/** By relative path. */
export type VolumeFiles = ReadonlyMap<string, VolumeFile>;

export interface TokenRequestFor {
  /** "" for the API server. */
  readonly audience: string;
  readonly expirationSeconds: number;
}

export interface VolumeInput {
  readonly pod: Pod;
  readonly facts: NodeFacts;
  readonly data: ConfigData;
  /** Tokens were asked for before; see `tokensOf`. */
  token(request: TokenRequestFor): string;
}

type Items = NonNullable<NonNullable<Volume["configMap"]>["items"]>;
type DownwardItems = NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>;

const DEFAULT_MODE = 0o644;
const DEFAULT_TOKEN_SECONDS = 3600;

/** undefined: the volume is none of files. Throws ContainerConfigError. */
export function volumeFiles(volume: Volume, input: VolumeInput): VolumeFiles | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) {
    const { name = "", items, defaultMode, optional } = configMap;
    return keyFiles({ kind: "configmap", name, items, optional, mode: defaultMode }, input);
  }
  if (secret !== undefined) {
    const { secretName: name = "", items, defaultMode, optional } = secret;
    return keyFiles({ kind: "secret", name, items, optional, mode: defaultMode }, input);
  }
  if (downwardAPI !== undefined) return downwardFiles(downwardAPI.items ?? [], downwardAPI.defaultMode, input);
  if (projected === undefined) return undefined;
  const mode = projected.defaultMode;
  const files = (projected.sources ?? []).flatMap((source): (readonly [string, VolumeFile])[] => {
    if (source.configMap !== undefined) {
      const { name = "", items, optional } = source.configMap;
      return [...keyFiles({ kind: "configmap", name, items, optional, mode }, input)];
    }
    if (source.secret !== undefined) {
      const { name = "", items, optional } = source.secret;
      return [...keyFiles({ kind: "secret", name, items, optional, mode }, input)];
    }
    if (source.downwardAPI !== undefined) return [...downwardFiles(source.downwardAPI.items ?? [], mode, input)];
    if (source.serviceAccountToken === undefined) return [];
    const { path } = source.serviceAccountToken;
    const token = input.token(tokenRequestOf(source.serviceAccountToken));
    return [[path, { content: Buffer.from(token), mode: mode ?? DEFAULT_MODE }]];
  });
  return new Map(files);
}

/** What `token` will be asked for. */
export function tokensOf({ spec }: Pod): readonly TokenRequestFor[] {
  return (spec.volumes ?? []).flatMap(({ projected }) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }) =>
      serviceAccountToken === undefined ? [] : [tokenRequestOf(serviceAccountToken)],
    ),
  );
}

function tokenRequestOf(source: {
  readonly audience?: string | undefined;
  readonly expirationSeconds?: number | undefined;
}): TokenRequestFor {
  return { audience: source.audience ?? "", expirationSeconds: source.expirationSeconds ?? DEFAULT_TOKEN_SECONDS };
}

interface KeySource {
  readonly kind: "configmap" | "secret";
  readonly name: string;
  readonly items: Items | undefined;
  readonly optional: boolean | undefined;
  readonly mode: number | undefined;
}

function keyFiles(
  { kind, name, items, optional, mode = DEFAULT_MODE }: KeySource,
  { pod, data }: VolumeInput,
): VolumeFiles {
  const found = kind === "secret" ? data.secret(name) : data.configMap(name);
  if (found === undefined) {
    if (optional === true) return new Map();
    throw new ContainerConfigError(`${kind} "${name}" not found`);
  }
  if (items === undefined || items.length === 0) {
    return new Map(Array.from(found, ([key, content]) => [key, { content, mode }]));
  }
  return new Map(
    items.flatMap(({ key, path, mode: own }): (readonly [string, VolumeFile])[] => {
      const content = found.get(key);
      if (content !== undefined) return [[path, { content, mode: own ?? mode }]];
      if (optional === true) return [];
      throw new ContainerConfigError(`${kind} "${pod.metadata.namespace}/${name}" references non-existent key: ${key}`);
    }),
  );
}

function downwardFiles(items: DownwardItems, mode = DEFAULT_MODE, { pod, facts }: VolumeInput): VolumeFiles {
  return new Map(
    items.map(({ path, fieldRef, resourceFieldRef, mode: own }) => {
      const text = ((): string => {
        if (fieldRef !== undefined) return fieldValue(pod, fieldRef.fieldPath, facts);
        const container = podContainers(pod).find(({ spec }) => spec.name === resourceFieldRef?.containerName)?.spec;
        if (resourceFieldRef === undefined || container === undefined) return "";
        return resourceValue(container, resourceFieldRef, facts);
      })();
      return [path, { content: Buffer.from(text), mode: own ?? mode }];
    }),
  );
}
