/** What belongs to services of the type LoadBalancer. Source: validation of the API server, core/v1. */
import { childPath, type FieldError, forbidden, indexPath, invalid, keyPath, required } from "../../field-error.ts";
import { checkDnsSubdomain, checkQualifiedName } from "../../names.ts";
import { checkAddress, checkCidr, findAddress } from "../network/address.ts";
import type { ServiceSpec } from "./service-spec.ts";

const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'";
const RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges";

type Annotations = Readonly<Record<string, string>>;

export function validateLoadBalancer(spec: ServiceSpec, annotations: Annotations): readonly FieldError[] {
  const isLoadBalancer = spec.type === "LoadBalancer";
  const { loadBalancerClass, allocateLoadBalancerNodePorts } = spec;
  const classPath = "spec.loadBalancerClass";
  return [
    ...validateSourceRanges(spec, annotations),
    ...(allocateLoadBalancerNodePorts !== undefined && !isLoadBalancer
      ? [forbidden("spec.allocateLoadBalancerNodePorts", ONLY_LOAD_BALANCER)]
      : []),
    ...(loadBalancerClass === undefined
      ? []
      : isLoadBalancer
        ? checkQualifiedName(loadBalancerClass).map((text) => invalid(classPath, loadBalancerClass, text))
        : [forbidden(classPath, ONLY_LOAD_BALANCER)]),
  ];
}

/** From the field, which Kubernetes names with a capital letter here, or else from the annotation. */
function validateSourceRanges(
  { type, loadBalancerSourceRanges = [] }: ServiceSpec,
  annotations: Annotations,
): readonly FieldError[] {
  const annotation = annotations[RANGES_ANNOTATION];
  if (loadBalancerSourceRanges.length === 0 && annotation === undefined) return [];
  const isField = loadBalancerSourceRanges.length > 0;
  const path = isField ? "spec.LoadBalancerSourceRanges" : keyPath("metadata.annotations", RANGES_ANNOTATION);
  const ranges = isField ? loadBalancerSourceRanges : (annotation ?? "").trim() === "" ? [] : annotation?.split(",");
  return [
    ...(type === "LoadBalancer" ? [] : [forbidden(path, ONLY_LOAD_BALANCER)]),
    ...(ranges ?? []).flatMap((text, index) => {
      const range = text.trim();
      return checkCidr(range).map((problem) => invalid(isField ? indexPath(path, index) : path, range, problem));
    }),
  ];
}

interface Ingress {
  readonly ip?: string | undefined;
  readonly hostname?: string | undefined;
  readonly ipMode?: string | undefined;
}

export function validateLoadBalancerStatus(ingress: readonly Ingress[], { type }: ServiceSpec): readonly FieldError[] {
  const path = "status.loadBalancer.ingress";
  if (ingress.length > 0 && type !== "LoadBalancer") {
    return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  return ingress.flatMap((value, index) => validateIngress(value, indexPath(path, index)));
}

function validateIngress({ ip = "", hostname = "", ipMode }: Ingress, path: string): readonly FieldError[] {
  const modePath = childPath(path, "ipMode");
  const namePath = childPath(path, "hostname");
  return [
    ...(ip === "" ? [] : checkAddress(ip).map((text) => invalid(childPath(path, "ip"), ip, text))),
    ...(ip !== "" && ipMode === undefined ? [required(modePath, "must be specified when `ip` is set")] : []),
    ...(ip === "" && ipMode !== undefined ? [forbidden(modePath, "may not be specified when `ip` is not set")] : []),
    ...(hostname === "" ? [] : checkDnsSubdomain(hostname).map((text) => invalid(namePath, hostname, text))),
    ...(hostname !== "" && findAddress(hostname) !== undefined
      ? [invalid(namePath, hostname, "must be a DNS name, not an IP address")]
      : []),
  ];
}
