/** Nothing new comes into a custom kind whose definition is being deleted. The text is the API server's. */
import { forbiddenError } from "#api/api-error.ts";
import type { AdmissionRule } from "./admission.ts";

export const definitionLifecycle: AdmissionRule = {
  handles: ({ operation, kind, subresource }) =>
    operation === "create" && subresource === "" && kind.custom?.isTerminating === true,
  admit({ target, object }) {
    const why = "create not allowed while custom resource definition is terminating";
    throw forbiddenError(target.kind, object.metadata.name ?? "", why);
  },
};
