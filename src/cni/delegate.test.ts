import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { CNI_ERROR_CODES } from "./cni-error.ts";
import { createDelegate, type Delegate } from "./delegate.ts";
import { parseNetworkConfig } from "./parse-config.ts";
import type { Plugin, PluginRequest } from "./plugin.ts";

const JSON_CONFIG: JsonObject = { cniVersion: "1.1.0", name: "n", type: "bridge", ipam: { type: "ipam" } };

interface Scene {
  readonly directory: string;
  readonly request: PluginRequest;
  readonly delegate: Delegate;
  readonly ours: { readonly verb: string; readonly request: unknown; readonly host: string }[];
  readonly stderr: string[];
}

/** A CNI_PATH with an executable `ipam`; files that begin with `# ours` count as our launcher. */
function scene(context: TestContext, script: string, timeoutMs = 60_000): Scene {
  const directory = mkdtempSync(join(tmpdir(), "podwire-delegate-"));
  context.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "ipam"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, "ipam"), 0o755);
  const ours: Scene["ours"] = [];
  const record = (verb: string) => async (request: unknown, host: string) => {
    ours.push({ verb, request, host });
  };
  const plugin: Plugin<string> = {
    type: "ipam",
    versions: ["1.0.0", "1.1.0"],
    async add(request, host) {
      ours.push({ verb: "ADD", request, host });
      return { ips: [{ address: "10.0.0.9/8" }] };
    },
    del: record("DEL"),
    check: record("CHECK"),
    gc: record("GC"),
    status: record("STATUS"),
  };
  const stderr: string[] = [];
  const path = `/nowhere:${directory}`;
  return {
    directory,
    ours,
    stderr,
    request: {
      containerId: "c1",
      netns: "/run/netns/pod",
      ifname: "eth0",
      args: "A=1",
      path,
      environment: {
        CNI_COMMAND: "ADD",
        CNI_PATH: path,
        CNI_CONTAINERID: "c1",
        OTHER: "kept",
        LOG: join(directory, "log"),
      },
      config: parseNetworkConfig(JSON_CONFIG),
    },
    delegate: createDelegate({
      isOurs: (file) => readFileSync(file, "utf8").includes("# ours"),
      findOurs: (type) => (type === "ipam" ? plugin : undefined),
      host: () => "host",
      onStderr: (text) => stderr.push(text),
      timeoutMs,
    }),
  };
}

const RECORD = 'echo "$CNI_COMMAND $CNI_CONTAINERID $OTHER" >>"$LOG"; cat >>"$LOG"; echo noise >&2';

test("delegate.add executes a foreign plugin with the caller's environment and configuration", async (context) => {
  const { delegate, request, directory, ours, stderr } = scene(
    context,
    `${RECORD}; echo '{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.5/8"}]}'`,
  );
  assert.deepEqual(await delegate.add("ipam", request), { ips: [{ address: "10.0.0.5/8" }] });
  assert.equal(readFileSync(join(directory, "log"), "utf8"), `ADD c1 kept\n${JSON.stringify(JSON_CONFIG)}`);
  assert.deepEqual({ ours, stderr }, { ours: [], stderr: ["noise\n"] });
});

test("delegate.add takes a result without a version for one of the configuration's", async (context) => {
  const { delegate, request } = scene(context, `echo '{"ip4":{"ip":"10.0.0.5/8"}}'`);
  const json = { ...JSON_CONFIG, cniVersion: "0.2.0" };
  assert.deepEqual(await delegate.add("ipam", request, json), { ips: [{ address: "10.0.0.5/8" }] });
});

test("delegate changes only CNI_COMMAND, whatever the caller was called with", async (context) => {
  const { delegate, request, directory } = scene(context, RECORD);
  const json = { ...JSON_CONFIG, extra: 1 };
  const { config, args, path, environment } = request;
  await delegate.del("ipam", request, json);
  await delegate.check("ipam", request, json);
  await delegate.gc("ipam", { config, args, path, environment, validAttachments: [] }, json);
  await delegate.status("ipam", { config, args, path, environment }, json);
  const logged = ["DEL", "CHECK", "GC", "STATUS"].map((verb) => `${verb} c1 kept\n${JSON.stringify(json)}`);
  assert.equal(readFileSync(join(directory, "log"), "utf8"), logged.join(""));
});

const FAILURES = [
  {
    what: "the plugin's own error",
    script: `echo '{"code":11,"msg":"try later","details":"pool is locked"}'; exit 1`,
    error: { code: 11, message: "try later", details: "pool is locked" },
  },
  {
    what: "stderr when stdout is empty",
    script: "echo broken >&2; exit 3",
    error: { code: 999, message: 'netplugin failed: "broken\\n"' },
  },
  {
    what: "the exit status when nothing was said",
    script: "exit 2",
    error: { code: 999, message: "netplugin failed with no error message: exit status 2" },
  },
  {
    what: "the signal that ended it",
    script: "kill -9 $$",
    error: { code: 999, message: "netplugin failed with no error message: signal: SIGKILL" },
  },
  {
    what: "stdout that is not an error object",
    script: "echo oops; exit 1",
    error: { code: 999, message: /^netplugin failed but error parsing its diagnostic message "oops\\n": / },
  },
  {
    what: "a result that is not JSON",
    script: "echo oops",
    error: { code: CNI_ERROR_CODES.decodingFailure, message: /^failed to unmarshal raw result: / },
  },
  {
    what: "a result of a version that nobody knows",
    script: `echo '{"cniVersion":"9.0.0"}'`,
    error: { code: CNI_ERROR_CODES.incompatibleVersion, message: 'unsupported CNI result version "9.0.0"' },
  },
] as const;

for (const { what, script, error } of FAILURES) {
  test(`delegate.add rejects with ${what}`, async (context) => {
    const { delegate, request } = scene(context, script);
    await assert.rejects(delegate.add("ipam", request), { name: "CniError", ...error });
  });
}

test("delegate rejects when the plugin is not in CNI_PATH", async (context) => {
  const { delegate, request, directory } = scene(context, "");
  await assert.rejects(delegate.del("dhcp", request), {
    message: `failed to find plugin "dhcp" in path [/nowhere ${directory}]`,
  });
  await assert.rejects(delegate.del("../ipam", request), { message: "invalid plugin name: ../ipam" });
  await assert.rejects(delegate.del("", request), { message: "no plugin name provided" });
  await assert.rejects(delegate.del("ipam", { ...request, path: "" }), { message: "no paths provided" });
});

test("delegate kills a plugin that takes too long", async (context) => {
  const { delegate, request } = scene(context, "exec sleep 60", 100);
  await assert.rejects(delegate.del("ipam", request), {
    message: /^Cannot finish DEL of plugin "ipam": it was stopped: .*timeout/,
  });
});

test("delegate calls our own plugin in process, with the changed configuration", async (context) => {
  const { delegate, request, ours } = scene(context, "# ours\nexit 9");
  const json = { ...JSON_CONFIG, mtu: 1450 };
  assert.deepEqual(await delegate.add("ipam", request, json), { ips: [{ address: "10.0.0.9/8" }] });
  const expected: PluginRequest = { ...request, config: parseNetworkConfig(json) };
  assert.deepEqual(ours, [{ verb: "ADD", request: expected, host: "host" }]);
});

test("delegate passes valid attachments to our own plugin, and no container", async (context) => {
  const { delegate, request, ours } = scene(context, "# ours\nexit 9");
  const json = { ...JSON_CONFIG, "cni.dev/valid-attachments": [{ containerID: "c2", ifname: "eth0" }] };
  const { containerId: _id, netns: _netns, ifname: _ifname, ...network } = request;
  const validAttachments = [{ containerId: "c2", ifname: "eth0" }];
  await delegate.gc("ipam", { ...network, validAttachments }, json);
  assert.deepEqual(ours, [
    { verb: "GC", request: { ...network, config: parseNetworkConfig(json), validAttachments }, host: "host" },
  ]);
});

test("delegate checks the version before it calls our own plugin", async (context) => {
  const { delegate, request, ours } = scene(context, "# ours\nexit 9");
  await assert.rejects(delegate.add("ipam", request, { ...JSON_CONFIG, cniVersion: "0.4.0" }), {
    code: CNI_ERROR_CODES.incompatibleVersion,
    details: 'config is "0.4.0", plugin supports ["1.0.0" "1.1.0"]',
  });
  assert.deepEqual(ours, []);
});

test("delegate executes our launcher for a plugin that is not known here", async (context) => {
  const { delegate, request, directory } = scene(context, "");
  writeFileSync(join(directory, "other"), `#!/bin/sh\n# ours\necho '{"ips":[{"address":"10.0.0.7/8"}]}'\n`);
  chmodSync(join(directory, "other"), 0o755);
  assert.deepEqual(await delegate.add("other", request), { ips: [{ address: "10.0.0.7/8" }] });
});

test("delegate refuses a plugin that is its own delegate, and works again afterwards", async (context) => {
  const { directory, request } = scene(context, "# ours\nexit 9");
  let calls = 0;
  const call = async (one: PluginRequest): Promise<void> => {
    calls += 1;
    if (calls > 100) throw new Error("it goes on for ever");
    await delegate.del("ipam", one);
  };
  const plugin: Plugin<string> = {
    type: "ipam",
    versions: ["1.1.0"],
    add: async () => ({}),
    del: call,
    check: async () => undefined,
  };
  const delegate = createDelegate({ isOurs: () => true, findOurs: () => plugin, host: () => "host" });
  for (let round = 0; round < 2; round++) {
    calls = 0;
    await assert.rejects(delegate.del("ipam", { ...request, path: directory }), {
      code: CNI_ERROR_CODES.invalidConfig,
      message: /^Cannot call plugin "ipam": 8 plugins are waiting/,
    });
    assert.equal(calls, 8);
  }
});
