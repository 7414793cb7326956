/** What holds in a pod's volumes beyond single fields. Source: the API server's validation of core/v1. */
import { childPath, duplicate, type FieldError, forbidden, indexPath, invalid, required } from "../../field-error.ts";
import { findQuantity } from "../../quantity.ts";
import { validateFieldRef, validateResourceFieldRef } from "./validate-field-ref.ts";
import type { Volume } from "./volume.ts";

type Items = NonNullable<NonNullable<Volume["secret"]>["items"]>;
type Files = NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>;
type Source = NonNullable<NonNullable<Volume["projected"]>["sources"]>[number];

const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;
const FIELDS = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

export function validateVolumes(volumes: readonly Volume[] = [], path: string): readonly FieldError[] {
  const names = new Set<string>();
  return volumes.flatMap((volume, index) => {
    const at = indexPath(path, index);
    const { name, ...sources } = volume;
    const isTwice = names.has(name);
    names.add(name);
    return [
      ...(isTwice ? [duplicate(childPath(at, "name"), name)] : []),
      ...validateOneSource(sources, at, "volume"),
      ...validateSource(volume, at),
    ];
  });
}

function validateOneSource(sources: object, path: string, what: string): readonly FieldError[] {
  const given = Object.entries(sources).filter(([, source]) => source !== undefined);
  if (given.length === 0) return [required(path, `must specify a ${what} type`)];
  return given.slice(1).map(([name]) => forbidden(childPath(path, name), "may not specify more than 1 volume type"));
}

function validateSource(volume: Volume, path: string): readonly FieldError[] {
  const { hostPath, emptyDir, secret, nfs, configMap, downwardAPI, projected, ephemeral } = volume;
  const at = (source: string, name: string) => childPath(childPath(path, source), name);
  const limit = findQuantity(emptyDir?.sizeLimit ?? "0");
  return [
    ...(hostPath?.path?.split("/").includes("..")
      ? [invalid(at("hostPath", "path"), hostPath.path, "must not contain '..'")]
      : []),
    ...(limit === undefined || limit.nanos < 0n
      ? [forbidden(at("emptyDir", "sizeLimit"), "SizeLimit field must be a valid resource quantity")]
      : []),
    ...(secret !== undefined && (secret.secretName ?? "") === "" ? [required(at("secret", "secretName"))] : []),
    ...validateItems(secret?.items, at("secret", "items")),
    ...(nfs?.path !== undefined && nfs.path !== "" && !nfs.path.startsWith("/")
      ? [invalid(at("nfs", "path"), nfs.path, "must be an absolute path")]
      : []),
    ...(configMap !== undefined && (configMap.name ?? "") === "" ? [required(at("configMap", "name"))] : []),
    ...validateItems(configMap?.items, at("configMap", "items")),
    ...validateFiles(downwardAPI?.items, at("downwardAPI", "items")),
    ...(projected?.sources ?? []).flatMap((source, index) =>
      validateProjection(source, indexPath(at("projected", "sources"), index)),
    ),
    ...(ephemeral !== undefined && ephemeral.volumeClaimTemplate === undefined
      ? [required(at("ephemeral", "volumeClaimTemplate"))]
      : []),
  ];
}

function validateProjection(source: Source, path: string): readonly FieldError[] {
  const { secret, configMap, downwardAPI, serviceAccountToken: token } = source;
  const at = (kind: string, name: string) => childPath(childPath(path, kind), name);
  const seconds = token?.expirationSeconds ?? MIN_TOKEN_SECONDS;
  const secondsPath = at("serviceAccountToken", "expirationSeconds");
  return [
    ...validateOneSource(source, path, "projected volume source"),
    ...(secret !== undefined && (secret.name ?? "") === "" ? [required(at("secret", "name"))] : []),
    ...validateItems(secret?.items, at("secret", "items")),
    ...(configMap !== undefined && (configMap.name ?? "") === "" ? [required(at("configMap", "name"))] : []),
    ...validateItems(configMap?.items, at("configMap", "items")),
    ...validateFiles(downwardAPI?.items, at("downwardAPI", "items")),
    ...(seconds < MIN_TOKEN_SECONDS
      ? [invalid(secondsPath, seconds, "may not specify a duration less than 10 minutes")]
      : []),
    ...(seconds > MAX_TOKEN_SECONDS
      ? [invalid(secondsPath, seconds, "may not specify a duration larger than 2^32 seconds")]
      : []),
    ...(token === undefined ? [] : validateRelativePath(token.path, at("serviceAccountToken", "path"))),
  ];
}

function validateItems(items: Items = [], path: string): readonly FieldError[] {
  return items.flatMap((item, index) => validateRelativePath(item.path, childPath(indexPath(path, index), "path")));
}

function validateFiles(files: Files = [], path: string): readonly FieldError[] {
  return files.flatMap(({ path: file, fieldRef, resourceFieldRef }, index) => {
    const at = indexPath(path, index);
    const reference = childPath(at, "resourceFieldRef");
    return [
      ...validateRelativePath(file, childPath(at, "path")),
      ...(fieldRef !== undefined && resourceFieldRef !== undefined
        ? [invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")]
        : []),
      ...(fieldRef === undefined && resourceFieldRef === undefined
        ? [required(at, "one of fieldRef and resourceFieldRef is required")]
        : []),
      ...(fieldRef === undefined ? [] : validateFieldRef(fieldRef.fieldPath, FIELDS, childPath(at, "fieldRef"))),
      ...(resourceFieldRef === undefined ? [] : validateResourceFieldRef(resourceFieldRef, reference)),
      ...(resourceFieldRef !== undefined && (resourceFieldRef.containerName ?? "") === ""
        ? [required(childPath(reference, "containerName"))]
        : []),
    ];
  });
}

/** Stays below the directory that it starts from. */
export function validateRelativePath(text: string | undefined, path: string): readonly FieldError[] {
  if (text === undefined || text === "") return [];
  return [
    ...(text.startsWith("/") ? [invalid(path, text, "must be a relative path")] : []),
    ...(text.split("/").includes("..") ? [invalid(path, text, "must not contain '..'")] : []),
    ...(text.startsWith("..") && !text.startsWith("../") && text !== ".."
      ? [invalid(path, text, "must not start with '..'")]
      : []),
  ];
}
