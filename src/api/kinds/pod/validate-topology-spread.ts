/** What holds in topology spread constraints. Source: the API server's validation of core/v1. */
import { childPath, duplicate, type FieldError, forbidden, indexPath, invalid } from "../../field-error.ts";
import { validateLabelSelector } from "../../selectors/label-selector.ts";
import type { TopologySpreadConstraint } from "./topology-spread.ts";

export function validateTopologySpread(
  constraints: readonly TopologySpreadConstraint[] = [],
  path: string,
): readonly FieldError[] {
  const seen = new Set<string>();
  return constraints.flatMap((constraint, index) => {
    const { topologyKey, whenUnsatisfiable, labelSelector, minDomains, matchLabelKeys = [] } = constraint;
    const at = indexPath(path, index);
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
    const isTwice = seen.has(pair);
    seen.add(pair);
    return [
      ...(minDomains !== undefined && whenUnsatisfiable !== "DoNotSchedule"
        ? [
            invalid(
              childPath(at, "minDomains"),
              minDomains,
              `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`,
            ),
          ]
        : []),
      ...(isTwice ? [duplicate(childPath(at, "{topologyKey, whenUnsatisfiable}"), pair)] : []),
      ...(matchLabelKeys.length > 0 && labelSelector === undefined
        ? [forbidden(childPath(at, "matchLabelKeys"), "must not be specified when labelSelector is not set")]
        : []),
      ...validateLabelSelector(labelSelector, childPath(at, "labelSelector")),
    ];
  });
}
