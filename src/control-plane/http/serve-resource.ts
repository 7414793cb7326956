/**
 * Requests for objects and lists: from the verb and the body to a call of the resource API, and its outcome back to
 * an answer. Source: Kubernetes documentation, "Kubernetes API Concepts".
 */
import { badRequestError, isApiError } from "#api/api-error.ts";
import { apiVersionOf, type Kind, type KubeObject } from "#api/kind.ts";
import { deleteOptions } from "#api/meta/delete-options.ts";
import { unrecognizedBodyError } from "#api/schema/decode.ts";
import type { JsonValue } from "#base/json.ts";
import { accessDeniedError } from "../authorization/access-denied.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { KindRegistry } from "../resources/kind-registry.ts";
import type {
  DeleteOutcome,
  RequestContext,
  ResourceApi,
  Target,
  UserInfo,
  WriteOutcome,
} from "../resources/resource-api.ts";
import { negotiate } from "./accept.ts";
import { type Answer, jsonAnswer } from "./answer.ts";
import { type ApiRequest, type ApiResponse, headerOf } from "./api-message.ts";
import { type DecodedBody, decodeBody, decodePatch, type FindKind, patchTypeOf } from "./decode-body.ts";
import { parseDeleteOptions } from "./delete-options.ts";
import {
  integer,
  parseListOptions,
  parseWatchOptions,
  parseWriteOptions,
  READ_OPTIONS,
  type WriteOptions,
} from "./query-options.ts";
import { readBody } from "./read-body.ts";
import { type RepresentOptions, representList, representObject } from "./represent.ts";
import { isTrue } from "./request-info.ts";
import { methodNotAllowedError } from "./resolve-target.ts";
import { parseIncludeObject } from "./table-text.ts";
import type { EventEncoder, EventFormat } from "./watch/event-text.ts";
import { serveWatch } from "./watch/watch-stream.ts";

export interface ResourceDeps {
  readonly registry: Pick<KindRegistry, "find" | "findByKind">;
  readonly resourceApi: ResourceApi;
  readonly authorizer: Authorizer;
  readonly encoderFor: (format: EventFormat) => EventEncoder;
  readonly now: () => Date;
  readonly random: () => number;
  /** Aborted when the server stops. */
  readonly stopping: AbortSignal;
}

/** A request that is authorized. */
export interface ResourceRequest {
  readonly request: ApiRequest;
  readonly response: ApiResponse;
  readonly target: Target;
  readonly verb: string | undefined;
  readonly query: URLSearchParams;
  readonly user: UserInfo;
  readonly signal: AbortSignal;
  warn(text: string): void;
}

/** undefined when the response has been sent as a stream. */
export async function serveResource(deps: ResourceDeps, call: ResourceRequest): Promise<Answer | undefined> {
  const { target } = call;
  if (target.kind.deprecation !== undefined) call.warn(target.kind.deprecation);
  switch (call.verb) {
    case "get":
      return await serveGet(deps, call, target);
    case "list":
      return await serveList(deps, call, target);
    case "watch":
      await startWatch(deps, call, target);
      return undefined;
    case "create":
      return await serveCreate(deps, call, target);
    case "update":
      return await serveUpdate(deps, call, target);
    case "patch":
      return await servePatch(deps, call, target);
    case "delete":
      return await serveDelete(deps, call, target);
    case "deletecollection":
      return await serveDeleteCollection(deps, call, target);
    default:
      throw methodNotAllowedError();
  }
}

async function serveGet(deps: ResourceDeps, call: ResourceRequest, target: Target): Promise<Answer> {
  const options = representOptions(deps, call);
  const resourceVersion = call.query.get("resourceVersion");
  const object = await deps.resourceApi.get(
    target,
    resourceVersion === null ? {} : { resourceVersion },
    contextOf(call, READ_OPTIONS),
  );
  return objectAnswer(deps, 200, target, object, options);
}

async function serveList(deps: ResourceDeps, call: ResourceRequest, target: Target): Promise<Answer> {
  const options = representOptions(deps, call);
  const list = await deps.resourceApi.list(target, parseListOptions(call.query), contextOf(call, READ_OPTIONS));
  return jsonAnswer(200, representList(target.kind, list, options));
}

async function startWatch(deps: ResourceDeps, call: ResourceRequest, target: Target): Promise<void> {
  const { representation, includeObject } = representOptions(deps, call);
  const format = { kind: target.kind, representation, includeObject };
  const options = parseWatchOptions(call.query);
  // Only the old paths name an object.
  const named = target.name === undefined ? {} : { fieldSelector: `metadata.name=${target.name}` };
  await serveWatch(call.response, {
    resourceApi: deps.resourceApi,
    target: { ...target, name: undefined },
    options: { ...options, ...named },
    context: contextOf(call, READ_OPTIONS),
    timeoutSeconds: integer(call.query, "timeoutSeconds") ?? 0,
    firstEncoder: deps.encoderFor({ ...format, withColumns: true }),
    encoder: deps.encoderFor({ ...format, withColumns: false }),
    random: deps.random,
    stopping: deps.stopping,
  });
}

async function serveCreate(deps: ResourceDeps, call: ResourceRequest, target: Target): Promise<Answer> {
  const options = representOptions(deps, call);
  const writeOptions = writeOptionsOf(call, "CreateOptions", false);
  const body = await objectBody(deps, call, target, writeOptions);
  const object = await deps.resourceApi.create(target, body, contextOf(call, writeOptions));
  return objectAnswer(deps, 201, target, object, options);
}

async function serveUpdate(deps: ResourceDeps, call: ResourceRequest, target: Target): Promise<Answer> {
  const options = representOptions(deps, call);
  const writeOptions = writeOptionsOf(call, "UpdateOptions", false);
  const body = await objectBody(deps, call, target, writeOptions);
  const context = contextOf(call, writeOptions);
  await checkMayCreate(deps, call, target, context);
  return writeAnswer(deps, target, await deps.resourceApi.update(target, body, context), options);
}

async function servePatch(deps: ResourceDeps, call: ResourceRequest, target: Target): Promise<Answer> {
  const options = representOptions(deps, call);
  const type = patchTypeOf(headerOf(call.request, "content-type") ?? "");
  const isForced = isTrue(call.query.get("force"));
  if (isForced && type !== "apply") throw badRequestError("force is only allowed for apply patches");
  const writeOptions = writeOptionsOf(call, "PatchOptions", type === "apply");
  const body = await decodePatch(await readBody(call.request, call.signal), type);
  reportDuplicates(body, call, target.kind, writeOptions);
  const context = contextOf(call, writeOptions);
  if (type === "apply") await checkMayCreate(deps, call, target, context);
  const patch = type === "apply" ? { type, patch: body.value, force: isForced } : { type, patch: body.value };
  return writeAnswer(deps, target, await deps.resourceApi.patch(target, patch, context), options);
}

async function serveDelete(deps: ResourceDeps, call: ResourceRequest, target: Target): Promise<Answer> {
  const represent = representOptions(deps, call);
  const { options, isDryRun } = await deleteOptionsOf(call);
  const outcome = await deps.resourceApi.delete(target, options, contextOf(call, { ...READ_OPTIONS, isDryRun }));
  if (outcome.type === "pending") return objectAnswer(deps, 200, target, outcome.object, represent);
  return jsonAnswer(200, JSON.stringify(deletedStatus(target.kind, outcome)));
}

async function serveDeleteCollection(deps: ResourceDeps, call: ResourceRequest, target: Target): Promise<Answer> {
  const represent = representOptions(deps, call);
  const { options, isDryRun } = await deleteOptionsOf(call);
  const list = await deps.resourceApi.deleteCollection(
    target,
    { ...parseListOptions(call.query), ...options },
    contextOf(call, { ...READ_OPTIONS, isDryRun }),
  );
  return jsonAnswer(200, representList(target.kind, list, represent));
}

function contextOf({ user, signal, warn }: ResourceRequest, options: WriteOptions): RequestContext {
  return { ...options, user, signal, warn };
}

function representOptions({ now }: ResourceDeps, { request, query }: ResourceRequest): RepresentOptions {
  const { representation } = negotiate(headerOf(request, "accept"));
  return { representation, includeObject: parseIncludeObject(query.get("includeObject")), now: now() };
}

function writeOptionsOf(
  { query, request }: ResourceRequest,
  kind: string,
  requiresFieldManager: boolean,
): WriteOptions {
  return parseWriteOptions({ kind, query, userAgent: headerOf(request, "user-agent") ?? "", requiresFieldManager });
}

async function objectBody(
  deps: ResourceDeps,
  call: ResourceRequest,
  { kind }: Target,
  options: WriteOptions,
): Promise<JsonValue> {
  const bytes = await readBody(call.request, call.signal);
  const contentType = headerOf(call.request, "content-type") ?? "";
  let body: DecodedBody;
  try {
    body = await decodeBody(bytes, contentType, deps.registry.findByKind);
  } catch (error) {
    throw isApiError(error, "BadRequest") && error.cause instanceof SyntaxError
      ? unrecognizedBodyError(kind, bytes, error.message)
      : error;
  }
  reportDuplicates(body, call, kind, options);
  return body.value;
}

/** Unknown fields are found later, with the schema; members that are there twice can only be seen in the text. */
function reportDuplicates(
  { duplicates }: DecodedBody,
  call: ResourceRequest,
  { kind, version }: Kind,
  { fieldValidation }: WriteOptions,
): void {
  if (duplicates.length === 0 || fieldValidation === "Ignore") return;
  if (fieldValidation === "Warn") {
    for (const text of duplicates) call.warn(text);
    return;
  }
  const what = `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}`;
  throw badRequestError(`${what}: strict decoding error: ${duplicates.join(", ")}`);
}

async function deleteOptionsOf(call: ResourceRequest) {
  const bytes = await readBody(call.request, call.signal);
  if (bytes.length === 0) return parseDeleteOptions(undefined, call.query);
  const findKind: FindKind = (_, kind) => (kind === "DeleteOptions" ? { schema: deleteOptions } : undefined);
  const body = await decodeBody(bytes, headerOf(call.request, "content-type") ?? "", findKind);
  return parseDeleteOptions(body.value, call.query);
}

/** Who may write but not create must not create by writing: checked only when the object is not there. */
async function checkMayCreate(
  { authorizer, resourceApi }: ResourceDeps,
  { user }: ResourceRequest,
  target: Target,
  context: RequestContext,
): Promise<void> {
  const { kind, namespace, name, subresource } = target;
  if (subresource !== "") return;
  const { group, plural: resource } = kind;
  const request = { type: "resource", user, verb: "create", group, resource, subresource, namespace, name } as const;
  const decision = authorizer.authorize(request);
  if (decision.isAllowed) return;
  try {
    await resourceApi.get(target, { resourceVersion: "0" }, context);
  } catch (error) {
    throw isApiError(error, "NotFound") ? accessDeniedError(request, decision) : error;
  }
}

function writeAnswer(deps: ResourceDeps, target: Target, outcome: WriteOutcome, options: RepresentOptions): Answer {
  return objectAnswer(deps, outcome.isNew ? 201 : 200, target, outcome.object, options);
}

/** Subresources may answer with another kind, such as Scale, or with a Status. */
function objectAnswer(
  { registry }: ResourceDeps,
  status: number,
  { kind }: Target,
  object: KubeObject,
  options: RepresentOptions,
): Answer {
  if (object.kind === "Status") return jsonAnswer(status, JSON.stringify(object));
  const isOfKind = object.kind === kind.kind && object.apiVersion === apiVersionOf(kind);
  const actual = isOfKind ? kind : (registry.findByKind(object.apiVersion, object.kind) ?? kind);
  return jsonAnswer(status, representObject(actual, object, options));
}

function deletedStatus({ group, plural }: Kind, { object }: DeleteOutcome) {
  const { name, uid } = object.metadata;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(group !== "" && { group }), kind: plural, uid },
  };
}
