/** What holds in the mounts of containers. Source: the API server's validation of core/v1. */
import { childPath, type FieldError, forbidden, indexPath, invalid, notFound } from "../../field-error.ts";
import type { Container, VolumeMount } from "./container.ts";
import type { PodSpec } from "./pod-spec.ts";
import { validateRelativePath } from "./validate-volumes.ts";

type Mounting = Pick<Container, "volumeMounts" | "volumeDevices" | "securityContext">;

export function validateVolumeMounts(
  { volumeMounts: mounts = [], volumeDevices: devices = [], securityContext }: Mounting,
  { volumes = [] }: PodSpec,
  path: string,
): readonly FieldError[] {
  const paths = mounts.map(({ mountPath }) => mountPath);
  const isPrivileged = securityContext?.privileged === true;
  return mounts.flatMap((mount, index) => {
    const { name, mountPath } = mount;
    const at = (member: string) => childPath(indexPath(path, index), member);
    return [
      ...(isGiven(name) && !volumes.some((volume) => volume.name === name) ? [notFound(at("name"), name)] : []),
      ...(devices.some((device) => device.name === name)
        ? [invalid(at("name"), name, "must not already exist in volumeDevices")]
        : []),
      ...(isGiven(mountPath) && paths.indexOf(mountPath) < index
        ? [invalid(at("mountPath"), mountPath, "must be unique")]
        : []),
      ...(devices.some((device) => device.devicePath === mountPath)
        ? [invalid(at("mountPath"), mountPath, "must not already exist as a path in volumeDevices")]
        : []),
      ...validateSubPaths(mount, at),
      ...validateModes(mount, { isPrivileged }, at),
    ];
  });
}

export function validateVolumeDevices(
  { volumeDevices: devices = [] }: Mounting,
  { volumes = [] }: PodSpec,
  path: string,
): readonly FieldError[] {
  const paths = devices.map(({ devicePath }) => devicePath);
  return devices.flatMap(({ name, devicePath }, index) => {
    const at = (member: string) => childPath(indexPath(path, index), member);
    const volume = volumes.find((volume) => volume.name === name);
    const isClaim = volume?.persistentVolumeClaim !== undefined || volume?.ephemeral !== undefined;
    return [
      ...(isGiven(name) && volume === undefined ? [notFound(at("name"), name)] : []),
      ...(volume !== undefined && !isClaim
        ? [
            invalid(
              at("name"),
              name,
              "can not use volume source type other than PersistentVolumeClaim or Ephemeral for block mode",
            ),
          ]
        : []),
      ...(isGiven(devicePath) && paths.indexOf(devicePath) < index
        ? [invalid(at("devicePath"), devicePath, "must be unique")]
        : []),
      ...(devicePath?.split("/").includes("..")
        ? [invalid(at("devicePath"), devicePath, "must not contain '..'")]
        : []),
    ];
  });
}

type PathOf = (member: string) => string;

function validateSubPaths({ subPath = "", subPathExpr = "" }: VolumeMount, at: PathOf): readonly FieldError[] {
  return [
    ...validateRelativePath(subPath, at("subPath")),
    ...(subPath !== "" && subPathExpr !== ""
      ? [invalid(at("subPathExpr"), subPathExpr, "subPathExpr and subPath are mutually exclusive")]
      : []),
    ...validateRelativePath(subPathExpr, at("subPathExpr")),
  ];
}

function validateModes(
  { mountPropagation, readOnly, recursiveReadOnly }: VolumeMount,
  { isPrivileged }: { readonly isPrivileged: boolean },
  at: PathOf,
): readonly FieldError[] {
  const isRecursive = recursiveReadOnly !== undefined && recursiveReadOnly !== "Disabled";
  return [
    ...(mountPropagation === "Bidirectional" && !isPrivileged
      ? [
          forbidden(
            at("mountPropagation"),
            "Bidirectional mount propagation is available only to privileged containers",
          ),
        ]
      : []),
    ...(isRecursive && readOnly !== true
      ? [forbidden(at("recursiveReadOnly"), "may only be specified when readOnly is true")]
      : []),
    ...(isRecursive && mountPropagation !== undefined && mountPropagation !== "None"
      ? [forbidden(at("recursiveReadOnly"), "may only be specified when mountPropagation is None or not specified")]
      : []),
  ];
}

/** Otherwise the schema has said that it is needed. */
function isGiven(text: string | undefined): boolean {
  return text !== undefined && text !== "";
}
