/** What somebody gets who is not allowed, in Kubernetes' words: people search for these texts. */
import { ApiError, forbiddenError } from "#api/api-error.ts";
import type { AuthorizationDecision, AuthorizationRequest } from "./authorizer.ts";

/** `pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"`. */
export function accessDeniedError(request: AuthorizationRequest, decision: AuthorizationDecision): ApiError {
  const what = describeDenied(request);
  const why = decision.reason === "" ? what : `${what}: ${decision.reason}`;
  if (request.type === "path") {
    return new ApiError({ code: 403, reason: "Forbidden", message: `forbidden: ${why}`, details: {} });
  }
  return forbiddenError({ group: request.group, plural: request.resource }, request.name ?? "", why);
}

function describeDenied(request: AuthorizationRequest): string {
  const who = `User ${JSON.stringify(request.user.name)} cannot ${request.verb}`;
  if (request.type === "path") return `${who} path ${JSON.stringify(request.path)}`;
  const { resource, subresource, group, namespace = "" } = request;
  const full = subresource === "" ? resource : `${resource}/${subresource}`;
  const scope = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  return `${who} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)} ${scope}`;
}
