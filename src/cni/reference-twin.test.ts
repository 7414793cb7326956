/** Our front end beside a reference plugin (Debian's, spec 1.0.0): same input, same bytes. No verb is carried out. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { isJsonObject } from "#base/json.ts";
import { parseJson } from "./go-json.ts";
import type { Plugin } from "./plugin.ts";
import { type PluginOutput, runPlugin } from "./plugin-main.ts";
import { formatResult, parseResult } from "./result-versions.ts";
import { SPEC_VERSIONS } from "./spec-version.ts";

const REFERENCE = "/usr/lib/cni/static";
const skip = existsSync(REFERENCE) ? false : `${REFERENCE} is not installed`;
const VERSIONS = SPEC_VERSIONS.filter((version) => version !== "1.1.0");

const ENVIRONMENT = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/none",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/none",
};

function runReference(environment: Readonly<Record<string, string>>, stdin: string): PluginOutput {
  const { stdout, stderr, status } = spawnSync(REFERENCE, { env: environment, input: stdin, encoding: "utf8" });
  return { stdout, stderr, exitCode: status ?? -1 };
}

function runOurs(environment: Readonly<Record<string, string>>, stdin: string): Promise<PluginOutput> {
  const refuse = () => Promise.reject(new Error("the verb was carried out"));
  const plugin: Plugin<undefined> = { type: "static", versions: VERSIONS, add: refuse, del: refuse, check: refuse };
  const about = "CNI static plugin version unknown";
  return runPlugin(plugin, { environment, stdin, about, sameNetns: () => false }, () => undefined);
}

const CONFIG = '{"cniVersion":"1.0.0","name":"n","type":"static"}';

const ROWS: readonly { what: string; env?: Record<string, string>; stdin?: string }[] = [
  { what: "no command", env: { CNI_COMMAND: "" } },
  { what: "no variables", env: { CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "", CNI_PATH: "" } },
  { what: "no variables of DEL", env: { CNI_COMMAND: "DEL", CNI_CONTAINERID: "", CNI_NETNS: "", CNI_PATH: "" } },
  { what: "no variables of CHECK", env: { CNI_COMMAND: "CHECK", CNI_NETNS: "", CNI_IFNAME: "" } },
  { what: "bad container ID", env: { CNI_CONTAINERID: "a&b" } },
  { what: "long interface name", env: { CNI_IFNAME: "0123456789abcdef" } },
  { what: "interface name ..", env: { CNI_IFNAME: ".." } },
  { what: "interface name with a colon", env: { CNI_IFNAME: "a:b" } },
  { what: "unknown command", env: { CNI_COMMAND: "add" } },
  { what: "unknown command and bad name", env: { CNI_COMMAND: "add" }, stdin: '{"name":"<>"}' },
  { what: "empty stdin", stdin: "" },
  { what: "null", stdin: "null" },
  { what: "no name", stdin: "{}" },
  { what: "bad name", stdin: '{"name":"a b"}' },
  { what: "name in another case", stdin: '{"NAME":"a b"}' },
  { what: "the later of two names", stdin: '{"name":"ok","Name":"a b"}' },
  { what: "no supported version", stdin: '{"name":"n","cniVersion":"0.3"}' },
  { what: "newer version", stdin: '{"name":"n","cniVersion":"2.0.0"}' },
  { what: "version in another case", stdin: '{"name":"n","CNIVERSION":"<0>"}' },
  { what: "CHECK of an old version", env: { CNI_COMMAND: "CHECK" }, stdin: '{"name":"n"}' },
  { what: "CHECK of a new version", env: { CNI_COMMAND: "CHECK" }, stdin: '{"name":"n","cniVersion":"1.0.1"}' },
];

for (const { what, env, stdin = CONFIG } of ROWS) {
  test(`runPlugin and the reference say the same: ${what}`, { skip }, async () => {
    const environment = { ...ENVIRONMENT, ...env };
    assert.deepEqual(await runOurs(environment, stdin), runReference(environment, stdin));
  });
}

const IPAM = {
  type: "static",
  addresses: [
    { address: "10.1.0.5/16", gateway: "10.1.0.1" },
    { address: "FD00:0:0::5/64", gateway: "FD00::1" },
  ],
  routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }, { dst: "10.9.1.5/8" }, { dst: "0:0::/0" }],
  dns: { nameservers: ["10.1.0.1"], domain: "a<b", search: ["x"], options: ["ndots:5"] },
};

for (const cniVersion of VERSIONS) {
  test(`formatResult prints what the reference prints for ${cniVersion}`, { skip }, () => {
    const stdin = JSON.stringify({ cniVersion, name: "n", type: "static", ipam: IPAM });
    const { stdout } = runReference(ENVIRONMENT, stdin);
    const json = parseJson(stdout);
    assert.ok(isJsonObject(json));
    const ours = formatResult(parseResult(json, cniVersion), cniVersion);
    // Debian's version sorts keys in no version; later ones do from 1.0.0 on.
    if (cniVersion === "1.0.0") assert.deepEqual(parseJson(ours), json);
    else assert.equal(ours, stdout);
  });
}
