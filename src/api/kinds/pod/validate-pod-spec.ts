/**
 * What holds between the fields of a pod's spec, for pods and for the templates that they are made from. What holds
 * for single fields is in the schema. Source: the texts are those of the API server's validation of core/v1.
 */
import { childPath, duplicate, type FieldError, forbidden, indexPath, invalid, required } from "../../field-error.ts";
import type { PodSpec } from "./pod-spec.ts";
import type { PodTemplateSpec } from "./pod-template.ts";
import { validateAffinity } from "./validate-affinity.ts";
import { validateContainers } from "./validate-containers.ts";
import { validateRequirements, validateResourceList } from "./validate-resources.ts";
import { validateSecurityProfiles } from "./validate-security.ts";
import { validateTolerations } from "./validate-tolerations.ts";
import { validateTopologySpread } from "./validate-topology-spread.ts";
import { validateVolumes } from "./validate-volumes.ts";

const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_INT32 = 2_147_483_647;

/** `path`: "spec", or "spec.template.spec". A template may leave out host ports that pods get by default. */
export function validatePodSpec(
  spec: PodSpec,
  path: string,
  { isTemplate }: { readonly isTemplate: boolean },
): readonly FieldError[] {
  const at = (name: string) => childPath(path, name);
  return [
    ...validateVolumes(spec.volumes, at("volumes")),
    ...validateContainers(spec, path, { isTemplate }),
    ...validateDns(spec, path),
    ...validateAffinity(spec.affinity, at("affinity")),
    ...validateTolerations(spec.tolerations, at("tolerations")),
    ...validateTopologySpread(spec.topologySpreadConstraints, at("topologySpreadConstraints")),
    ...validateSecurityProfiles(spec.securityContext, at("securityContext")),
    ...validateResourceList(spec.overhead, at("overhead")),
    ...(spec.resources === undefined ? [] : validateRequirements(spec.resources, at("resources"))),
    ...validatePullSecrets(spec, at("imagePullSecrets")),
    ...validateGates(spec, path),
    ...validateDeadline(spec.activeDeadlineSeconds, at("activeDeadlineSeconds")),
    ...(spec.shareProcessNamespace === true && spec.hostPID === true
      ? [invalid(at("shareProcessNamespace"), true, "ShareProcessNamespace and HostPID cannot both be enabled")]
      : []),
  ];
}

/** `path`: "spec.template". The template's metadata is the schema's. */
export function validatePodTemplate(template: PodTemplateSpec | undefined, path: string): readonly FieldError[] {
  const spec = template?.spec;
  if (spec === undefined) return [];
  const specPath = childPath(path, "spec");
  const hasEphemeral = (spec.ephemeralContainers ?? []).length > 0;
  return [
    ...validatePodSpec(spec, specPath, { isTemplate: true }),
    ...(hasEphemeral
      ? [forbidden(childPath(specPath, "ephemeralContainers"), "ephemeral containers not allowed in pod template")]
      : []),
  ];
}

export function validateDeadline(seconds: number | undefined, path: string): readonly FieldError[] {
  if (seconds === undefined || (seconds >= 1 && seconds <= MAX_INT32)) return [];
  return [invalid(path, seconds, `must be between 1 and ${MAX_INT32}, inclusive`)];
}

function validateDns({ dnsPolicy, dnsConfig = {} }: PodSpec, path: string): readonly FieldError[] {
  const { nameservers = [], searches = [], options = [] } = dnsConfig;
  const at = (name: string) => childPath(childPath(path, "dnsConfig"), name);
  const needsServer = dnsPolicy === "None" && nameservers.length === 0;
  return [
    ...(needsServer
      ? [required(at("nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None")]
      : []),
    ...(nameservers.length > MAX_NAMESERVERS
      ? [invalid(at("nameservers"), nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`)]
      : []),
    ...(searches.length > MAX_SEARCHES
      ? [invalid(at("searches"), searches, `must not have more than ${MAX_SEARCHES} search paths`)]
      : []),
    ...options.flatMap(({ name = "" }, index) =>
      name === "" ? [required(indexPath(at("options"), index), "must not be empty")] : [],
    ),
  ];
}

function validatePullSecrets({ imagePullSecrets = [] }: PodSpec, path: string): readonly FieldError[] {
  return imagePullSecrets.flatMap(({ name = "" }, index) =>
    name === "" ? [required(childPath(indexPath(path, index), "name"))] : [],
  );
}

function validateGates({ schedulingGates = [], nodeName = "" }: PodSpec, path: string): readonly FieldError[] {
  const names = schedulingGates.map(({ name }) => name);
  const gates = childPath(path, "schedulingGates");
  return [
    ...names.flatMap((name, index) =>
      names.indexOf(name) < index ? [duplicate(childPath(indexPath(gates, index), "name"), name)] : [],
    ),
    ...(names.length > 0 && nodeName !== ""
      ? [forbidden(childPath(path, "nodeName"), "cannot be set until all schedulingGates have been cleared")]
      : []),
  ];
}
