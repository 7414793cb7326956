/**
 * A container's environment: service links, envFrom, env, in this order; later ones win, values see earlier ones.
 * Source: Kubernetes API reference, EnvVar; documentation, "Define Dependent Environment Variables".
 */
import type { Container } from "#api/kinds/pod/container.ts";
import type { EnvFromSource, EnvVar } from "#api/kinds/pod/env.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { podContainers } from "../pod-worker/pod-view.ts";
import { expand } from "./expand.ts";
import { fieldValue, type NodeFacts, resourceValue } from "./field-value.ts";

/** Data of ConfigMaps and Secrets that the pod names, decoded. undefined: there is no such object. */
export interface ConfigData {
  configMap(name: string): ReadonlyMap<string, Buffer> | undefined;
  secret(name: string): ReadonlyMap<string, Buffer> | undefined;
}

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly facts: NodeFacts;
  readonly data: ConfigData;
  /** Variables that lead to services. */
  readonly serviceLinks: Readonly<Record<string, string>>;
}

/** The container cannot be made before somebody changes something: reason CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  override readonly name = "ContainerConfigError";
}

export function environmentOf(input: EnvironmentInput): ReadonlyMap<string, string> {
  const { container, serviceLinks } = input;
  const own = new Map<string, string>();
  for (const source of container.envFrom ?? [])
    for (const [name, value] of fromSource(source, input)) own.set(name, value);
  for (const variable of container.env ?? []) {
    const value = variableValue(variable, input, (name) => own.get(name) ?? serviceLinks[name]);
    if (value !== undefined) own.set(variable.name, value);
  }
  return new Map([...Object.entries(serviceLinks), ...own]);
}

function fromSource(source: EnvFromSource, { pod, data }: EnvironmentInput): readonly (readonly [string, string])[] {
  const { configMapRef, secretRef, prefix = "" } = source;
  const kind = configMapRef === undefined ? "secret" : "configmap";
  const reference = configMapRef ?? secretRef;
  const name = reference?.name ?? "";
  const found = kind === "secret" ? data.secret(name) : data.configMap(name);
  if (found === undefined) {
    if (reference?.optional === true) return [];
    throw notFound(kind, name, pod);
  }
  return Array.from(found, ([key, value]) => [prefix + key, value.toString("utf8")] as const);
}

function variableValue(
  { value = "", valueFrom }: EnvVar,
  input: EnvironmentInput,
  known: (name: string) => string | undefined,
): string | undefined {
  if (valueFrom === undefined) return expand(value, known);
  const { pod, container, facts, data } = input;
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  if (fieldRef !== undefined) return fieldValue(pod, fieldRef.fieldPath, facts);
  if (resourceFieldRef !== undefined) {
    const of = resourceFieldRef.containerName ?? container.name;
    const other = podContainers(pod).find(({ spec }) => spec.name === of)?.spec ?? container;
    return resourceValue(other, resourceFieldRef, facts);
  }
  const reference = configMapKeyRef ?? secretKeyRef;
  if (reference === undefined) return "";
  const kind = configMapKeyRef === undefined ? "secret" : "configmap";
  const { name = "", key, optional } = reference;
  const found = kind === "secret" ? data.secret(name) : data.configMap(name);
  const bytes = found?.get(key);
  if (bytes !== undefined) return bytes.toString("utf8");
  if (optional === true) return undefined;
  if (found === undefined) throw notFound(kind, name, pod);
  const title = kind === "secret" ? "Secret" : "ConfigMap";
  throw new ContainerConfigError(`couldn't find key ${key} in ${title} ${pod.metadata.namespace}/${name}`);
}

function notFound(kind: "configmap" | "secret", name: string, { metadata }: Pod): ContainerConfigError {
  const place = metadata.namespace === undefined ? "" : ` (namespace "${metadata.namespace}")`;
  return new ContainerConfigError(`${kind} "${name}" not found`, { cause: new Error(`looked for${place}`) });
}
