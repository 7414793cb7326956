/** What holds between the fields of a service. Source: validation of the API server, core/v1; so are the texts. */
import {
  childPath,
  duplicate,
  type FieldError,
  forbidden,
  indexPath,
  invalid,
  keyPath,
  required,
} from "../../field-error.ts";
import { checkDnsSubdomain } from "../../names.ts";
import { checkEndpointAddress, findAddress } from "../network/address.ts";
import { checkPortNumber } from "../network/port.ts";
import { isExternallyAccessible, needsHealthCheckNodePort, needsNodePort } from "./prepare-service.ts";
import type { ServicePort, ServiceSpec } from "./service-spec.ts";
import { isHeadless } from "./validate-cluster-ips.ts";
import { validateLoadBalancer } from "./validate-load-balancer.ts";

const PORTS = "spec.ports";
const MAX_AFFINITY_SECONDS = 86400;
const TOPOLOGY_MODE = "service.kubernetes.io/topology-mode";
const TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints";

type Annotations = Readonly<Record<string, string>>;

export function validateService(spec: ServiceSpec, annotations: Annotations = {}): readonly FieldError[] {
  return [
    ...validateTopologyAnnotations(annotations),
    ...validateType(spec),
    ...validatePorts(spec),
    ...validateAffinity(spec),
    ...validateExternalIps(spec),
    ...validateLoadBalancer(spec, annotations),
    ...validateExternalTraffic(spec),
  ];
}

export function validateServiceUpdate(next: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  const { loadBalancerClass, healthCheckNodePort } = next;
  const staysLoadBalancer = next.type === "LoadBalancer" && old.type === "LoadBalancer";
  const keepsHealthCheck = needsHealthCheckNodePort(old) && needsHealthCheckNodePort(next);
  return [
    ...(staysLoadBalancer && loadBalancerClass !== old.loadBalancerClass
      ? [invalid("spec.loadBalancerClass", loadBalancerClass, "may not change once set")]
      : []),
    ...(keepsHealthCheck && healthCheckNodePort !== old.healthCheckNodePort
      ? [forbidden("spec.healthCheckNodePort", "field is immutable")]
      : []),
  ];
}

function validateTopologyAnnotations(annotations: Annotations): readonly FieldError[] {
  const { [TOPOLOGY_MODE]: mode, [TOPOLOGY_HINTS]: hints } = annotations;
  if (mode === undefined || hints === undefined || mode === hints) return [];
  const text = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`;
  return [invalid(keyPath("metadata.annotations", TOPOLOGY_MODE), mode, text)];
}

function validateType(spec: ServiceSpec): readonly FieldError[] {
  const { type, ports = [], externalName = "" } = spec;
  if (type !== "ExternalName") {
    return [
      ...(ports.length === 0 && !isHeadless(spec) ? [required(PORTS)] : []),
      ...(isHeadless(spec) && needsNodePort(spec)
        ? [invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${type} services`)]
        : []),
    ];
  }
  const name = externalName.replace(/\.$/, "");
  const mustBeEmpty = ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] as const;
  return [
    ...mustBeEmpty
      .filter((member) => (spec[member]?.length ?? 0) > 0)
      .map((member) => forbidden(`spec.${member}`, "may not be set for ExternalName services")),
    ...(name === ""
      ? [required("spec.externalName")]
      : checkDnsSubdomain(name).map((text) => invalid("spec.externalName", name, text))),
  ];
}

function validatePorts({ type, ports = [] }: ServiceSpec): readonly FieldError[] {
  return [
    ...ports.flatMap(({ name = "" }, index) => {
      const path = childPath(indexPath(PORTS, index), "name");
      if (name === "") return ports.length > 1 ? [required(path)] : [];
      return ports.findIndex((other) => other.name === name) < index ? [duplicate(path, name)] : [];
    }),
    ...ports.flatMap(({ nodePort = 0 }, index) =>
      type === "ClusterIP" && nodePort !== 0
        ? [forbidden(childPath(indexPath(PORTS, index), "nodePort"), "may not be used when `type` is 'ClusterIP'")]
        : [],
    ),
    ...ports.flatMap((port, index) =>
      (port.nodePort ?? 0) !== 0 && ports.findIndex((other) => hasSameNodePort(port, other)) < index
        ? [duplicate(childPath(indexPath(PORTS, index), "nodePort"), port.nodePort)]
        : [],
    ),
    ...ports.flatMap((port, index) =>
      ports.findIndex((other) => hasSamePort(port, other)) < index
        ? [duplicate(indexPath(PORTS, index), { port: port.port, protocol: port.protocol })]
        : [],
    ),
  ];
}

function hasSamePort(one: ServicePort, other: ServicePort): boolean {
  return one.port === other.port && one.protocol === other.protocol;
}

function hasSameNodePort(one: ServicePort, other: ServicePort): boolean {
  return one.nodePort === other.nodePort && one.protocol === other.protocol;
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): readonly FieldError[] {
  const path = "spec.sessionAffinityConfig";
  if (sessionAffinity !== "ClientIP") {
    return sessionAffinityConfig === undefined
      ? []
      : [forbidden(path, "must not be set when session affinity is None")];
  }
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds === undefined) return [required(path, "when session affinity type is ClientIP")];
  return seconds > 0 && seconds <= MAX_AFFINITY_SECONDS
    ? []
    : [
        invalid(
          `${path}.clientIP.timeoutSeconds`,
          seconds,
          `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`,
        ),
      ];
}

/** What is no address at all, the schema says. */
function validateExternalIps({ externalIPs = [] }: ServiceSpec): readonly FieldError[] {
  return externalIPs.flatMap((address, index) =>
    findAddress(address) === undefined
      ? []
      : checkEndpointAddress(address).map((text) => invalid(indexPath("spec.externalIPs", index), address, text)),
  );
}

function validateExternalTraffic(spec: ServiceSpec): readonly FieldError[] {
  const { externalTrafficPolicy, healthCheckNodePort = 0 } = spec;
  const policyPath = "spec.externalTrafficPolicy";
  const portPath = "spec.healthCheckNodePort";
  return [
    ...(isExternallyAccessible(spec) || externalTrafficPolicy === undefined
      ? []
      : [invalid(policyPath, externalTrafficPolicy, "may only be set for externally-accessible services")]),
    ...(healthCheckNodePort === 0
      ? []
      : needsHealthCheckNodePort(spec)
        ? checkPortNumber(healthCheckNodePort).map((text) => invalid(portPath, healthCheckNodePort, text))
        : [
            invalid(
              portPath,
              healthCheckNodePort,
              "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
            ),
          ]),
  ];
}
