/** Chains of recorder plugins: which verbs they are called with, in which order, and what they are told. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CNI_ERROR_CODES } from "../cni-error.ts";
import type { AttachmentRequest } from "./build-request.ts";
import { execPlugin } from "./exec-plugin.ts";
import { type NetworkList, parseNetworkList } from "./load-network.ts";
import { addNetwork, type CniRuntime, checkNetwork, delNetwork, gcNetwork, statusNetwork } from "./run-network.ts";

interface Call {
  readonly type: string;
  readonly verb: string;
  readonly env: string;
  readonly stdin: Readonly<Record<string, unknown>>;
}

interface Scene {
  readonly runtime: CniRuntime;
  readonly directory: string;
  readonly cacheFile: string;
  calls(): readonly Call[];
  /** From now on that plugin runs this when it gets the verb. */
  answer(type: string, verb: string, script: string): void;
}

const REQUEST: AttachmentRequest = {
  containerId: "c1",
  netns: "/run/netns/pod",
  ifname: "eth0",
  args: [
    ["IgnoreUnknown", "1"],
    ["K8S_POD_NAME", "web"],
  ],
  capabilityArgs: { portMappings: [{ hostPort: 80 }], bandwidth: { ingressRate: 1 } },
};

/** A runtime with the plugins `first`, `second` and `third`, which log their calls and answer what they are told to. */
function scene(context: TestContext): Scene {
  const directory = mkdtempSync(join(tmpdir(), "podwire-runtime-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const bin = join(directory, "bin");
  mkdirSync(bin);
  for (const type of ["first", "second", "third"]) {
    const env = '"$CNI_CONTAINERID|$CNI_NETNS|$CNI_IFNAME|$CNI_ARGS|$CNI_PATH|$INHERITED"';
    const log = `printf '%s\\n' "${type}" "$CNI_COMMAND" ${env} "$(cat)" >>"${directory}/log"`;
    const answer = `answer="${directory}/${type}.$CNI_COMMAND"\n[ -e "$answer" ] && . "$answer"`;
    writeFileSync(join(bin, type), `#!/bin/sh\n${log}\n${answer}\nexit 0\n`);
    chmodSync(join(bin, type), 0o755);
  }
  return {
    directory,
    cacheFile: join(directory, "cache", "results", "net-c1-eth0"),
    runtime: {
      runProcess: execPlugin,
      path: ["/nowhere", bin],
      cacheDirectory: join(directory, "cache"),
      environment: { PATH: "/usr/bin:/bin", INHERITED: "yes", CNI_ARGS: "stale" },
    },
    calls() {
      const log = join(directory, "log");
      if (!existsSync(log)) return [];
      const lines = readFileSync(log, "utf8").split("\n").slice(0, -1);
      const at = (index: number) => lines[index] ?? "";
      return lines.flatMap((type, index) =>
        index % 4 === 0 ? [{ type, verb: at(index + 1), env: at(index + 2), stdin: JSON.parse(at(index + 3)) }] : [],
      );
    },
    answer(type, verb, script) {
      writeFileSync(join(directory, `${type}.${verb}`), script);
    },
  };
}

function network(cniVersion: string, overrides: object = {}): NetworkList {
  const plugins = [
    { type: "first", capabilities: { portMappings: true }, mtu: 1400 },
    { type: "second", runtimeConfig: { kept: true } },
    { type: "third", capabilities: { bandwidth: false }, name: "own" },
  ];
  return parseNetworkList(JSON.stringify({ cniVersion, name: "net", plugins, ...overrides }));
}

function resultOf(cniVersion: string, address: string): object {
  const ip = cniVersion.startsWith("1.") ? { address } : { version: "4", address };
  return { cniVersion, ips: [ip], ...(cniVersion.startsWith("1.") ? {} : { dns: {} }) };
}

/** Every plugin answers ADD with a result of its own. */
function answerAdds({ answer }: Scene, cniVersion: string): void {
  for (const [index, type] of ["first", "second", "third"].entries()) {
    answer(type, "ADD", `echo '${JSON.stringify(resultOf(cniVersion, `10.0.0.${index + 1}/8`))}'`);
  }
}

test("addNetwork chains the plugins and caches the last result", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.0.0");
  const added = await addNetwork(one.runtime, network("1.0.0"), REQUEST);
  assert.deepEqual(added, {
    version: "1.0.0",
    json: resultOf("1.0.0", "10.0.0.3/8"),
    result: { ips: [{ address: "10.0.0.3/8" }] },
  });
  const env = `c1|/run/netns/pod|eth0|IgnoreUnknown=1;K8S_POD_NAME=web|${one.runtime.path.join(":")}|yes`;
  const common = { name: "net", cniVersion: "1.0.0" };
  assert.deepEqual(one.calls(), [
    {
      type: "first",
      verb: "ADD",
      env,
      stdin: {
        ...common,
        type: "first",
        mtu: 1400,
        capabilities: { portMappings: true },
        runtimeConfig: { portMappings: [{ hostPort: 80 }] },
      },
    },
    {
      type: "second",
      verb: "ADD",
      env,
      stdin: { ...common, type: "second", runtimeConfig: { kept: true }, prevResult: resultOf("1.0.0", "10.0.0.1/8") },
    },
    {
      type: "third",
      verb: "ADD",
      env,
      stdin: {
        ...common,
        type: "third",
        capabilities: { bandwidth: false },
        prevResult: resultOf("1.0.0", "10.0.0.2/8"),
      },
    },
  ]);
  assert.deepEqual(JSON.parse(readFileSync(one.cacheFile, "utf8")).result, resultOf("1.0.0", "10.0.0.3/8"));
});

test("addNetwork passes a result on in the version in which it was given", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.0.0");
  one.answer("first", "ADD", `echo '${JSON.stringify(resultOf("0.4.0", "10.0.0.1/8"))}'`);
  await addNetwork(one.runtime, network("1.0.0"), REQUEST);
  assert.deepEqual(one.calls()[1]?.stdin["prevResult"], resultOf("0.4.0", "10.0.0.1/8"));
});

for (const [what, printed] of [
  ["without a version", "{}"],
  ["of null", "null"],
] as const) {
  test(`addNetwork gives a result ${what} the version of the list`, async (context) => {
    const one = scene(context);
    answerAdds(one, "0.4.0");
    one.answer("first", "ADD", `echo '${printed}'`);
    await addNetwork(one.runtime, network("0.4.0"), REQUEST);
    assert.deepEqual(one.calls()[1]?.stdin["prevResult"], { cniVersion: "0.4.0", dns: {} });
  });
}

test("addNetwork stops at the first error, undoes nothing and caches nothing", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.0.0");
  one.answer("second", "ADD", `echo '{"code":7,"msg":"bad","details":"mtu=1"}'; exit 1`);
  await assert.rejects(addNetwork(one.runtime, network("1.0.0"), REQUEST), {
    message: 'plugin type="second" failed (add): bad',
    code: 7,
    details: "mtu=1",
  });
  assert.deepEqual(
    one.calls().map(({ type, verb }) => [type, verb]),
    [
      ["first", "ADD"],
      ["second", "ADD"],
    ],
  );
  assert.equal(existsSync(one.cacheFile), false);
});

test("addNetwork names a plugin by its own name too", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.0.0");
  one.answer("third", "ADD", "echo oops >&2; exit 1");
  await assert.rejects(addNetwork(one.runtime, network("1.0.0"), REQUEST), {
    message: 'plugin type="third" name="own" failed (add): netplugin failed: "oops\\n"',
  });
});

for (const [what, change, message] of [
  ["container ID", { containerId: "a b" }, "invalid characters in containerID"],
  ["missing container ID", { containerId: "" }, "missing containerID"],
  ["interface name", { ifname: "a/b" }, "interface name contains / or : or whitespace characters"],
] as const) {
  test(`addNetwork refuses a bad ${what} before it calls anything`, async (context) => {
    const one = scene(context);
    await assert.rejects(addNetwork(one.runtime, network("1.0.0"), { ...REQUEST, ...change }), { message });
    assert.deepEqual(one.calls(), []);
  });
}

test("addNetwork says when a plugin is not there", async (context) => {
  const one = scene(context);
  const missing = network("1.0.0", { plugins: [{ type: "missing" }] });
  const path = one.runtime.path.join(" ");
  await assert.rejects(addNetwork(one.runtime, missing, REQUEST), {
    message: `plugin type="missing" failed (add): failed to find plugin "missing" in path [${path}]`,
  });
});

test("delNetwork goes in reverse, tells all plugins the final result, and forgets it", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.0.0");
  await addNetwork(one.runtime, network("1.0.0"), REQUEST);
  await delNetwork(one.runtime, network("1.0.0"), REQUEST);
  assert.deepEqual(
    one
      .calls()
      .slice(3)
      .map(({ type, verb, stdin }) => [type, verb, stdin["prevResult"]]),
    ["third", "second", "first"].map((type) => [type, "DEL", resultOf("1.0.0", "10.0.0.3/8")]),
  );
  assert.equal(existsSync(one.cacheFile), false);
});

test("delNetwork stops at the first error and keeps the cached result", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.0.0");
  await addNetwork(one.runtime, network("1.0.0"), REQUEST);
  one.answer("second", "DEL", `echo '{"code":11,"msg":"later"}'; exit 1`);
  await assert.rejects(delNetwork(one.runtime, network("1.0.0"), REQUEST), {
    message: 'plugin type="second" failed (delete): later',
    code: 11,
  });
  assert.equal(one.calls().at(-1)?.type, "second");
  assert.equal(existsSync(one.cacheFile), true);
});

for (const [what, spoil] of [
  ["is missing", (file: string) => rmSync(file)],
  ["is truncated", (file: string) => writeFileSync(file, '{"kind":"cniCa')],
] as const) {
  test(`delNetwork does without the cached result when it ${what}`, async (context) => {
    const one = scene(context);
    answerAdds(one, "1.0.0");
    await addNetwork(one.runtime, network("1.0.0"), REQUEST);
    spoil(one.cacheFile);
    await delNetwork(one.runtime, network("1.0.0"), REQUEST);
    const dels = one.calls().slice(3);
    assert.equal(dels.length, 3);
    assert.ok(dels.every(({ stdin }) => !("prevResult" in stdin)));
    assert.equal(existsSync(one.cacheFile), false);
  });
}

test("delNetwork converts the cached result when the list has another version now", async (context) => {
  const one = scene(context);
  answerAdds(one, "0.4.0");
  await addNetwork(one.runtime, network("0.4.0"), REQUEST);
  await delNetwork(one.runtime, network("1.1.0"), REQUEST);
  assert.deepEqual(one.calls().at(-1)?.stdin["prevResult"], resultOf("1.1.0", "10.0.0.3/8"));
});

test("delNetwork sends no previous result before 0.4.0", async (context) => {
  const one = scene(context);
  answerAdds(one, "0.3.1");
  await addNetwork(one.runtime, network("0.3.1"), REQUEST);
  await delNetwork(one.runtime, network("0.3.1"), REQUEST);
  assert.ok(
    one
      .calls()
      .slice(3)
      .every(({ stdin }) => !("prevResult" in stdin)),
  );
  assert.equal(existsSync(one.cacheFile), false);
});

test("checkNetwork goes forward with the final result", async (context) => {
  const one = scene(context);
  answerAdds(one, "0.4.0");
  await addNetwork(one.runtime, network("0.4.0"), REQUEST);
  await checkNetwork(one.runtime, network("0.4.0"), REQUEST);
  assert.deepEqual(
    one
      .calls()
      .slice(3)
      .map(({ type, verb, stdin }) => [type, verb, stdin["prevResult"]]),
    ["first", "second", "third"].map((type) => [type, "CHECK", resultOf("0.4.0", "10.0.0.3/8")]),
  );
});

test("checkNetwork rejects with the plugin's own error", async (context) => {
  const one = scene(context);
  one.answer("first", "CHECK", `echo '{"code":103,"msg":"gone"}'; exit 1`);
  await assert.rejects(checkNetwork(one.runtime, network("1.0.0"), REQUEST), { code: 103, message: "gone" });
  assert.equal(one.calls().length, 1);
});

test("checkNetwork calls nothing when it is disabled", async (context) => {
  const one = scene(context);
  await checkNetwork(one.runtime, network("1.0.0", { disableCheck: "True" }), REQUEST);
  assert.deepEqual(one.calls(), []);
});

test("checkNetwork refuses versions before 0.4.0, even when it is disabled", async (context) => {
  const one = scene(context);
  await assert.rejects(checkNetwork(one.runtime, network("0.3.1", { disableCheck: true }), REQUEST), {
    code: CNI_ERROR_CODES.incompatibleVersion,
    message: 'configuration version "0.3.1" does not support the CHECK command',
  });
});

test("gcNetwork deletes what is not valid, then tells the plugins in order", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.1.0");
  for (const containerId of ["c1", "c2"]) {
    await addNetwork(one.runtime, network("1.1.0"), { ...REQUEST, containerId });
  }
  await gcNetwork(one.runtime, network("1.1.0"), [{ containerId: "c2", ifname: "eth0" }]);
  const calls = one.calls().slice(6);
  assert.deepEqual(
    calls.map(({ type, verb }) => `${verb} ${type}`),
    ["DEL third", "DEL second", "DEL first", "GC first", "GC second", "GC third"],
  );
  assert.ok(calls[0]?.env.startsWith("c1|/run/netns/pod|eth0|IgnoreUnknown=1;K8S_POD_NAME=web|"));
  assert.deepEqual(calls[2]?.stdin["runtimeConfig"], { portMappings: [{ hostPort: 80 }] });
  const valid = [{ containerID: "c2", ifname: "eth0" }];
  assert.deepEqual(
    [calls[3]?.env, calls[3]?.stdin["cni.dev/valid-attachments"], calls[3]?.stdin["cni.dev/attachments"]],
    [`||||${one.runtime.path.join(":")}|yes`, valid, valid],
  );
  assert.equal(existsSync(one.cacheFile), false);
});

test("gcNetwork without a list deletes all, and tells the plugins nothing", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.1.0");
  await addNetwork(one.runtime, network("1.1.0"), REQUEST);
  await gcNetwork(one.runtime, network("1.1.0"), undefined);
  const calls = one.calls().slice(3);
  assert.equal(calls.length, 6);
  assert.equal(
    Object.keys(calls[3]?.stdin ?? {}).some((key) => key.startsWith("cni.dev/")),
    false,
  );
});

test("gcNetwork goes on after errors and reports all", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.1.0");
  await addNetwork(one.runtime, network("1.1.0"), REQUEST);
  one.answer("third", "DEL", "exit 1");
  one.answer("second", "GC", `echo '{"code":11,"msg":"later"}'; exit 1`);
  await assert.rejects(gcNetwork(one.runtime, network("1.1.0"), []), {
    name: "AggregateError",
    message: [
      'failed to delete stale attachment c1 eth0: plugin type="third" name="own" failed (delete): ' +
        "netplugin failed with no error message: exit status 1",
      "failed to GC plugin second: later",
    ].join("\n"),
  });
  assert.equal(one.calls().at(-1)?.type, "third");
});

test("gcNetwork before 1.1.0 deletes only, and does nothing when it is disabled", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.0.0");
  await addNetwork(one.runtime, network("1.0.0"), REQUEST);
  await gcNetwork(one.runtime, network("1.0.0", { disableGC: true }), []);
  assert.equal(one.calls().length, 3);
  await gcNetwork(one.runtime, network("1.0.0"), []);
  assert.ok(one.calls().every(({ verb }) => verb !== "GC"));
  assert.equal(one.calls().length, 6);
});

test("gcNetwork leaves the attachments of other networks alone", async (context) => {
  const one = scene(context);
  answerAdds(one, "1.1.0");
  await addNetwork(one.runtime, network("1.1.0"), REQUEST);
  await gcNetwork(one.runtime, network("1.1.0", { name: "other" }), []);
  assert.equal(existsSync(one.cacheFile), true);
});

test("statusNetwork asks in order and stops at the first error, whose code survives", async (context) => {
  const one = scene(context);
  one.answer("second", "STATUS", `echo '{"code":50,"msg":"range is exhausted"}'; exit 1`);
  await assert.rejects(statusNetwork(one.runtime, network("1.1.0"), AbortSignal.timeout(60_000)), {
    code: CNI_ERROR_CODES.notAvailable,
    message: "range is exhausted",
  });
  assert.deepEqual(
    one.calls().map(({ type, verb }) => `${verb} ${type}`),
    ["STATUS first", "STATUS second"],
  );
});

test("statusNetwork before 1.1.0 asks nobody", async (context) => {
  const one = scene(context);
  await statusNetwork(one.runtime, network("1.0.0"));
  assert.deepEqual(one.calls(), []);
});

test("a runtime can run plugins in process, and hears their stderr", async () => {
  const heard: string[] = [];
  const runtime: CniRuntime = {
    runProcess: async ({ type, environment }) => ({
      stdout: "",
      stderr: `${environment["CNI_COMMAND"]} ${type}\n`,
      exitCode: 0,
    }),
    path: [],
    cacheDirectory: "/nowhere",
    environment: {},
    onStderr: (text) => heard.push(text),
  };
  await statusNetwork(runtime, network("1.1.0"));
  assert.deepEqual(heard, ["STATUS first\n", "STATUS second\n", "STATUS third\n"]);
});
