/**
 * Which CustomResourceDefinitions there may be, and what an update may not change. Texts of the API server.
 * Source: Kubernetes documentation, "Versions in CustomResourceDefinitions"; API review rules for the groups of
 * Kubernetes itself (api-approved.kubernetes.io).
 */
import { childPath, type FieldError, forbidden, indexPath, invalid, required } from "../../field-error.ts";
import { checkDnsSubdomain } from "../../names.ts";
import { IMMUTABLE } from "../../schema/validate-meta.ts";
import { checkDefinitionVersion } from "./check-definition-version.ts";
import { approvalOf } from "./definition-approval.ts";
import { hasCondition } from "./definition-conditions.ts";
import { checkDefinitionNames } from "./definition-names.ts";
import type { CustomResourceDefinition, DefinitionSpec } from "./definition-spec.ts";

export function checkDefinition(definition: CustomResourceDefinition): readonly FieldError[] {
  const { metadata, spec, status } = definition;
  const { names, versions, group } = spec;
  const { plural = "" } = names;
  const approval = approvalOf(definition);
  return [
    ...(metadata.name === `${plural}.${group}`
      ? []
      : [invalid("metadata.name", metadata.name, 'must be spec.names.plural+"."+spec.group')]),
    ...checkGroup(group),
    ...versions.flatMap((version, index) => checkDefinitionVersion(version, indexPath("spec.versions", index))),
    ...checkVersions(spec),
    ...(["plural", "singular", "kind", "listKind"] as const)
      .filter((name) => (names[name] ?? "") === "")
      .map((name) => required(`spec.names.${name}`)),
    ...checkDefinitionNames(names, "spec.names"),
    ...checkConversion(spec),
    ...(spec.preserveUnknownFields === true
      ? [
          invalid(
            "spec.preserveUnknownFields",
            true,
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
          ),
        ]
      : []),
    ...checkDefinitionNames(status?.acceptedNames ?? {}, "status.acceptedNames"),
    ...checkStoredVersions(definition),
    ...(approval?.problem === undefined ? [] : [approval.problem]),
  ];
}

export function checkDefinitionUpdate(
  next: CustomResourceDefinition,
  old: CustomResourceDefinition,
): readonly FieldError[] {
  const changed = (path: string, value: unknown, before: unknown): readonly FieldError[] =>
    value === before ? [] : [invalid(path, value, IMMUTABLE)];
  return [
    ...(hasCondition(old, "Established")
      ? [
          ...changed("spec.scope", next.spec.scope, old.spec.scope),
          ...changed("spec.names.kind", next.spec.names.kind, old.spec.names.kind),
        ]
      : []),
    ...changed("spec.group", next.spec.group, old.spec.group),
    ...changed("spec.names.plural", next.spec.names.plural, old.spec.names.plural),
  ];
}

function checkGroup(group: string): readonly FieldError[] {
  const problems = checkDnsSubdomain(group);
  if (problems.length > 0) return [invalid("spec.group", group, problems.join(","))];
  return group.includes(".") ? [] : [invalid("spec.group", group, "should be a domain with at least one dot")];
}

function checkVersions({ versions }: DefinitionSpec): readonly FieldError[] {
  const names = versions.map(({ name }) => name);
  return [
    ...(new Set(names).size < names.length
      ? [invalid("spec.versions", names, "must contain unique version names")]
      : []),
    ...(versions.filter(({ storage }) => storage === true).length === 1
      ? []
      : [invalid("spec.versions", names, "must have exactly one version marked as storage version")]),
  ];
}

function checkConversion({ conversion }: DefinitionSpec): readonly FieldError[] {
  const path = "spec.conversion";
  if (conversion?.strategy === "Webhook") {
    const why =
      "conversion webhooks are not called by this API server; use None, which serves every version with the same fields";
    return [forbidden(childPath(path, "strategy"), why)];
  }
  return conversion?.webhook === undefined
    ? []
    : [forbidden(childPath(path, "webhookClientConfig"), "should not be set when strategy is not set to Webhook")];
}

function checkStoredVersions({ spec, status }: CustomResourceDefinition): readonly FieldError[] {
  const path = "status.storedVersions";
  const { storedVersions = [] } = status ?? {};
  if (storedVersions.length === 0) return [invalid(path, storedVersions, "must have at least one stored version")];
  const storage = spec.versions.find((version) => version.storage === true)?.name;
  const missing = storage === undefined || storedVersions.includes(storage) ? [] : [storage];
  const names = spec.versions.map(({ name }) => name);
  return [
    ...missing.map((name) => invalid(path, storedVersions, `must have the storage version ${name}`)),
    ...storedVersions.flatMap((name, index) => {
      if (names.includes(name)) return [];
      const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
      return [invalid(indexPath(path, index), name, why)];
    }),
  ];
}
