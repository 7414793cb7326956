/** What clients are told that use a deprecated version of a custom kind. */
import type { DefinitionSpec } from "#api/kinds/custom-resource-definition/definition-spec.ts";
import type { DefinitionVersion } from "#api/kinds/custom-resource-definition/definition-version.ts";
import { compareVersions } from "../http/discovery/discovered-resources.ts";

export function deprecationOf(
  { group, names, versions }: DefinitionSpec,
  { name = "", deprecated, deprecationWarning }: DefinitionVersion,
): string | undefined {
  if (deprecated !== true) return undefined;
  if (deprecationWarning !== undefined) return deprecationWarning;
  const { kind = "" } = names;
  const better = versions
    .filter((version) => version.served === true && version.deprecated !== true)
    .map((version) => version.name ?? "")
    .filter((other) => compareVersions(other, name) < 0)
    .sort(compareVersions)[0];
  const message = `${group}/${name} ${kind} is deprecated`;
  return better === undefined ? message : `${message}; use ${group}/${better} ${kind}`;
}
