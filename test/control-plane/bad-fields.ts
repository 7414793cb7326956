/** Fields that are none or of another type, and names, labels and sizes that are not allowed. */
import {
  type BadCase,
  badRequest,
  type Cause,
  configMap,
  container,
  deployment,
  invalid,
  invalidObject,
  PATHS,
  pod,
  post,
  required,
  service,
  WORDS,
} from "./bad-input.ts";
import { type Row, titled } from "./bad-messages.ts";

const { configMaps, pods, services, secrets, deployments } = PATHS;

const STRICT = "?fieldValidation=Strict";
const cannot = (kind: string, problem: string) =>
  badRequest(`${kind} in version "v1" cannot be handled as a ${kind}: ${problem}`);
const strict = (kind: string, problem: string) => cannot(kind, `strict decoding error: ${problem}`);
const unmarshal = (kind: string, problem: string) => cannot(kind, `json: cannot unmarshal ${problem}`);

const fields: readonly Row[] = [
  [
    "unknown fields",
    post(configMaps + STRICT, configMap({ bar: 1 }, { foo: 1 })),
    strict("ConfigMap", 'unknown field "metadata.bar", unknown field "foo"'),
  ],
  [
    "unknown fields inside",
    post(
      pods + STRICT,
      pod({ containers: [{ name: "c", image: "i", imagee: 1 }], volumes: [{ name: "v", emptyDir: { x: 1 } }] }),
    ),
    strict("Pod", 'unknown field "spec.containers[0].imagee", unknown field "spec.volumes[0].emptyDir.x"'),
  ],
  [
    "a field that is there twice",
    post(configMaps + STRICT, '{"metadata":{"name":"x"},"data":{"a":"1","a":"2"}}'),
    strict("ConfigMap", 'duplicate field "data.a"'),
  ],
  [
    "a key of YAML that is there twice",
    post(configMaps + STRICT, 'metadata: {name: x}\ndata: {a: "1", a: "2"}\n', { "content-type": "application/yaml" }),
    strict("ConfigMap", 'yaml: unmarshal errors:\n  line 2: key "a" already set in map'),
  ],
  [
    "a number for text",
    post(configMaps, configMap({}, { data: { a: 1 } })),
    unmarshal("ConfigMap", "number into Go struct field ConfigMap.data of type string"),
  ],
  [
    "a list for a map",
    post(configMaps, configMap({}, { data: [] })),
    unmarshal("ConfigMap", "array into Go struct field ConfigMap.data of type map[string]string"),
  ],
  [
    "a number for a label",
    post(configMaps, configMap({ labels: { a: 1 } })),
    unmarshal("ConfigMap", "number into Go struct field ObjectMeta.metadata.labels of type string"),
  ],
  [
    "text for metadata",
    post(configMaps, { metadata: "x" }),
    unmarshal("ConfigMap", "string into Go struct field ConfigMap.metadata of type v1.ObjectMeta"),
  ],
  [
    "text for a number",
    post(deployments, deployment({ replicas: "3" })),
    unmarshal("Deployment", "string into Go struct field DeploymentSpec.spec.replicas of type int32"),
  ],
  [
    "a fraction for a number",
    post(deployments, deployment({ replicas: 1.5 })),
    unmarshal("Deployment", "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"),
  ],
  [
    "a number beyond 32 bits",
    post(deployments, deployment({ replicas: 3e9 })),
    unmarshal("Deployment", "number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32"),
  ],
  [
    "text for true or false",
    post(pods, pod({ hostNetwork: "yes" })),
    unmarshal("Pod", "string into Go struct field PodSpec.spec.hostNetwork of type bool"),
  ],
  [
    "an object for a list",
    post(pods, pod({ containers: {} })),
    unmarshal("Pod", "object into Go struct field PodSpec.spec.containers of type []v1.Container"),
  ],
  [
    "base64 that is none",
    post(secrets, { metadata: { name: "x" }, data: { a: "%%%" } }),
    cannot("Secret", "illegal base64 data at input byte 0"),
  ],
  [
    "a time that is none",
    post(configMaps, configMap({ creationTimestamp: "yesterday" })),
    cannot("ConfigMap", 'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"'),
  ],
  [
    "a quantity that is none",
    post(pods, container({ resources: { requests: { cpu: "1x" } } })),
    cannot("Pod", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
  ],
  [
    "another kind",
    post(configMaps, { kind: "Secret", apiVersion: "v1", metadata: { name: "x" } }),
    badRequest(
      'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
    ),
  ],
  [
    "a kind that is none",
    post(configMaps, { kind: "Nope", apiVersion: "v1", metadata: { name: "x" } }),
    badRequest(/^Nope in version "v1" cannot be handled as a ConfigMap: /),
  ],
  [
    "another version",
    post(configMaps, { kind: "ConfigMap", apiVersion: "apps/v1", metadata: { name: "x" } }),
    badRequest("the API version in the data (apps/v1) does not match the expected API version (v1)"),
  ],
  [
    "another namespace",
    post(configMaps, configMap({ namespace: "other" })),
    badRequest("the namespace of the provided object does not match the namespace sent on the request"),
  ],
  [
    "a resourceVersion of what is new",
    post(configMaps, configMap({ resourceVersion: "5" })),
    badRequest("resourceVersion should not be set on objects to be created"),
  ],
];

const wrongMap = (what: string, metadata: object, ...causes: readonly Cause[]): Row => [
  what,
  post(configMaps, configMap(metadata)),
  invalidObject(`ConfigMap ${JSON.stringify("name" in metadata ? metadata.name : "x")}`, ...causes),
];

const names: readonly Row[] = [
  ...["Bad_Name", "a/b", "..", "x\u0000", "ü", " "].map((name) =>
    wrongMap(
      `the name ${JSON.stringify(name)}`,
      { name },
      invalid("metadata.name", `${JSON.stringify(name)}: ${WORDS.SUBDOMAIN}`),
    ),
  ),
  wrongMap(
    "a name of 254 characters",
    { name: "a".repeat(254) },
    invalid("metadata.name", `"${"a".repeat(254)}": must be no more than 253 characters`),
  ),
  [
    "no name",
    post(configMaps, {}),
    invalidObject('ConfigMap ""', required("metadata.name", "name or generateName is required")),
  ],
  [
    "nothing",
    post(configMaps, "null"),
    invalidObject('ConfigMap ""', required("metadata.name", "name or generateName is required")),
  ],
  [
    "the name of a Service",
    post(services, { ...service(), metadata: { name: "1abc" } }),
    invalidObject('Service "1abc"', invalid("metadata.name", `"1abc": ${WORDS.DNS_1035}`)),
  ],
  [
    "the name of a Namespace",
    post("/api/v1/namespaces", { metadata: { name: "a.b" } }),
    invalidObject('Namespace "a.b"', invalid("metadata.name", `"a.b": ${WORDS.LABEL}`)),
  ],
  wrongMap("a label's value", { labels: { a: "-bad" } }, invalid("metadata.labels", `"-bad": ${WORDS.LABEL_VALUE}`)),
  wrongMap(
    "a label's key",
    { labels: { "bad key!": "x" } },
    invalid("metadata.labels", `"bad key!": ${WORDS.NAME_PART}`),
  ),
  wrongMap(
    "a label's prefix",
    { labels: { "Bad_/x": "x" } },
    invalid("metadata.labels", `"Bad_/x": prefix part ${WORDS.SUBDOMAIN}`),
  ),
  wrongMap(
    "a label of 64 characters",
    { labels: { a: "x".repeat(64) } },
    invalid("metadata.labels", `"${"x".repeat(64)}": must be no more than 63 characters`),
  ),
  wrongMap(
    "an annotation's key",
    { annotations: { "a b": "x" } },
    invalid("metadata.annotations", `"a b": ${WORDS.NAME_PART}`),
  ),
  wrongMap("too large annotations", { annotations: { a: "x".repeat(262_145) } }, [
    "FieldValueTooLong",
    "metadata.annotations",
    "Too long: may not be more than 262144 bytes",
  ]),
  wrongMap(
    "an owner that is none",
    { ownerReferences: [{ kind: "X" }] },
    invalid("metadata.ownerReferences.apiVersion", '"": version must not be empty'),
    invalid("metadata.ownerReferences.name", '"": must not be empty'),
    invalid("metadata.ownerReferences.uid", '"": must not be empty'),
  ),
  [
    "a key in data and in binaryData",
    post(configMaps, configMap({}, { data: { a: "x" }, binaryData: { a: "AA==" } })),
    invalidObject(
      'ConfigMap "x"',
      invalid("data[a]", '"a": duplicate of key present in binaryData'),
      invalid("binaryData[a]", '"a": duplicate of key present in data'),
    ),
  ],
  [
    "too much in a ConfigMap",
    post(configMaps, configMap({}, { data: { a: "x".repeat(1_048_577) } })),
    invalidObject('ConfigMap "x"', ["FieldValueTooLong", "[]", "Too long: may not be more than 1048576 bytes"]),
  ],
];

export const badFields: readonly BadCase[] = [...titled("field", fields), ...titled("name", names)];
