/** Options of lists, watches, writes and deletions that are not valid. */
import {
  type BadCase,
  badRequest,
  configMap,
  forbidden,
  invalid,
  PATHS,
  post,
  unsupported,
  WORDS,
} from "./bad-input.ts";
import { list, options, type Row, refused, remove, titled } from "./bad-messages.ts";

const { configMaps } = PATHS;

const parse = (text: string, problem = "invalid syntax") =>
  badRequest(`strconv.ParseInt: parsing "${text}": ${problem}`);
const MATCH = "resourceVersionMatch";
const parameters: readonly Row[] = [
  ["a limit that is none", list("limit=abc"), parse("abc")],
  ["half a limit", list("limit=1.5"), parse("1.5")],
  ["a limit beyond 64 bits", list("limit=99999999999999999999"), parse("99999999999999999999", "value out of range")],
  ["a time that is none", list("timeoutSeconds=abc"), parse("abc")],
  ["a time of a watch that is none", list("watch=true&timeoutSeconds=abc"), parse("abc")],
  ["a continue that is none", list("continue=abc"), badRequest(/^invalid continue token: continue key is not valid: /)],
  ...["abc", "-1", "1.5"].map(
    (text): Row => [
      `the resourceVersion ${text}`,
      list(`resourceVersion=${text}`),
      badRequest(
        `invalid resource version: resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`,
      ),
    ],
  ),
  [
    "a resourceVersion of a watch that is none",
    list("watch=true&resourceVersion=abc"),
    badRequest(/^invalid resource version: /),
  ],
  [
    "a match without a version",
    list("resourceVersionMatch=Exact"),
    options("ListOptions", forbidden(MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided")),
  ],
  [
    "an exact match of any version",
    list("resourceVersion=0&resourceVersionMatch=Exact"),
    options("ListOptions", forbidden(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')),
  ],
  [
    "a match that is none",
    list("resourceVersion=1&resourceVersionMatch=Maybe"),
    options("ListOptions", unsupported(MATCH, "Maybe", "", "Exact", "NotOlderThan")),
  ],
  [
    "initial events of a list",
    list("sendInitialEvents=true"),
    options("ListOptions", forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")),
  ],
  [
    "initial events without a match",
    list("watch=true&sendInitialEvents=true"),
    options("ListOptions", forbidden(MATCH, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")),
  ],
  [
    "a label selector a===b",
    list("labelSelector=a%3D%3D%3Db"),
    badRequest("unable to parse requirement: found '=', expected: identifier"),
  ],
  [
    "a label selector that is cut off",
    list("labelSelector=a%20in%20(x"),
    badRequest("unable to parse requirement: found '', expected: ',' or ')'"),
  ],
  [
    "a label selector without a label",
    list("labelSelector=%21"),
    badRequest("unable to parse requirement: found '', expected: identifier"),
  ],
  [
    "a label selector with a wrong value",
    list("labelSelector=a=-b"),
    badRequest(`unable to parse requirement: values[0][a]: Invalid value: "-b": ${WORDS.LABEL_VALUE}`),
  ],
  [
    "a field selector of an unknown field",
    list("fieldSelector=spec.nope=1"),
    badRequest('"spec.nope" is not a known field selector: only "metadata.name", "metadata.namespace"'),
  ],
  [
    "a field selector without a value",
    list("fieldSelector=metadata.name"),
    badRequest("invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
  ],
  [
    "a field manager with a line break",
    post(`${configMaps}?fieldManager=a%0Ab`, configMap()),
    options("CreateOptions", invalid("fieldManager", '"a\\nb": should only contain printable characters')),
  ],
  [
    "a field manager of 140 bytes",
    post(`${configMaps}?fieldManager=${"%C3%BC".repeat(70)}`, configMap()),
    options("CreateOptions", ["FieldValueTooLong", "fieldManager", "Too long: may not be more than 128 bytes"]),
  ],
  [
    "a trial that is none",
    post(`${configMaps}?dryRun=Some`, configMap()),
    options("CreateOptions", unsupported("dryRun", "Some", "All")),
  ],
  [
    "a validation that is none",
    post(`${configMaps}?fieldValidation=Maybe`, configMap()),
    options("CreateOptions", unsupported("fieldValidation", "Maybe", "", "Ignore", "Strict", "Warn")),
  ],
];

const POLICIES = ["Background", "Foreground", "Orphan"] as const;
const deletions: readonly Row[] = [
  ["a grace that is none", remove("?gracePeriodSeconds=abc"), parse("abc")],
  [
    "a negative grace",
    remove("?gracePeriodSeconds=-1"),
    options("DeleteOptions", invalid("gracePeriodSeconds", "-1: must be greater than or equal to 0")),
  ],
  [
    "a policy that is none",
    remove("?propagationPolicy=Nope"),
    options("DeleteOptions", unsupported("propagationPolicy", "Nope", ...POLICIES)),
  ],
  [
    "a policy that is none, in the body",
    remove("", { propagationPolicy: "x" }),
    options("DeleteOptions", unsupported("propagationPolicy", "x", ...POLICIES)),
  ],
  [
    "two policies",
    remove("", { propagationPolicy: "Orphan", orphanDependents: true }),
    options(
      "DeleteOptions",
      invalid("propagationPolicy", '"Orphan": orphanDependents and deletionPropagation cannot be both set'),
    ),
  ],
  [
    "a trial of a deletion that is none",
    remove("", { dryRun: ["x"] }),
    options("DeleteOptions", unsupported("dryRun", "x", "All")),
  ],
  ["options that are cut off", remove("", "{"), badRequest(/json parse error/)],
  [
    "options that are a list",
    remove("", []),
    badRequest("json: cannot unmarshal array into Go value of type v1.DeleteOptions"),
  ],
  [
    "options of another type",
    remove("", { gracePeriodSeconds: "x" }),
    badRequest("json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64"),
  ],
  ["options of another kind", remove("", { kind: "Pod", apiVersion: "v1" }), badRequest(/DeleteOptions/)],
  [
    "a uid that it does not have",
    remove("", { preconditions: { uid: "abc" } }),
    refused(
      409,
      "Conflict",
      /^Operation cannot be fulfilled on ConfigMap "there": the UID in the precondition \(abc\) does not match the UID in record \([-0-9a-f]{36}\)\. The object might have been deleted and then recreated$/,
    ),
  ],
  [
    "a version that it does not have",
    remove("", { preconditions: { resourceVersion: "1" } }),
    refused(
      409,
      "Conflict",
      /^Operation cannot be fulfilled on ConfigMap "there": the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
    ),
  ],
  [
    "a collection by a selector that is none",
    { method: "DELETE", path: `${configMaps}?labelSelector=%21%21` },
    badRequest("unable to parse requirement: found '!', expected: identifier"),
  ],
  [
    "a collection by an unknown field",
    { method: "DELETE", path: `${configMaps}?fieldSelector=nope=1` },
    badRequest(/^"nope" is not a known field selector/),
  ],
  [
    "a collection with options that are cut off",
    { method: "DELETE", path: configMaps, body: "{" },
    badRequest(/json parse error/),
  ],
];

export const badParameters: readonly BadCase[] = [...titled("parameter", parameters), ...titled("deletion", deletions)];
