/** What holds in and between the containers of a pod. Source: the API server's validation of core/v1. */
import { childPath, duplicate, type FieldError, forbidden, indexPath, invalid, notFound } from "../../field-error.ts";
import type { Container, EphemeralContainer } from "./container.ts";
import type { PodSpec } from "./pod-spec.ts";
import { validateEnv, validateEnvFrom } from "./validate-env.ts";
import { validateLifecycle, validateProbes } from "./validate-handlers.ts";
import { validateHostPorts, validatePorts } from "./validate-ports.ts";
import { validateRequirements } from "./validate-resources.ts";
import { validateContainerSecurity } from "./validate-security.ts";
import { validateVolumeDevices, validateVolumeMounts } from "./validate-volume-mounts.ts";

const DEFAULT_GRACE_SECONDS = 30;
const NOT_IN_EPHEMERAL = [
  "ports",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
  "resizePolicy",
  "restartPolicy",
] as const;
const EPHEMERAL_TEXT = "cannot be set for an Ephemeral Container";

export function validateContainers(
  spec: PodSpec,
  path: string,
  { isTemplate }: { readonly isTemplate: boolean },
): readonly FieldError[] {
  const { initContainers = [], ephemeralContainers = [] } = spec;
  // Absent when the schema has just said so.
  const containers = spec.containers ?? [];
  const at = (name: string) => childPath(path, name);
  const names = new Set<string>();
  return [
    ...initContainers.flatMap((container, index) => {
      const own = indexPath(at("initContainers"), index);
      return [
        ...validateName(container, names, own),
        ...validateContainer(container, spec, own),
        ...validateInitContainer(container, own),
      ];
    }),
    ...containers.flatMap((container, index) => {
      const own = indexPath(at("containers"), index);
      return [
        ...validateName(container, names, own),
        ...validateContainer(container, spec, own),
        ...(container.restartPolicy === undefined
          ? []
          : [forbidden(childPath(own, "restartPolicy"), "may not be set for non-init containers")]),
      ];
    }),
    ...ephemeralContainers.flatMap((container, index) => {
      const own = indexPath(at("ephemeralContainers"), index);
      return [
        ...validateName(container, names, own),
        ...validateContainer(container, spec, own),
        ...validateEphemeralContainer(container, spec, own),
      ];
    }),
    ...validateHostPorts({ containers: initContainers, path: at("initContainers") }, spec, { isTemplate }),
    ...validateHostPorts({ containers, path: at("containers") }, spec, { isTemplate }),
  ];
}

function validateName({ name }: Container, names: Set<string>, path: string): readonly FieldError[] {
  const isTwice = names.has(name);
  names.add(name);
  return isTwice ? [duplicate(childPath(path, "name"), name)] : [];
}

function validateContainer(container: Container, spec: PodSpec, path: string): readonly FieldError[] {
  const { image = "", resources, ports, env, envFrom, securityContext } = container;
  const at = (name: string) => childPath(path, name);
  const grace = spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  return [
    ...(image.trim() === image ? [] : [invalid(at("image"), image, "must not have leading or trailing whitespace")]),
    ...validatePorts(ports, at("ports")),
    ...validateEnv(env, at("env")),
    ...validateEnvFrom(envFrom, at("envFrom")),
    ...validateVolumeMounts(container, spec, at("volumeMounts")),
    ...validateVolumeDevices(container, spec, at("volumeDevices")),
    ...(resources === undefined ? [] : validateRequirements(resources, at("resources"))),
    ...validateLifecycle(container, grace, path),
    ...validateProbes(container, grace, path),
    ...validateContainerSecurity(securityContext, at("securityContext")),
  ];
}

function validateInitContainer(container: Container, path: string): readonly FieldError[] {
  if (container.restartPolicy === "Always") return [];
  const names = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const;
  return names
    .filter((name) => container[name] !== undefined)
    .map((name) => forbidden(childPath(path, name), "may not be set for init containers without restartPolicy=Always"));
}

function validateEphemeralContainer(container: EphemeralContainer, spec: PodSpec, path: string): readonly FieldError[] {
  const { targetContainerName: target = "", resources = {}, volumeMounts = [] } = container;
  const targets = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name);
  return [
    ...(target === "" || targets.includes(target) ? [] : [notFound(childPath(path, "targetContainerName"), target)]),
    ...NOT_IN_EPHEMERAL.filter((name) => container[name] !== undefined).map((name) =>
      forbidden(childPath(path, name), EPHEMERAL_TEXT),
    ),
    ...(Object.values(resources).some((part) => part !== undefined)
      ? [forbidden(childPath(path, "resources"), EPHEMERAL_TEXT)]
      : []),
    ...volumeMounts.flatMap((mount, index) =>
      (["subPath", "subPathExpr"] as const)
        .filter((name) => (mount[name] ?? "") !== "")
        .map((name) => forbidden(childPath(indexPath(childPath(path, "volumeMounts"), index), name), EPHEMERAL_TEXT)),
    ),
  ];
}
