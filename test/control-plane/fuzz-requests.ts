/**
 * Requests that are nearly right, the same ones for the same seed and number: a valid request of some kind, with
 * nothing, one thing or several things changed.
 */
import fc from "fast-check";
import { stringify } from "yaml";
import { apiVersionOf, type Kind } from "#api/kind.ts";
import { kinds } from "#api/kinds.ts";
import { encodeProtobufObject } from "#api/schema/protobuf-encode.ts";
import { generateObject } from "#api/schema/testing/generate-object.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { mutateBytes, mutateJson } from "./mutate.ts";
import { createRandom, type Random } from "./random.ts";
import { createPatch, PATCH_TYPES, type PatchName } from "./random-patch.ts";
import { validObjects } from "./valid-objects.ts";

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** The client goes away: before the answer, or as soon as it begins (as with all watches). */
  readonly leaves: "early" | "at head" | undefined;
  readonly protocol: "HTTP/1.1" | "HTTP/2";
}

const NAMES = ["a", "a", "a", "b", "b", "c.d"] as const;
const NAMESPACES = ["default", "default", "default", "default", "kube-system", "a", "missing"] as const;
/** Nothing is ever reached behind these, so that no request leaves the machine. */
const CONNECTING: readonly string[] = ["log", "exec", "attach", "portforward", "proxy"];
const ABSENT = "never-made";
const GENERATED = 30;

export type RequestMaker = (index: number) => FuzzRequest;

export function createRequestMaker(seed: number): RequestMaker {
  const stored = kinds.filter(({ verbs }) => verbs.includes("get"));
  const pools = new Map(kinds.map((kind) => [kind, fc.sample(generateObject(kind), { numRuns: GENERATED, seed })]));
  return (index) => {
    const random = createRandom(seed + index * 7919);
    const kind = random.pick(random.chance(0.9) ? stored : kinds);
    const generated = random.pick(pools.get(kind) ?? []);
    // Objects that schemas describe are JSON.
    return makeRequest({ random, kind, generated: generated as unknown as JsonObject });
  };
}

interface Making {
  readonly random: Random;
  readonly kind: Kind;
  readonly generated: JsonObject;
}

const ACTIONS = [
  "create",
  "create",
  "create",
  "get",
  "list",
  "watch",
  "put",
  "put",
  "patch",
  "patch",
  "patch",
] as const;
const RARE_ACTIONS = ["delete", "delete", "delete", "deletecollection", "other", "other", "other", "other"] as const;

function makeRequest(making: Making): FuzzRequest {
  const { random, kind } = making;
  const action = random.chance(0.08) ? random.pick(RARE_ACTIONS) : random.pick(ACTIONS);
  const subresources = [
    ...(kind.hasStatus ? ["status"] : []),
    ...(kind.scale ? ["scale"] : []),
    ...kind.subresources.map(({ name }) => name),
  ];
  const subresource = subresources.length > 0 && random.chance(0.2) ? random.pick(subresources) : "";
  const isConnecting = CONNECTING.includes(subresource);
  const name = isConnecting ? ABSENT : random.pick(NAMES);
  const namespace = random.pick(NAMESPACES);
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const collection = `${root}${kind.isNamespaced ? `/namespaces/${namespace}` : ""}/${kind.plural}`;
  const object = `${collection}/${name}${subresource === "" ? "" : `/${subresource}`}`;
  const place = { collection, object, name, namespace, subresource };
  const request = actionRequest(making, action, place);
  const isWatch = /watch/.test(request.path);
  const damaged = isConnecting ? request : damage(request, random);
  const leaves = isWatch || random.chance(0.01) ? "at head" : random.chance(0.01) ? "early" : undefined;
  return { ...damaged, leaves, protocol: leaves !== undefined || random.chance(0.3) ? "HTTP/2" : "HTTP/1.1" };
}

interface Place {
  readonly collection: string;
  readonly object: string;
  readonly name: string;
  readonly namespace: string;
  readonly subresource: string;
}

type Draft = Omit<FuzzRequest, "leaves" | "protocol">;

function actionRequest(making: Making, action: (typeof ACTIONS | typeof RARE_ACTIONS)[number], place: Place): Draft {
  const { random } = making;
  const { collection, object, subresource } = place;
  const plain = (method: string, path: string): Draft => ({ method, path, headers: accept(random), body: undefined });
  switch (action) {
    case "get":
      return plain("GET", object);
    case "list":
      return plain("GET", `${collection}?${listQuery(random)}`);
    case "watch":
      return plain("GET", `${collection}?watch=true&timeoutSeconds=${random.below(5)}&${listQuery(random)}`);
    case "create":
      return withObject(making, place, {
        method: "POST",
        path: `${subresource === "" ? collection : object}?${writeQuery(random)}`,
      });
    case "put":
      return withObject(making, place, { method: "PUT", path: `${object}?${writeQuery(random)}` });
    case "patch":
      return patchRequest(making, place);
    case "delete":
      return deleteRequest(random, object);
    case "deletecollection":
      return deleteRequest(random, `${collection}?${listQuery(random)}`);
    case "other":
      return plain(random.pick(["GET", "POST", "OPTIONS", "HEAD", "TRACE"]), random.pick(OTHER_PATHS));
    default:
      return action satisfies never;
  }
}

const OTHER_PATHS = [
  ..."/ /api /apis /version /metrics /openapi/v3 /openapi/v2 /openapi/v3/apis/apps/v1 /api/v1 /apis/apps /apis/apps/v1".split(
    " ",
  ),
  ..."/readyz /livez?verbose /healthz/ping /openid/v1/jwks /api/v1/watch/pods /api/v1/namespaces/default/bogus/x".split(
    " ",
  ),
  ..."/api/v2/pods /apis/bogus/v1/pods /%zz /api/v1/%zz /api/v1//pods //api/v1 /api/v1/pods/ /api/v1/namespaces/%00/pods".split(
    " ",
  ),
];

function withObject(making: Making, place: Place, { method, path }: Pick<Draft, "method" | "path">): Draft {
  const { random, kind } = making;
  const value = objectFor(making, place);
  const headers = accept(random);
  const type = random.next();
  if (type < 0.15) {
    return {
      method,
      path,
      headers: { ...headers, "content-type": "application/vnd.kubernetes.protobuf" },
      body: protobufOf(kind, value, random),
    };
  }
  if (type < 0.25)
    return { method, path, headers: { ...headers, "content-type": "application/yaml" }, body: yamlOf(value) };
  return {
    method,
    path,
    headers: { ...headers, "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(value)),
  };
}

/** As the server takes it, as the schema allows it, or with changes. */
function objectFor({ random, kind, generated }: Making, { name, namespace, subresource }: Place): JsonValue {
  const kindName = BODY_KINDS[subresource] ?? kind.kind;
  const isOwn = kindName === kind.kind;
  const members = isOwn && random.chance(0.4) ? generated : (validObjects[kindName] ?? {});
  const apiVersion = isOwn ? apiVersionOf(kind) : (BODY_VERSIONS[kindName] ?? "v1");
  const generatedMetadata = isJsonObject(members["metadata"]) && random.chance(0.5) ? members["metadata"] : {};
  const metadata = {
    ...generatedMetadata,
    ...(random.chance(0.005) ? { generateName: "g-" } : { name }),
    ...(kind.isNamespaced && { namespace }),
  };
  const valid: JsonObject = { ...members, apiVersion, kind: kindName, metadata };
  return mutated(valid, random);
}

const BODY_KINDS: Readonly<Record<string, string>> = {
  scale: "Scale",
  binding: "Binding",
  eviction: "Eviction",
  token: "TokenRequest",
};
const BODY_VERSIONS: Readonly<Record<string, string>> = {
  Scale: "autoscaling/v1",
  Eviction: "policy/v1",
  TokenRequest: "authentication.k8s.io/v1",
};

function mutated(value: JsonValue, random: Random): JsonValue {
  let changed = value;
  while (random.chance(0.5)) changed = mutateJson(changed, random);
  return changed;
}

/** Of an object that has its types, else of anything. */
function protobufOf(kind: Kind, value: JsonValue, random: Random): Buffer {
  try {
    return Buffer.from(encodeProtobufObject(kind, isJsonObject(value) ? value : {}));
  } catch {
    // The encoder is for decoded objects; what is no such thing becomes nonsense.
    return Buffer.concat([
      Buffer.from("k8s\0"),
      Buffer.from([10, random.below(256)]),
      Buffer.from(JSON.stringify(value)),
    ]);
  }
}

function patchRequest(making: Making, place: Place): Draft {
  const { random } = making;
  const type: PatchName = random.pick(["json", "merge", "strategic", "apply"]);
  const object = objectFor(making, place);
  const patch = random.chance(0.7)
    ? createPatch(type, object, random)
    : mutated(createPatch(type, object, random), random);
  const isYaml = type === "apply" && random.chance(0.3);
  const manager = type === "apply" && random.chance(0.95) ? `&fieldManager=${random.pick(["me", "you"])}` : "";
  const force = type === "apply" && random.chance(0.4) ? "&force=true" : "";
  return {
    method: "PATCH",
    path: `${place.object}?${writeQuery(random)}${manager}${force}`,
    headers: { ...accept(random), "content-type": PATCH_TYPES[type] },
    body: isYaml ? yamlOf(patch) : Buffer.from(JSON.stringify(patch)),
  };
}

function yamlOf(value: JsonValue): Buffer {
  try {
    return Buffer.from(stringify(value));
  } catch (error) {
    // The library recurses; what is too deep for it goes as JSON, which is YAML.
    if (error instanceof RangeError) return Buffer.from(`--- ${JSON.stringify(value)}`);
    throw error;
  }
}

function deleteRequest(random: Random, path: string): Draft {
  const options = {
    kind: "DeleteOptions",
    apiVersion: "v1",
    propagationPolicy: random.pick(["Background", "Foreground", "Orphan"]),
    gracePeriodSeconds: random.below(2),
    ...(random.chance(0.2) && { preconditions: { resourceVersion: String(random.below(100)) } }),
    ...(random.chance(0.1) && { dryRun: ["All"] }),
  };
  const hasBody = random.chance(0.7);
  return {
    method: "DELETE",
    path,
    headers: { ...accept(random), ...(hasBody && { "content-type": "application/json" }) },
    body: hasBody ? Buffer.from(JSON.stringify(mutated(options, random))) : undefined,
  };
}

const ACCEPTS = [
  "application/json",
  "application/json",
  "*/*",
  "application/yaml",
  "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json",
  "application/vnd.kubernetes.protobuf,application/json",
  "application/json;as=Bogus",
  ";;;,,,q=x",
] as const;

function accept(random: Random): Record<string, string> {
  return {
    accept: random.chance(0.5) ? "application/json" : random.pick(ACCEPTS),
    ...(random.chance(0.1) && { "accept-encoding": "gzip" }),
  };
}

const QUERY_VALUES = {
  labelSelector: ["app=web", "app in (a,b)", "!app", "app notin (", "a b", "=,", "app==web,tier!=x"],
  fieldSelector: ["metadata.name=a", "spec.nodeName=n1", "status.phase!=Running", "bogus=1", "metadata.name", "=="],
  resourceVersion: ["0", "1", "40", "abc", "-1", "99999999999999999999", ""],
  resourceVersionMatch: ["Exact", "NotOlderThan", "bogus"],
  limit: ["1", "2", "0", "-1", "x", "1e3", "9007199254740993"],
  continue: ["bogus", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhXHUwMDAwIn0", "e30", "%00"],
  allowWatchBookmarks: ["true", "false", "x"],
  sendInitialEvents: ["true", "false"],
  includeObject: ["None", "Object", "Metadata", "x"],
  pretty: ["true", "0"],
} as const;

function listQuery(random: Random): string {
  const names = Object.keys(QUERY_VALUES) as (keyof typeof QUERY_VALUES)[];
  const chosen = names.filter(() => random.chance(0.1));
  return chosen.map((name) => `${name}=${encodeURIComponent(random.pick(QUERY_VALUES[name]))}`).join("&");
}

function writeQuery(random: Random): string {
  return [
    ...(random.chance(0.1) ? [`dryRun=${random.pick(["All", "All", "x", ""])}`] : []),
    ...(random.chance(0.3) ? [`fieldValidation=${random.pick(["Strict", "Warn", "Ignore", "x"])}`] : []),
    ...(random.chance(0.02) ? [`fieldManager=${"m".repeat(random.below(200))}`] : []),
    ...(random.chance(0.02) ? ["timeout=1ns"] : []),
  ].join("&");
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"] as const;
const CONTENT_TYPES = [
  "",
  "application/json",
  "application/yaml",
  "text/plain",
  "application/cbor",
  ";;",
  "application/vnd.kubernetes.protobuf",
] as const;
const EXTRA_HEADERS = [
  { authorization: "Bearer x" },
  { authorization: "Bearer reader" },
  { authorization: "Basic eDp5" },
  { authorization: "Bearer" },
  { "impersonate-user": "jane" },
  { "impersonate-group": "a" },
  { "impersonate-user": "system:serviceaccount:default:default", "impersonate-extra-a%zz": "b" },
  { "user-agent": "curl/8" },
  { "user-agent": "/" },
  { "if-none-match": '"x"' },
  { "content-encoding": "gzip" },
] as const;

/** Outside of what the object says: the method, the path, headers and the bytes of the body. */
function damage(request: Draft, random: Random): Draft {
  if (!random.chance(0.3)) return request;
  const { method, path, headers, body } = request;
  switch (random.below(6)) {
    case 0:
      return { ...request, method: random.pick(METHODS) };
    case 1:
      return { ...request, path: damagedPath(path, random) };
    case 2:
      return { ...request, headers: { ...headers, "content-type": random.pick(CONTENT_TYPES) } };
    case 3:
      return { ...request, headers: { ...headers, ...random.pick(EXTRA_HEADERS) } };
    case 4:
      return { ...request, path: `${path}${path.includes("?") ? "&" : "?"}${listQuery(random)}` };
    default:
      return { method, path, headers, body: body === undefined ? undefined : mutateBytes(body, random) };
  }
}

/** No proxies: those leave the machine. */
function damagedPath(path: string, random: Random): string {
  const changed = mutateBytes(Buffer.from(path), random).toString("latin1");
  const legal = encodeURI(changed).replaceAll("%25", "%");
  return legal.startsWith("/") && !/proxy|log|exec|attach|portforward/i.test(decodeURI(encodeURI(legal)))
    ? legal
    : "/api/v1/pods";
}
