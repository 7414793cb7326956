/** Patches that cannot be applied, writes that came too late, and changes of what cannot change. */
import {
  type BadCase,
  badRequest,
  configMap,
  deployment,
  forbidden,
  invalid,
  invalidObject,
  PATHS,
  post,
  required,
} from "./bad-input.ts";
import {
  applied,
  apply,
  json,
  MODIFIED,
  merge,
  options,
  patch,
  put,
  REJECTED,
  type Row,
  refused,
  strategic,
  THERE,
  titled,
} from "./bad-messages.ts";

const { configMaps, pods, services, secrets, nodes, deployments, statefulSets, jobs, roleBindings, endpointSlices } =
  PATHS;

const patches: readonly Row[] = [
  [
    "a JSON patch that is an object",
    json({}),
    badRequest("json: cannot unmarshal object into Go value of type jsonpatch.Patch"),
  ],
  ["a JSON patch that is cut off", json("[{"), badRequest(/^couldn't get version\/kind; json parse error: /)],
  ...[
    { op: "nope", path: "/a" },
    { op: "remove", path: "/data/zz" },
    { op: "test", path: "/data/a", value: "2" },
    { op: "replace", path: "/data/zz", value: "x" },
    { op: "copy", from: "/q", path: "/data/a" },
    { op: "add", path: "/__proto__/x", value: 1 },
  ].map((step): Row => [`the JSON patch ${JSON.stringify(step)}`, json([step]), REJECTED]),
  [
    "a JSON patch of 10,001 steps",
    json(Array.from({ length: 10_001 }, () => ({ op: "test", path: "/data/a", value: "1" }))),
    refused(
      413,
      "RequestEntityTooLarge",
      "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
    ),
  ],
  [
    "a JSON patch to another type",
    json([{ op: "add", path: "/data/a", value: 1 }]),
    refused(422, "Invalid", /cannot unmarshal number into Go struct field ConfigMap\.data of type string$/),
  ],
  ...["[]", '"x"', "null"].map(
    (text): Row => [`the merge patch ${text}`, merge(text), badRequest("Invalid JSON Patch")],
  ),
  [
    "a merge patch to another name",
    merge({ metadata: { name: "other" } }),
    invalidObject('ConfigMap "there"', invalid("metadata.name", '"other": field is immutable')),
  ],
  [
    "a merge patch to another namespace",
    merge({ metadata: { namespace: "other" } }),
    badRequest("the namespace of the provided object does not match the namespace sent on the request"),
  ],
  [
    "a merge patch with an unknown field",
    merge({ foo: 1 }, `${THERE}?fieldValidation=Strict`),
    refused(422, "Invalid", /strict decoding error: unknown field "foo"$/),
  ],
  ["a forced merge patch", merge({}, `${THERE}?force=true`), badRequest("force is only allowed for apply patches")],
  ["a strategic patch that is a list", strategic([]), badRequest("json: cannot unmarshal the patch into a map")],
  [
    "a strategic patch without the key of its list",
    strategic({ spec: { containers: [{ image: "x" }] } }, `${pods}/there`),
    badRequest("map: map[image:x] does not contain declared merge key: name"),
  ],
  [
    "a strategic patch with a directive that is none",
    strategic({ spec: { containers: [{ $patch: "nope", name: "c" }] } }, `${pods}/there`),
    badRequest("unknown patch type: nope in map: map[$patch:nope name:c]"),
  ],
  [
    "a strategic patch in another order than it says",
    strategic(
      { spec: { "$setElementOrder/containers": [{ name: "zz" }], containers: [{ name: "c", image: "x" }] } },
      `${pods}/there`,
    ),
    badRequest(/^The order in patch list:/),
  ],
  [
    "an applied object that is no YAML",
    apply("a: b: c"),
    badRequest(/^error decoding YAML: error converting YAML to JSON: yaml: line 1: /),
  ],
  [
    "an applied object without a manager",
    apply(applied({}), ""),
    options("PatchOptions", required("fieldManager", "is required for apply patch")),
  ],
  [
    "an applied object of another kind",
    apply({ ...applied({}), kind: "Secret" }),
    badRequest("invalid object type: /v1, Kind=Secret"),
  ],
  ["an applied object of no kind", apply({ data: {} }), badRequest("invalid object type: /, Kind=")],
  [
    "an applied object of another name",
    apply(applied({}, { name: "other" })),
    badRequest("the name of the object (other) does not match the name on the URL (there)"),
  ],
  [
    "an applied object with managed fields",
    apply(applied({}, { managedFields: [{ manager: "x" }] })),
    badRequest("metadata.managedFields must be nil"),
  ],
  [
    "an applied value that is another manager's",
    apply(applied({ data: { a: "2" } })),
    {
      ...refused(409, "Conflict", 'Apply failed with 1 conflict: conflict with "unknown" using v1: .data.a'),
      causes: [["FieldManagerConflict", ".data.a", 'conflict with "unknown" using v1']],
    },
  ],
  [
    "an applied field that is none",
    apply(applied({ foo: 1 }), "?fieldManager=m&fieldValidation=Strict"),
    badRequest(/\.foo: field not declared in schema$/),
  ],
  [
    "an applied list with a key twice",
    patch(
      "apply-patch+yaml",
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "there" },
        spec: { containers: [{ name: "c" }, { name: "c" }] },
      },
      `${pods}/there?fieldManager=m`,
    ),
    badRequest(/\.spec\.containers: duplicate entries for key \[name="c"\]$/),
  ],
  ["an applied object of an old version", apply(applied({}, { resourceVersion: "1" })), MODIFIED],
  [
    "an applied uid of what is not there",
    patch(
      "apply-patch+yaml",
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "nope", uid: "abc" } },
      `${configMaps}/nope?fieldManager=m`,
    ),
    refused(
      409,
      "Conflict",
      'Operation cannot be fulfilled on configmaps "nope": uid mismatch: the provided object specified uid abc, and no existing object was found',
    ),
  ],
];

const POD_FIELDS =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const STATEFUL_FIELDS =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const FIXED = "field is immutable when `immutable` is set";

const changes: readonly Row[] = [
  ["an old resourceVersion", put(configMap({ name: "there", resourceVersion: "1" })), MODIFIED],
  ["a resourceVersion that is none", put(configMap({ name: "there", resourceVersion: "abc" })), MODIFIED],
  [
    "another uid",
    put(configMap({ name: "there", uid: "abc" })),
    refused(
      409,
      "Conflict",
      /^Operation cannot be fulfilled on configmaps "there": Precondition failed: UID in precondition: abc, UID in object meta: [-0-9a-f]{36}$/,
    ),
  ],
  [
    "another name",
    put(configMap({ name: "other" })),
    badRequest("the name of the object (other) does not match the name on the URL (there)"),
  ],
  [
    "no name",
    put({ metadata: {} }),
    badRequest("the name of the object (there based on URL) was undeterminable: name must be provided"),
  ],
  [
    "what is there already",
    post(configMaps, configMap({ name: "there" })),
    refused(409, "AlreadyExists", 'configmaps "there" already exists'),
  ],
  [
    "what is there already, on trial",
    post(`${configMaps}?dryRun=All`, configMap({ name: "there" })),
    refused(409, "AlreadyExists", 'configmaps "there" already exists'),
  ],
  [
    "a Deployment that is there already",
    post(deployments, { ...deployment(), metadata: { name: "there" } }),
    refused(409, "AlreadyExists", 'deployments.apps "there" already exists'),
  ],
  [
    "data that are immutable",
    merge({ data: { a: "2" } }, `${configMaps}/fixed`),
    invalidObject('ConfigMap "fixed"', forbidden("data", FIXED)),
  ],
  [
    "an end of immutability",
    merge({ immutable: false }, `${configMaps}/fixed`),
    invalidObject('ConfigMap "fixed"', forbidden("immutable", FIXED)),
  ],
  [
    "the type of a Secret",
    merge({ type: "x/y" }, `${secrets}/there`),
    invalidObject('Secret "there"', invalid("type", '"x/y": field is immutable')),
  ],
  [
    "the node of a Pod",
    merge({ spec: { nodeName: "n" } }, `${pods}/there`),
    invalidObject('Pod "there"', forbidden("spec", POD_FIELDS)),
  ],
  [
    "the address of a Service",
    merge({ spec: { clusterIP: "10.96.0.99", clusterIPs: ["10.96.0.99"] } }, `${services}/there`),
    invalidObject('Service "there"', invalid("spec.clusterIPs[0]", '["10.96.0.99"]: may not change once set')),
  ],
  [
    "the selector of a Deployment",
    merge(
      { spec: { selector: { matchLabels: { a: "c" } }, template: { metadata: { labels: { a: "c" } } } } },
      `${deployments}/there`,
    ),
    invalidObject('Deployment.apps "there"', invalid("spec.selector", '{"matchLabels":{"a":"c"}}: field is immutable')),
  ],
  [
    "the service of a StatefulSet",
    merge({ spec: { serviceName: "y" } }, `${statefulSets}/there`),
    invalidObject('StatefulSet.apps "there"', forbidden("spec", STATEFUL_FIELDS)),
  ],
  [
    "the completions of a Job",
    merge({ spec: { completions: 5 } }, `${jobs}/there`),
    invalidObject('Job.batch "there"', invalid("spec.completions", "5: field is immutable")),
  ],
  [
    "the role of a binding",
    merge({ roleRef: { name: "edit" } }, `${roleBindings}/there`),
    invalidObject(
      'RoleBinding.rbac.authorization.k8s.io "there"',
      invalid(
        "roleRef",
        'rbac.RoleRef{APIGroup:"rbac.authorization.k8s.io", Kind:"ClusterRole", Name:"edit"}: cannot change roleRef',
      ),
    ),
  ],
  [
    "the prefix of a Node",
    merge({ spec: { podCIDR: "10.2.0.0/24", podCIDRs: ["10.2.0.0/24"] } }, `${nodes}/there`),
    invalidObject(
      'Node "there"',
      forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'),
    ),
  ],
  [
    "the family of an EndpointSlice",
    merge({ addressType: "IPv6" }, `${endpointSlices}/there`),
    invalidObject('EndpointSlice.discovery.k8s.io "there"', invalid("addressType", '"IPv6": field is immutable')),
  ],
  [
    "a deletion by hand",
    merge({ metadata: { deletionTimestamp: "2020-01-01T00:00:00Z" } }),
    invalidObject(
      'ConfigMap "there"',
      invalid("metadata.deletionTimestamp", '"2020-01-01T00:00:00Z": field is immutable'),
    ),
  ],
];

export const badChanges: readonly BadCase[] = [...titled("patch", patches), ...titled("change", changes)];
