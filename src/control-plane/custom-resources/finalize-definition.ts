/**
 * What happens to a CustomResourceDefinition that was asked to go: its objects are deleted, then the finalizer that
 * has kept it is taken away. Reasons and texts of the API server.
 */
import {
  CLEANUP_FINALIZER,
  customResourceDefinition,
} from "#api/kinds/custom-resource-definition/custom-resource-definition.ts";
import { hasCondition, withCondition } from "#api/kinds/custom-resource-definition/definition-conditions.ts";
import type {
  CustomResourceDefinition,
  DefinitionCondition,
} from "#api/kinds/custom-resource-definition/definition-spec.ts";

export type Termination = Pick<DefinitionCondition, "status" | "reason" | "message">;

export const IN_PROGRESS: Termination = {
  status: "True",
  reason: "InstanceDeletionInProgress",
  message: "CustomResource deletion is in progress",
};
const COMPLETED: Termination = {
  status: "False",
  reason: "InstanceDeletionCompleted",
  message: "removed all instances",
};
const NEVER_ESTABLISHED: Termination = {
  status: "False",
  reason: "NeverEstablished",
  message: "resource was never established",
};

/** True for what waits for its objects to be deleted. */
export function isToBeFinalized({ metadata }: CustomResourceDefinition): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(CLEANUP_FINALIZER) === true;
}

export interface FinalizeSteps {
  readonly now: () => Date;
  /** Writes status and finalizers; gives the definition as it is stored, undefined when somebody else was faster. */
  write(definition: CustomResourceDefinition): Promise<CustomResourceDefinition | undefined>;
  /** Rejects when objects remain. */
  deleteInstances(definition: CustomResourceDefinition): Promise<void>;
}

export async function finalizeDefinition(definition: CustomResourceDefinition, steps: FinalizeSteps): Promise<void> {
  const begun = await steps.write(withTermination(definition, IN_PROGRESS, steps.now()));
  if (begun === undefined) return;
  if (!hasCondition(begun, "Established")) {
    await steps.write(withoutFinalizer(withTermination(begun, NEVER_ESTABLISHED, steps.now())));
    return;
  }
  try {
    await steps.deleteInstances(begun);
  } catch (error) {
    const message = `could not confirm zero CustomResources remaining: ${error instanceof Error ? error.message : String(error)}`;
    await steps.write(
      withTermination(begun, { status: "True", reason: "InstanceDeletionCheck", message }, steps.now()),
    );
    throw error;
  }
  await steps.write(withoutFinalizer(withTermination(begun, COMPLETED, steps.now())));
}

function withTermination(
  definition: CustomResourceDefinition,
  termination: Termination,
  now: Date,
): CustomResourceDefinition {
  return {
    ...definition,
    status: withCondition(definition.status ?? {}, { type: "Terminating", ...termination }, now),
  };
}

function withoutFinalizer(definition: CustomResourceDefinition): CustomResourceDefinition {
  const { finalizers = [], ...metadata } = definition.metadata;
  const rest = finalizers.filter((name) => name !== CLEANUP_FINALIZER);
  return { ...definition, metadata: { ...metadata, ...(rest.length > 0 && { finalizers: rest }) } };
}

/** The place of a definition's status. */
export function statusTarget(name: string) {
  return { kind: customResourceDefinition, namespace: undefined, name, subresource: "status" };
}
