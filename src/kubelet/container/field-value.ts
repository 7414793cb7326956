/**
 * The downward API: fields of the pod and limits of its containers, as text for variables and files.
 * Source: Kubernetes documentation, "Downward API".
 */
import type { Container } from "#api/kinds/pod/container.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { findQuantity } from "#api/quantity.ts";

export interface NodeFacts {
  readonly nodeName: string;
  readonly hostIps: readonly string[];
  /** Of the sandbox: the pod's status may not have them yet. */
  readonly podIps: readonly string[];
  /** What a container without a limit may use: quantities. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/** Throws on a path that is not known. */
export function fieldValue(pod: Pod, path: string, facts: NodeFacts): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (keyed !== null) {
    const [, map = "", key = ""] = keyed;
    return (map === "labels" ? metadata.labels : metadata.annotations)?.[key] ?? "";
  }
  const values: Readonly<Record<string, () => string>> = {
    "metadata.name": () => metadata.name ?? "",
    "metadata.namespace": () => metadata.namespace ?? "",
    "metadata.uid": () => metadata.uid ?? "",
    "metadata.labels": () => mapText(metadata.labels),
    "metadata.annotations": () => mapText(metadata.annotations),
    "spec.nodeName": () => facts.nodeName,
    "spec.serviceAccountName": () => spec.serviceAccountName ?? "",
    "status.hostIP": () => facts.hostIps[0] ?? "",
    "status.hostIPs": () => facts.hostIps.join(","),
    "status.podIP": () => podIps(pod, facts)[0] ?? "",
    "status.podIPs": () => podIps(pod, facts).join(","),
  };
  const read = values[path];
  if (read === undefined) throw new Error(`unsupported fieldPath: ${path}`);
  return read();
}

function podIps({ spec }: Pod, { hostIps, podIps: own }: NodeFacts): readonly string[] {
  return spec.hostNetwork === true ? hostIps : own;
}

/** One `key="value"` a line, sorted, quoted as Go does it. */
function mapText(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .toSorted()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join("\n");
}

const NANOS = 1_000_000_000n;

/** `limits.cpu` and its like, divided by the divisor and rounded up. Without a limit: what the node has. */
export function resourceValue(
  container: Container,
  { resource, divisor }: { readonly resource: string; readonly divisor?: string | undefined },
  { allocatable }: NodeFacts,
): string {
  const [kind, name = ""] = resource.split(/\.(.*)/s);
  const { limits = {}, requests = {} } = container.resources ?? {};
  const text = kind === "requests" ? requests[name] : (limits[name] ?? allocatable[name]);
  const amount = findQuantity(text ?? "0")?.nanos ?? 0n;
  const unit = findQuantity(divisor ?? "0")?.nanos || NANOS;
  return String((amount + unit - 1n) / unit);
}
