/** What holds between the fields of a job's spec. Source: validation of the API server, batch/v1; so are the texts. */
import { type FieldError, invalid, notSupported, required, tooLong } from "../../field-error.ts";
import { checkDnsSubdomain } from "../../names.ts";
import { validateLabelSelector } from "../../selectors/label-selector.ts";
import { validatePodTemplate } from "../pod/validate-pod-spec.ts";
import { validateTemplateLabels } from "../workload/validate-replicated-pods.ts";
import type { JobSpec } from "./job-spec.ts";
import { validatePodFailurePolicy } from "./pod-failure-policy.ts";
import { validateSuccessPolicy } from "./success-policy.ts";

/** Keeps status.completedIndexes short. */
const MAX_INDEXED = 100_000;
const MAX_WITH_MANY_COMPLETIONS = 10_000;
const MAX_MANAGED_BY_BYTES = 63;

export function validateJobSpec(spec: JobSpec): readonly FieldError[] {
  const { selector, template, podFailurePolicy, successPolicy, podReplacementPolicy } = spec;
  const { containers, initContainers = [] } = template.spec;
  return [
    ...(spec.completionMode === "Indexed" ? validateIndexed(spec) : validateNonIndexed(spec)),
    ...(spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined
      ? [required("spec.backoffLimitPerIndex", "when maxFailedIndexes is specified")]
      : []),
    ...validateManagedBy(spec),
    ...(podFailurePolicy === undefined
      ? []
      : validatePodFailurePolicy(podFailurePolicy, {
          containerNames: [...containers, ...initContainers].map(({ name }) => name),
          hasBackoffLimitPerIndex: spec.backoffLimitPerIndex !== undefined,
        })),
    ...(successPolicy !== undefined && spec.completionMode === "Indexed"
      ? validateSuccessPolicy(successPolicy, spec.completions ?? 0)
      : []),
    ...(podFailurePolicy !== undefined && podReplacementPolicy === "TerminatingOrFailed"
      ? [notSupported("spec.podReplacementPolicy", podReplacementPolicy, ["Failed"])]
      : []),
    ...validatePodTemplate(template, "spec.template"),
    ...validateRestartPolicy(spec),
    ...(selector === undefined ? [required("spec.selector")] : validateLabelSelector(selector, "spec.selector")),
    ...validateTemplateLabels(selector, template),
  ];
}

function validateIndexed(spec: JobSpec): readonly FieldError[] {
  const { completions, parallelism = 0, maxFailedIndexes, backoffLimitPerIndex } = spec;
  const hasMany = (completions ?? 0) > MAX_INDEXED && backoffLimitPerIndex !== undefined;
  const whenMany = `must be less than or equal to ${MAX_WITH_MANY_COMPLETIONS} when completions are above ${MAX_INDEXED} and used with backoff limit per index`;
  const rules: readonly (readonly [isBroken: boolean, member: "parallelism" | "maxFailedIndexes", text: string])[] = [
    [
      parallelism > MAX_INDEXED,
      "parallelism",
      `must be less than or equal to ${MAX_INDEXED} when completion mode is Indexed`,
    ],
    [
      completions !== undefined && (maxFailedIndexes ?? 0) > completions,
      "maxFailedIndexes",
      "must be less than or equal to completions",
    ],
    [(maxFailedIndexes ?? 0) > MAX_INDEXED, "maxFailedIndexes", `must be less than or equal to ${MAX_INDEXED}`],
    [hasMany && parallelism > MAX_WITH_MANY_COMPLETIONS, "parallelism", whenMany],
    [hasMany && (maxFailedIndexes ?? 0) > MAX_WITH_MANY_COMPLETIONS, "maxFailedIndexes", whenMany],
  ];
  return [
    ...(completions === undefined ? [required("spec.completions", "when completion mode is Indexed")] : []),
    ...(hasMany && maxFailedIndexes === undefined
      ? [required("spec.maxFailedIndexes", `must be specified when completions is above ${MAX_INDEXED}`)]
      : []),
    ...rules.filter(([isBroken]) => isBroken).map(([, member, text]) => invalid(`spec.${member}`, spec[member], text)),
  ];
}

function validateNonIndexed(spec: JobSpec): readonly FieldError[] {
  const members = ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] as const;
  return members
    .filter((member) => spec[member] !== undefined)
    .map((member) => invalid(`spec.${member}`, spec[member], "requires indexed completion mode"));
}

/** A domain and a path: "example.com/controller". */
function validateManagedBy({ managedBy }: JobSpec): readonly FieldError[] {
  if (managedBy === undefined) return [];
  const path = "spec.managedBy";
  const [domain = "", ...rest] = managedBy.split("/");
  if (domain === "" || rest.join("/") === "") {
    return [invalid(path, managedBy, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  return [
    ...checkDnsSubdomain(domain).map((text) => invalid(path, domain, text)),
    ...(/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(rest.join("/"))
      ? []
      : [invalid(path, rest.join("/"), "Invalid path")]),
    ...(managedBy.length > MAX_MANAGED_BY_BYTES ? [tooLong(path, MAX_MANAGED_BY_BYTES)] : []),
  ];
}

/** The default of pods does not do for jobs, so that it must be given. */
function validateRestartPolicy({ template, podFailurePolicy }: JobSpec): readonly FieldError[] {
  const path = "spec.template.spec.restartPolicy";
  const policy = template.spec.restartPolicy ?? "Always";
  if (policy === "Always") return [required(path, 'valid values: "OnFailure", "Never"')];
  return podFailurePolicy !== undefined && policy !== "Never"
    ? [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    : [];
}
