/**
 * PATCH: what the object would be with the patch, then as an update of it. After a lost race the patch is applied
 * again; one that names a resourceVersion is thereby bound to it. Server-side apply also creates.
 */
import { ApiError, badRequestError, conflictError, invalidError, isApiError, notFoundError } from "#api/api-error.ts";
import { invalid } from "#api/field-error.ts";
import { apiVersionOf, type Kind, type KubeObject } from "#api/kind.ts";
import { serverSideApply } from "#api/patch/apply/server-side-apply.ts";
import { goText } from "#api/patch/go-text.ts";
import { applyJsonPatch } from "#api/patch/json-patch.ts";
import { applyMergePatch } from "#api/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "#api/patch/strategic-merge-patch.ts";
import { decodeObject } from "#api/schema/decode.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { isStoreError } from "../store/store.ts";
import { insertObject } from "./create-object.ts";
import { findCurrent, nameOf } from "./place.ts";
import type { WrittenPart } from "./plan-update.ts";
import { inNamespace, reportStrictErrors } from "./read-body.ts";
import type { PatchBody, RequestContext, Target, WriteOutcome } from "./resource-api.ts";
import type { ResourceDeps } from "./resource-deps.ts";
import { asJson } from "./stored-object.ts";
import { type Update, updateObject, updateOnce } from "./update-object.ts";

type ChangePatch = Exclude<PatchBody, { readonly type: "apply" }>;

export async function patchObject(
  deps: ResourceDeps,
  target: Target,
  patch: PatchBody,
  context: RequestContext,
): Promise<WriteOutcome> {
  const part = target.subresource === "status" ? "status" : "spec";
  if (patch.type === "strategic" && target.kind.isCustom === true) throw unknownFormatError();
  if (patch.type === "apply") return await applyObject(deps, { target, part, patch, context });
  const object = await updateObject(deps, {
    target,
    part,
    isTracked: false,
    desired: (current) => inNamespace(applyChange(target.kind, current, patch, context), target),
    context,
  });
  return { object, isNew: false };
}

/** Custom kinds have no strategic merge patches. */
function unknownFormatError(): ApiError {
  const types = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
  const message = `the body of the request was in an unknown format - accepted media types include: ${types}`;
  return new ApiError({ code: 415, reason: "UnsupportedMediaType", message, details: {} });
}

/** The object with the patch, decoded. Throws ApiError. */
export function applyChange<O extends KubeObject>(
  kind: Kind<O>,
  current: KubeObject,
  patch: ChangePatch,
  context: Pick<RequestContext, "fieldValidation" | "warn">,
): O {
  const patched = applyToJson(kind, asJson(current), patch);
  const refuse = (problem: string) => {
    const shown = patch.type === "strategic" ? goText(patch.patch) : JSON.stringify(patched);
    return invalidError({ group: "", kind: "" }, "", [invalid("patch", shown, problem)]);
  };
  const { object, strictErrors } = decodePatched(kind, patched, refuse);
  reportStrictErrors(strictErrors, context, (errors) => refuse(`strict decoding error: ${errors.join(", ")}`));
  return object;
}

function decodePatched<O extends KubeObject>(kind: Kind<O>, patched: JsonValue, refuse: (problem: string) => Error) {
  try {
    return decodeObject(kind, patched);
  } catch (error) {
    // The same problem in the object of a PUT is the body's; here the patch made it.
    if (isApiError(error, "BadRequest")) throw refuse(error.message);
    throw error;
  }
}

function applyToJson(kind: Kind, current: JsonObject, { type, patch }: ChangePatch): JsonValue {
  switch (type) {
    case "json":
      return applyJsonPatch(current, patch);
    case "merge":
      return applyMergePatch(current, patch);
    case "strategic":
      if (!isJsonObject(patch)) throw badRequestError("json: cannot unmarshal the patch into a map");
      return applyStrategicMergePatch(kind.schema, current, patch);
    default:
      throw badRequestError(`unknown patch type ${JSON.stringify(unknownType(type))}`);
  }
}

function unknownType(type: never): string {
  return String(type);
}

export interface Application {
  readonly target: Target;
  readonly part: WrittenPart;
  readonly patch: Extract<PatchBody, { readonly type: "apply" }>;
  readonly context: RequestContext;
}

async function applyObject(deps: ResourceDeps, application: Application): Promise<WriteOutcome> {
  const { target, context } = application;
  // As in updateObject: each further turn needs a writer that was faster.
  for (;;) {
    context.signal.throwIfAborted();
    const current = await findCurrent(deps, target, context);
    try {
      if (current === undefined && target.subresource !== "") throw notFoundError(target.kind, nameOf(target));
      if (current === undefined) return { object: await createApplied(deps, application), isNew: true };
      return { object: await updateOnce(deps, updateOf(deps, application), current), isNew: false };
    } catch (error) {
      const isLostRace =
        isStoreError(error, "conflict") || (current === undefined && isApiError(error, "AlreadyExists"));
      if (!isLostRace) throw error;
    }
  }
}

async function createApplied(deps: ResourceDeps, application: Application): Promise<KubeObject> {
  const { target, context } = application;
  const object = applied(deps, application, undefined);
  return await insertObject(deps, { target, object, isTracked: true, context });
}

function updateOf(deps: ResourceDeps, application: Application): Update {
  const { target, part, context } = application;
  return { target, part, isTracked: true, desired: (current) => applied(deps, application, current), context };
}

function applied(deps: ResourceDeps, application: Application, current: KubeObject | undefined): KubeObject {
  const { target, patch, context } = application;
  if (!isJsonObject(patch.patch)) throw badRequestError("error decoding YAML: the patch is not an object");
  const { kind, subresource } = target;
  const { fieldManager } = context;
  checkApplied(target, patch.patch, current);
  const { object, strictErrors } = decodeObject(kind, patch.patch);
  reportStrictErrors(strictErrors, context, (errors) => badRequestError(describeUnknown(target, errors)));
  const named = inNamespace(object, target);
  const { name = "" } = named.metadata;
  if (name !== nameOf(target) && name !== "") {
    throw badRequestError(`the name of the object (${name}) does not match the name on the URL (${nameOf(target)})`);
  }
  const complete = { ...named, metadata: { ...named.metadata, name: nameOf(target) } };
  return serverSideApply(kind, current, asJson(complete), {
    fieldManager,
    force: patch.force,
    now: deps.clock(),
    subresource,
  });
}

/** An applied object says itself what it is, and does not name another object than the one that is there. */
function checkApplied({ kind, name = "" }: Target, patch: JsonObject, current: KubeObject | undefined): void {
  const { apiVersion = "", kind: kindName = "", metadata } = patch;
  if (apiVersion !== apiVersionOf(kind) || kindName !== kind.kind) {
    const groupVersion = String(apiVersion).includes("/") ? String(apiVersion) : `/${apiVersion}`;
    throw badRequestError(`invalid object type: ${groupVersion}, Kind=${kindName}`);
  }
  const uid = isJsonObject(metadata) ? (metadata["uid"] ?? "") : "";
  if (current === undefined && uid !== "") {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflictError(kind, name, why);
  }
}

function describeUnknown({ kind, namespace, name }: Target, errors: readonly string[]): string {
  const place = namespace === undefined ? `/${name}` : `${namespace}/${name}`;
  const fields = errors.map((text) => text.replace(/^unknown field "(.*)"$/, ".$1: field not declared in schema"));
  const groupVersion = `${kind.group}/${kind.version}`;
  return `failed to create typed patch object (${place}; ${groupVersion}, Kind=${kind.kind}): ${fields.join(", ")}`;
}
