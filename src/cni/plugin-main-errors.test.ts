/** Every refusal of the front end: code, message and details, as runtimes match on them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SPEC_VERSIONS } from "./spec-version.ts";
import { CONFIG, type Row, recorder, run } from "./testing/front-end.ts";

const MISMATCH_DETAILS = 'config is "0.3", plugin supports ["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]';

const ERRORS: readonly (Row & { what: string; code: number; msg: string | RegExp; details?: string })[] = [
  {
    what: "missing variables of ADD, in order",
    env: { CNI_CONTAINERID: "", CNI_NETNS: undefined, CNI_IFNAME: "", CNI_PATH: "" },
    code: 4,
    msg: "required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing",
  },
  {
    what: "missing variables of CHECK",
    env: { CNI_COMMAND: "CHECK", CNI_NETNS: "", CNI_PATH: "" },
    code: 4,
    msg: "required env variables [CNI_NETNS,CNI_PATH] missing",
  },
  {
    what: "missing variables of DEL, which does not need CNI_NETNS",
    env: { CNI_COMMAND: "DEL", CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "" },
    code: 4,
    msg: "required env variables [CNI_CONTAINERID,CNI_IFNAME] missing",
  },
  {
    what: "missing CNI_PATH of GC",
    env: { CNI_COMMAND: "GC", CNI_PATH: "", CNI_CONTAINERID: "" },
    code: 4,
    msg: "required env variables [CNI_PATH] missing",
  },
  {
    what: "missing CNI_PATH of STATUS",
    env: { CNI_COMMAND: "STATUS", CNI_PATH: "", CNI_IFNAME: "" },
    code: 4,
    msg: "required env variables [CNI_PATH] missing",
  },
  {
    what: "a malformed value before a missing one",
    env: { CNI_CONTAINERID: "a b", CNI_NETNS: "", CNI_IFNAME: "far-too-long-name" },
    code: 4,
    msg: "invalid characters in containerID",
    details: "a b",
  },
  {
    what: "a container ID with a slash",
    env: { CNI_CONTAINERID: "../x" },
    code: 4,
    msg: "invalid characters in containerID",
    details: "../x",
  },
  {
    what: "a container ID with a line end",
    env: { CNI_CONTAINERID: "x\n" },
    code: 4,
    msg: "invalid characters in containerID",
    details: "x\n",
  },
  {
    what: "a long interface name",
    env: { CNI_IFNAME: "0123456789abcdef" },
    code: 4,
    msg: "interface name is too long",
    details: "interface name should be less than 16 characters",
  },
  {
    what: "an interface name that is long in bytes",
    env: { CNI_IFNAME: "ääääääää" },
    code: 4,
    msg: "interface name is too long",
    details: "interface name should be less than 16 characters",
  },
  { what: "interface name .", env: { CNI_IFNAME: "." }, code: 4, msg: "interface name is . or .." },
  { what: "interface name ..", env: { CNI_IFNAME: ".." }, code: 4, msg: "interface name is . or .." },
  ...["a/b", "a:b", "a b", "a\tb", "a\u00a0b"].map((name) => ({
    what: `interface name ${JSON.stringify(name)}`,
    env: { CNI_IFNAME: name },
    code: 4,
    msg: "interface name contains / or : or whitespace characters",
  })),
  { what: "an unknown verb", env: { CNI_COMMAND: "add" }, code: 4, msg: "unknown CNI_COMMAND: add" },
  {
    what: "an unknown verb, after the configuration",
    env: { CNI_COMMAND: "add", CNI_CONTAINERID: "a b" },
    stdin: "",
    code: 6,
    msg: "error unmarshall network config: unexpected end of JSON input",
  },
  { what: "no stdin", stdin: "", code: 6, msg: "error unmarshall network config: unexpected end of JSON input" },
  { what: "stdin that is not JSON", stdin: "junk", code: 6, msg: /^error unmarshall network config: / },
  {
    what: "a list on stdin",
    stdin: "[]",
    code: 6,
    msg: /^error unmarshall network config: /,
    details: "network config=[]",
  },
  { what: "null on stdin", stdin: "null", code: 7, msg: "missing network name" },
  { what: "no name", stdin: { cniVersion: "1.1.0" }, code: 7, msg: "missing network name" },
  { what: "an empty name", stdin: { ...CONFIG, name: "" }, code: 7, msg: "missing network name" },
  { what: "a name that is null", stdin: { ...CONFIG, name: null }, code: 7, msg: "missing network name" },
  {
    what: "a name that is a number",
    stdin: { ...CONFIG, name: 5 },
    code: 6,
    msg: /^error unmarshall network config: /,
    details: "name=5",
  },
  {
    what: "a bad name",
    stdin: { ...CONFIG, name: "a b" },
    code: 7,
    msg: "invalid characters found in network name",
    details: "a b",
  },
  {
    what: "a bad name before a bad version",
    stdin: { cniVersion: "9", name: "-" },
    code: 7,
    msg: "invalid characters found in network name",
    details: "-",
  },
  {
    what: "a version that is a number",
    stdin: { ...CONFIG, cniVersion: 1 },
    code: 6,
    msg: /^decoding version from network config: /,
    details: "cniVersion=1",
  },
  {
    what: "a version that is nearly one",
    stdin: { ...CONFIG, cniVersion: "0.3" },
    code: 1,
    msg: "incompatible CNI versions",
    details: MISMATCH_DETAILS,
  },
  {
    what: "a missing version where 0.1.0 is not supported",
    stdin: { name: "n" },
    plugin: { versions: ["0.4.0", "1.0.0"] },
    code: 1,
    msg: "incompatible CNI versions",
    details: 'config is "0.1.0", plugin supports ["0.4.0" "1.0.0"]',
  },
  {
    what: "DEL with an unsupported version",
    env: { CNI_COMMAND: "DEL" },
    stdin: { ...CONFIG, cniVersion: "0.3" },
    code: 1,
    msg: "incompatible CNI versions",
    details: MISMATCH_DETAILS,
  },
  ...(["0.1.0", "0.2.0", "0.3.0", "0.3.1"] as const).map((cniVersion) => ({
    what: `CHECK with ${cniVersion}`,
    env: { CNI_COMMAND: "CHECK" },
    stdin: { ...CONFIG, cniVersion },
    code: 1,
    msg: "config version does not allow CHECK",
  })),
  ...(["GC", "STATUS"] as const).flatMap((verb) =>
    SPEC_VERSIONS.filter((version) => version !== "1.1.0").map((cniVersion) => ({
      what: `${verb} with ${cniVersion}`,
      env: { CNI_COMMAND: verb },
      stdin: { ...CONFIG, cniVersion },
      code: 1,
      msg: `config version does not allow ${verb}`,
    })),
  ),
  ...(["CHECK", "GC", "STATUS"] as const).map((verb) => ({
    what: `${verb} with a version above all`,
    env: { CNI_COMMAND: verb },
    stdin: { ...CONFIG, cniVersion: "1.2.0" },
    code: 1,
    msg: `plugin version does not allow ${verb}`,
  })),
  {
    what: "CHECK with a version between two",
    env: { CNI_COMMAND: "CHECK" },
    stdin: { ...CONFIG, cniVersion: "0.4.1" },
    code: 1,
    msg: "incompatible CNI versions",
    details: MISMATCH_DETAILS.replace("0.3", "0.4.1"),
  },
  {
    what: "CHECK with a version that is none",
    env: { CNI_COMMAND: "CHECK" },
    stdin: { ...CONFIG, cniVersion: "x.1" },
    code: 6,
    msg: 'failed to convert major version part "x": it is not a number',
  },
  {
    what: "STATUS with a version of four parts",
    env: { CNI_COMMAND: "STATUS" },
    stdin: { ...CONFIG, cniVersion: "1.1.0.0" },
    code: 6,
    msg: 'invalid version "1.1.0.0": too many parts',
  },
  {
    what: "a previous result of another version",
    stdin: { ...CONFIG, prevResult: { cniVersion: "0.4.0" } },
    code: 6,
    msg: 'could not parse prevResult: result type supports [1.0.0 1.1.0] but unmarshalled CNIVersion is "0.4.0"',
  },
  {
    what: "the plugin's own network namespace",
    sameNetns: true,
    code: 8,
    msg: "plugin's netns and netns from CNI_NETNS should not be the same",
  },
  {
    what: "the plugin's own network namespace, in DEL",
    env: { CNI_COMMAND: "DEL" },
    sameNetns: true,
    code: 8,
    msg: "plugin's netns and netns from CNI_NETNS should not be the same",
  },
  {
    what: "a version before the namespace",
    stdin: { ...CONFIG, cniVersion: "0.3" },
    sameNetns: true,
    code: 1,
    msg: "incompatible CNI versions",
    details: MISMATCH_DETAILS,
  },
];

for (const { what, code, msg, details, ...row } of ERRORS) {
  test(`runPlugin refuses ${what}`, async () => {
    const recorded = recorder(row.plugin);
    const { stdout, stderr, exitCode } = await run(row, recorded);
    assert.deepEqual({ stderr, exitCode, calls: recorded.calls }, { stderr: "", exitCode: 1, calls: [] });
    const printed: Record<string, unknown> = JSON.parse(stdout);
    if (typeof msg === "string") assert.equal(printed["msg"], msg);
    else assert.match(`${printed["msg"]}`, msg);
    assert.deepEqual(printed, { code, msg: printed["msg"], ...(details !== undefined && { details }) });
    assert.equal(stdout, JSON.stringify(printed, undefined, 4));
  });
}
