/** The conditions in the status of a CustomResourceDefinition. */
import type { CustomResourceDefinition, DefinitionCondition, DefinitionStatus } from "./definition-spec.ts";

export function hasCondition({ status }: CustomResourceDefinition, type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type && condition.status === "True") === true;
}

/** The status with this condition in the place of the one of its type; the time counts changes of `status` only. */
export function withCondition(status: DefinitionStatus, condition: DefinitionCondition, now: Date): DefinitionStatus {
  const { conditions = [] } = status;
  const old = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime =
    old?.status === condition.status && old.lastTransitionTime !== undefined
      ? old.lastTransitionTime
      : `${now.toISOString().slice(0, 19)}Z`;
  const next: DefinitionCondition = {
    type: condition.type,
    status: condition.status,
    lastTransitionTime,
    reason: condition.reason,
    message: condition.message,
  };
  if (old === undefined) return { ...status, conditions: [...conditions, next] };
  return { ...status, conditions: conditions.map((one) => (one.type === next.type ? next : one)) };
}
