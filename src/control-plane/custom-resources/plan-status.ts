/** What the status of a CustomResourceDefinition says, from the names that it gets. Texts of the API server. */
import { approvalOf } from "#api/kinds/custom-resource-definition/definition-approval.ts";
import { hasCondition, withCondition } from "#api/kinds/custom-resource-definition/definition-conditions.ts";
import type { DefinitionCondition, DefinitionStatus } from "#api/kinds/custom-resource-definition/definition-spec.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import type { JsonObject } from "#base/json.ts";
import type { PlannedNames } from "./plan-names.ts";

/** undefined: the status says it already. */
export function planStatus(plan: PlannedNames, now: Date): DefinitionStatus | undefined {
  const { definition, acceptedNames, condition } = plan;
  const old: DefinitionStatus = definition.status ?? {};
  const wanted = [condition, ...established(plan), ...approved(plan)];
  const next = wanted.reduce<DefinitionStatus>((status, one) => withCondition(status, one, now), {
    ...old,
    acceptedNames,
  });
  return jsonEqual(asJson(next), asJson(old)) ? undefined : next;
}

/** Once it is established, it stays so. */
function established({ definition, condition }: PlannedNames): readonly DefinitionCondition[] {
  if (hasCondition(definition, "Established")) return [];
  if (condition.status !== "True") {
    return [{ type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" }];
  }
  return [
    {
      type: "Established",
      status: "True",
      reason: "InitialNamesAccepted",
      message: "the initial names have been accepted",
    },
  ];
}

function approved({ definition }: PlannedNames): readonly DefinitionCondition[] {
  const approval = approvalOf(definition);
  if (approval === undefined) return [];
  const { status, reason, message } = approval;
  return [{ type: "KubernetesAPIApprovalPolicyConformant", status, reason, message }];
}

function asJson(status: DefinitionStatus): JsonObject {
  // Decoded from JSON, or made above.
  return status as DefinitionStatus & JsonObject;
}
