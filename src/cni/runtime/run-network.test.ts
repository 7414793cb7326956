/** Chains of recorder plugins: which verbs they are called with, in which order, and what they are told. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { CNI_ERROR_CODES } from "../cni-error.ts";
import { addNetwork, checkNetwork, delNetwork } from "./run-network.ts";
import { answerAdds, network, REQUEST, resultOf, scene } from "./testing/network-scene.ts";

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
