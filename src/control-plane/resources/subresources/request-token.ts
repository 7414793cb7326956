/** serviceaccounts/token: a token for a service account. Source: Kubernetes API reference, authentication.k8s.io/v1 TokenRequest. */
import { badRequestError, conflictError, invalidError, notFoundError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { type TokenRequest, tokenRequest } from "#api/kinds/authentication/token-request.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { applyDefaults } from "#api/schema/defaults.ts";
import { validateObject } from "#api/schema/validate.ts";
import type { JsonValue } from "#base/json.ts";
import { findCurrent, nameOf, readCurrent } from "../place.ts";
import { inNamespace, readObject } from "../read-body.ts";
import type { RequestContext, Target } from "../resource-api.ts";
import type { ResourceDeps } from "../resource-deps.ts";
import { asKind } from "../stored-object.ts";
import type { BoundObject } from "../token-issuer.ts";

export async function requestToken(
  deps: ResourceDeps,
  target: Target,
  body: JsonValue,
  context: RequestContext,
): Promise<KubeObject> {
  const name = nameOf(target);
  const read = inNamespace(readObject(tokenRequest, body, context), target);
  const own = read.metadata.name ?? name;
  if (own !== name)
    throw badRequestError(`the name of the object (${own}) does not match the name on the URL (${name})`);
  const request = applyDefaults(tokenRequest, { ...read, metadata: { ...read.metadata, name } });
  const errors = validateObject(tokenRequest, request);
  if (errors.length > 0) throw invalidError(tokenRequest, name, errors);
  const account = await readCurrent(deps, target, context);
  await deps.admission.admit({ operation: "create", target, object: request, old: undefined, context });
  const boundObject = await findBound(deps, target, request, context);
  const { audiences = [], expirationSeconds = 0 } = request.spec ?? {};
  const issued = deps.tokenIssuer.issue({
    serviceAccount: { namespace: target.namespace ?? "", name, uid: account.metadata.uid ?? "" },
    audiences,
    expirationSeconds,
    ...(boundObject !== undefined && { boundObject }),
  });
  return {
    ...request,
    spec: { ...request.spec, audiences: issued.audiences },
    status: { token: issued.token, expirationTimestamp: issued.expirationTimestamp },
  };
}

const BOUND_KINDS = { Pod: "pods", Secret: "secrets", Node: "nodes" } as const;

/** The object that the token is bound to, which must be there. */
async function findBound(
  deps: ResourceDeps,
  { namespace, name: account }: Target,
  { spec }: TokenRequest,
  context: RequestContext,
): Promise<BoundObject | undefined> {
  const reference = spec?.boundObjectRef;
  if (reference === undefined) return undefined;
  const { kind: kindName = "", apiVersion = "v1", name = "", uid = "" } = reference;
  if (apiVersion !== "v1" || !isBoundKind(kindName)) {
    throw badRequestError(`cannot bind token to object of type ${apiVersion}, Kind=${kindName}`);
  }
  const plural = BOUND_KINDS[kindName];
  const kind = deps.kinds.find("", "v1", plural);
  const place = kind === undefined ? undefined : { kind, namespace: kind.isNamespaced ? namespace : undefined };
  const object = place && (await findCurrent(deps, { ...place, name, subresource: "" }, context));
  if (object === undefined) throw notFoundError({ group: "", plural }, name);
  const actual = object.metadata.uid ?? "";
  if (uid !== "" && uid !== actual) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflictError({ group: "", plural }, name, why);
  }
  if (kindName === "Pod" && asKind(podKind, object).spec.serviceAccountName !== account) {
    throw badRequestError(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
    );
  }
  return { kind: kindName, name, uid: actual };
}

function isBoundKind(name: string): name is keyof typeof BOUND_KINDS {
  return Object.hasOwn(BOUND_KINDS, name);
}
