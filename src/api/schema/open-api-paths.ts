/**
 * The paths of a kind as OpenAPI v3 says them. kubectl looks in them for what a PATCH takes (`fieldValidation`,
 * strategic merge patches), and `kubectl explain` for the kind behind a resource.
 * Source: Kubernetes' documents below /openapi/v3 (1.32); API concepts, "Resource URIs".
 */
import type { JsonObject } from "#base/json.ts";
import { apiVersionOf, type Kind, type Subresource, type Verb } from "../kind.ts";
import { reference } from "./open-api-schema.ts";

type GroupVersionKind = Subresource["kind"];
type Method = "get" | "put" | "post" | "patch" | "delete";

/** What a path answers to: the verb that allows it, and how OpenAPI calls it. */
interface Operation {
  readonly method: Method;
  readonly verb: Verb;
  readonly action: string;
}

const COLLECTION: readonly Operation[] = [
  { method: "get", verb: "list", action: "list" },
  { method: "post", verb: "create", action: "post" },
  { method: "delete", verb: "deletecollection", action: "deletecollection" },
];
const OBJECT: readonly Operation[] = [
  { method: "get", verb: "get", action: "get" },
  { method: "put", verb: "update", action: "put" },
  { method: "patch", verb: "patch", action: "patch" },
  { method: "delete", verb: "delete", action: "delete" },
];
const SUBRESOURCE: readonly Operation[] = [...OBJECT, { method: "post", verb: "create", action: "post" }];
const STATUS_VERBS: readonly Verb[] = ["get", "update", "patch"];
const SCALE = { group: "autoscaling", version: "v1", kind: "Scale" } as const;

const JSON_TYPE = "application/json";
const PATCH_TYPES = ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];
const STRATEGIC = "application/strategic-merge-patch+json";

const DRY_RUN = query("dryRun", "string", "All: everything is done but the write itself.");
const WRITING = [
  DRY_RUN,
  query("fieldManager", "string", "Who manages the fields that are written."),
  query("fieldValidation", "string", "What happens to unknown and duplicate fields: Ignore, Warn or Strict."),
];
const FORCE = query("force", "boolean", "Server-side apply: takes over fields that others manage.");
const LISTING = [
  query("labelSelector", "string", "Selects objects by their labels."),
  query("fieldSelector", "string", "Selects objects by their fields."),
  query("limit", "integer", "The most objects in one answer."),
  query("continue", "string", "Where the answer before this one ended."),
  query("resourceVersion", "string", "How new the answer must be."),
  query("watch", "boolean", "Changes as they happen instead of a list."),
];

export function pathsOf(kind: Kind): Readonly<Record<string, JsonObject>> {
  const root = `${kind.group === "" ? "/api" : "/apis"}/${apiVersionOf(kind)}`;
  const all = `${root}/${kind.plural}`;
  const collection = kind.isNamespaced ? `${root}/namespaces/{namespace}/${kind.plural}` : all;
  const paths: Record<string, JsonObject> = {};
  const add = (path: string, operations: readonly Operation[], verbs: readonly Verb[], body: GroupVersionKind) => {
    const allowed = operations.filter(({ verb }) => verbs.includes(verb));
    if (allowed.length > 0) paths[path] = pathItem(path, allowed, kind, body);
  };
  if (kind.isNamespaced) add(all, COLLECTION.slice(0, 1), kind.verbs, kind);
  add(collection, COLLECTION, kind.verbs, kind);
  add(`${collection}/{name}`, OBJECT, kind.verbs, kind);
  for (const { name, verbs, kind: body } of subresourcesOf(kind)) {
    add(`${collection}/{name}/${name}`, SUBRESOURCE, verbs, body);
  }
  return paths;
}

function subresourcesOf(kind: Kind): readonly Subresource[] {
  return [
    ...(kind.hasStatus && kind.verbs.includes("update") ? [{ name: "status", kind, verbs: STATUS_VERBS }] : []),
    ...(kind.scale === undefined ? [] : [{ name: "scale", kind: SCALE, verbs: STATUS_VERBS }]),
    ...kind.subresources,
  ];
}

function pathItem(path: string, operations: readonly Operation[], kind: Kind, body: GroupVersionKind): JsonObject {
  const parameters = ["namespace", "name"].filter((name) => path.includes(`{${name}}`)).map(pathParameter);
  const entries = operations.map((operation) => [operation.method, operationOf(operation, kind, body)]);
  return { ...Object.fromEntries(entries), ...(parameters.length > 0 && { parameters }) };
}

function operationOf({ method, action }: Operation, kind: Kind, body: GroupVersionKind): JsonObject {
  const isItself = body.kind === kind.kind && body.group === kind.group && body.version === kind.version;
  const schema = isItself ? reference(action === "list" ? `${kind.schema.name}List` : kind.schema.name) : undefined;
  const media = { ...(schema !== undefined && { schema }) };
  const { group, version, kind: name } = body;
  return {
    description: `${action} ${name}`,
    ...(method !== "get" && method !== "delete" && { requestBody: requestBody(method, kind, media) }),
    parameters: parametersOf(method, action),
    responses: { "200": { description: "OK", content: { [JSON_TYPE]: media } } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group, version, kind: name },
  };
}

function requestBody(method: Method, kind: Kind, media: JsonObject): JsonObject {
  // Without the strategic one, kubectl takes merge patches.
  const patchTypes = kind.isCustom === true ? PATCH_TYPES : [...PATCH_TYPES, STRATEGIC];
  const types = method === "patch" ? patchTypes : ["*/*"];
  const content = types.map((type) => [type, method === "patch" ? { schema: { type: "object" } } : media]);
  return { required: true, content: Object.fromEntries(content) };
}

function parametersOf(method: Method, action: string): readonly JsonObject[] {
  if (action === "list") return LISTING;
  if (method === "get") return [];
  if (method === "delete") return action === "deletecollection" ? [...LISTING, DRY_RUN] : [DRY_RUN];
  return method === "patch" ? [...WRITING, FORCE] : WRITING;
}

function query(name: string, type: string, description: string): JsonObject {
  return { name, in: "query", description, schema: { type, uniqueItems: true } };
}

function pathParameter(name: string): JsonObject {
  return { name, in: "path", required: true, description: `${name} of the object`, schema: { type: "string" } };
}
