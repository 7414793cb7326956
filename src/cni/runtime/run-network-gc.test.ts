/** GC and STATUS of a network. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { CNI_ERROR_CODES } from "../cni-error.ts";
import { addNetwork, type CniRuntime, gcNetwork, statusNetwork } from "./run-network.ts";
import { answerAdds, network, REQUEST, scene } from "./testing/network-scene.ts";

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
