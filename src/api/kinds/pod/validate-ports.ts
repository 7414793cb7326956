/** What holds in and between the ports of containers. Source: the API server's validation of core/v1. */
import { childPath, duplicate, type FieldError, indexPath, invalid } from "../../field-error.ts";
import { checkPortNumber } from "../network/port.ts";
import type { Container, ContainerPort } from "./container.ts";
import type { PodSpec } from "./pod-spec.ts";

/** In one container. */
export function validatePorts(ports: readonly ContainerPort[] = [], path: string): readonly FieldError[] {
  const names = ports.map(({ name = "" }) => name);
  return ports.flatMap(({ name = "", hostPort = 0 }, index) => {
    const at = indexPath(path, index);
    return [
      ...(name !== "" && names.indexOf(name) < index ? [duplicate(childPath(at, "name"), name)] : []),
      ...(hostPort === 0 ? [] : checkPortNumber(hostPort)).map((problem) =>
        invalid(childPath(at, "hostPort"), hostPort, problem),
      ),
    ];
  });
}

/** Between containers: no host port twice; on the node's network both numbers are the same. */
export function validateHostPorts(
  { containers, path }: { readonly containers: readonly Container[]; readonly path: string },
  { hostNetwork }: PodSpec,
  { isTemplate }: { readonly isTemplate: boolean },
): readonly FieldError[] {
  const seen = new Set<string>();
  return containers.flatMap(({ ports = [] }, container) => {
    const portsPath = childPath(indexPath(path, container), "ports");
    return ports.flatMap(({ hostPort = 0, hostIP = "", protocol, containerPort }, index) => {
      const at = childPath(indexPath(portsPath, index), "hostPort");
      const key = `${protocol}/${hostIP}/${hostPort}`;
      const isTwice = hostPort !== 0 && seen.has(key);
      if (hostPort !== 0) seen.add(key);
      const mustMatch = hostNetwork === true && (!isTemplate || hostPort !== 0);
      return [
        ...(isTwice ? [duplicate(at, key)] : []),
        ...(mustMatch && hostPort !== containerPort
          ? [invalid(at, hostPort, "must match `containerPort` when `hostNetwork` is true")]
          : []),
      ];
    });
  });
}
