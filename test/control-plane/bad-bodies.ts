/** Bodies that are no object, media types that nobody knows, and paths that lead nowhere. */
import {
  type BadCase,
  type BadRequest,
  badRequest,
  configMap,
  invalid,
  invalidObject,
  PATHS,
  post,
  required,
  WORDS,
} from "./bad-input.ts";
import {
  get,
  merge,
  NOT_ACCEPTABLE,
  NOT_ALLOWED,
  notFound,
  OBJECTS,
  PARSE,
  PATCHES,
  patch,
  type Row,
  remove,
  THERE,
  TOO_LARGE,
  titled,
  typed,
  unrecognized,
} from "./bad-messages.ts";

const { configMaps, pods, deployments } = PATHS;

const MIB = 1024 * 1024;
const protobuf = (hex: string): BadRequest => typed(Buffer.from(hex, "hex"), "application/vnd.kubernetes.protobuf");
const yaml = (text: string): BadRequest => typed(text, "application/yaml");
const BOMB = Array.from({ length: 7 }, (_, index) => {
  const items = Array.from({ length: 9 }, () => (index === 0 ? "x" : `*a${index - 1}`));
  return `a${index}: &a${index} [${items}]\n`;
}).join("");

const bodies: readonly Row[] = [
  ["no body", post(configMaps, ""), unrecognized("<empty>")],
  ["JSON that is cut off", post(configMaps, '{"metadata":{"name":"x"}'), unrecognized('{"metadata":{"name":"x"}')],
  ["JSON with a comma too many", post(configMaps, '{"metadata":{},}'), unrecognized('{"metadata":{},}')],
  ["text", post(configMaps, "hello"), unrecognized("68656c6c6f")],
  ["two objects", post(configMaps, '{"metadata":{"name":"x"}} {}'), unrecognized('{"metadata":{"name":"x"}} {}')],
  ["a list", post(configMaps, []), unrecognized("5b5d")],
  ["a control character", post(configMaps, '{"metadata":{"name":"x\u0001"}}'), unrecognized(".*")],
  ["a NUL", post(configMaps, '{"metadata":{"name":"x"},"data":{"a":"\u0000"}}'), unrecognized(".*")],
  ["100 NULs", post(configMaps, Buffer.alloc(100)), unrecognized("(00){30} \\.\\.\\.")],
  ["UTF-16", post(configMaps, Buffer.from('{"metadata":{"name":"x"}}', "utf16le")), unrecognized(".*")],
  [
    "a name that is no UTF-8",
    post(configMaps, Buffer.from('{"metadata":{"name":"\xff\xfe"}}', "latin1")),
    invalidObject('ConfigMap "\ufffd\ufffd"', invalid("metadata.name", `"\ufffd\ufffd": ${WORDS.SUBDOMAIN}`)),
  ],
  [
    "20,000 objects in each other",
    post(configMaps, `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`),
    badRequest(`${PARSE}: exceeded max depth`),
  ],
  ["a million lists that never end", post(configMaps, "[".repeat(MIB)), unrecognized("(5b){30} \\.\\.\\.")],
  ["more than 3 MiB", post(configMaps, configMap({}, { data: { a: "x".repeat(3 * MIB) } })), TOO_LARGE],
  ["a patch of more than 3 MiB", merge("x".repeat(3 * MIB + 1)), TOO_LARGE],
  ["a deletion of more than 3 MiB", remove("", "x".repeat(3 * MIB + 1)), TOO_LARGE],
  ["YAML that is none", yaml("a: b: c"), badRequest(/^error converting YAML to JSON: yaml: line 1: /)],
  ["YAML with tabs", yaml("a:\n\t- b"), badRequest(/^error converting YAML to JSON: yaml: line 2: /)],
  ["YAML that grows without end", yaml(BOMB), badRequest(/^error converting YAML to JSON: yaml: /)],
  ["YAML that is text", yaml("hello"), unrecognized("2268656c6c6f22")],
  [
    "YAML that is nothing",
    yaml(""),
    invalidObject('ConfigMap ""', required("metadata.name", "name or generateName is required")),
  ],
  [
    "no protobuf",
    protobuf(""),
    badRequest("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"),
  ],
  ["protobuf with nothing in it", protobuf("6b387300"), badRequest(/^no kind "" is registered for version ""/)],
  ["protobuf that is cut off", protobuf("6b3873000a0f0a02763112"), badRequest(/^error decoding protobuf: /)],
  ["protobuf that is none", protobuf("6b387300ffffffffffffffffffff"), badRequest(/^error decoding protobuf: /)],
];

const media: readonly Row[] = [
  ...["text/plain", "application/x-www-form-urlencoded", ";;;", "application/json-patch+json"].map(
    (type): Row => [`a body of ${type}`, typed("{}", type), OBJECTS],
  ),
  ["a deletion of text", { ...remove("", "{}"), headers: { "content-type": "text/plain" } }, OBJECTS],
  ["a patch of JSON", patch("json", {}), PATCHES],
  ["a patch of nothing", { method: "PATCH", path: THERE, body: {} }, PATCHES],
  ...["text/html", "application/vnd.kubernetes.protobuf", "application/json;as=Nope;g=meta.k8s.io;v=v1"].map(
    (accept): Row => [`an answer of ${accept}`, get(configMaps, { accept }), NOT_ACCEPTABLE],
  ),
  ["a new object whose answer nobody can send", post(configMaps, configMap(), { accept: "image/png" }), NOT_ACCEPTABLE],
];

const paths: readonly Row[] = [
  ["a resource that is none", get("/api/v1/namespaces/default/nopes"), notFound()],
  ["a group that is none", get("/apis/nope.example.com/v1/things"), notFound()],
  ["a version that is none", get("/apis/apps/v9/deployments"), notFound()],
  ["a path that is none", get("/nope"), notFound()],
  ["a subresource that is none", get(`${pods}/there/nope`), notFound()],
  ["a Node in a namespace", get("/api/v1/namespaces/default/nodes"), notFound()],
  ["an object that is not there", get(`${configMaps}/nope`), notFound('configmaps "nope"')],
  [
    "an object of a group that is not there",
    { method: "DELETE", path: `${deployments}/nope` },
    notFound('deployments.apps "nope"'),
  ],
  ["a patch of what is not there", merge({}, `${deployments}/nope`), notFound('deployments.apps "nope"')],
  [
    "a namespace that is not there",
    post("/api/v1/namespaces/nope/configmaps", configMap()),
    notFound('namespaces "nope"'),
  ],
  ["POST to an object", post(THERE, configMap()), NOT_ALLOWED],
  ["PUT to a collection", { method: "PUT", path: configMaps, body: configMap() }, NOT_ALLOWED],
  ["POST beside the namespaces", post("/api/v1/configmaps", configMap()), NOT_ALLOWED],
  ["POST to the server's own paths", post("/version", {}), NOT_ALLOWED],
];

export const badBodies: readonly BadCase[] = [
  ...titled("body", bodies),
  ...titled("media type", media),
  ...titled("path", paths),
];
