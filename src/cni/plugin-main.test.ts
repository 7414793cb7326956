/** The protocol of a plugin, row by row: what a runtime may match on is compared as text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CniError } from "./cni-error.ts";
import type { GcRequest, PluginRequest } from "./plugin.ts";
import { runPlugin } from "./plugin-main.ts";
import { SPEC_VERSIONS } from "./spec-version.ts";
import { CONFIG, ENVIRONMENT, recorder, run } from "./testing/front-end.ts";

for (const command of [undefined, ""]) {
  test(`runPlugin says what it is when CNI_COMMAND is ${JSON.stringify(command)}, without reading stdin`, async () => {
    const { plugin } = recorder();
    const stdin = () => Promise.reject(new Error("stdin was read"));
    const environment = { ...ENVIRONMENT, CNI_COMMAND: command };
    const about = "CNI bridge plugin v1";
    assert.deepEqual(await runPlugin(plugin, { environment, stdin, about, sameNetns: () => false }, () => "host"), {
      stdout: "",
      stderr: `${about}\nCNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n`,
      exitCode: 0,
    });
  });
}

test("runPlugin answers VERSION without reading stdin or needing any other variable", async () => {
  const { plugin } = recorder({ versions: ["0.4.0", "1.0.0"] });
  const stdin = () => Promise.reject(new Error("stdin was read"));
  const environment = { CNI_COMMAND: "VERSION", CNI_IFNAME: "a/b" };
  assert.deepEqual(await runPlugin(plugin, { environment, stdin, sameNetns: () => true }, () => "host"), {
    stdout: '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0"]}\n',
    stderr: "",
    exitCode: 0,
  });
});

test("runPlugin reports stdin that cannot be read", async () => {
  const { plugin } = recorder();
  const stdin = () => Promise.reject(new Error("broken pipe"));
  const { stdout } = await runPlugin(plugin, { environment: ENVIRONMENT, stdin, sameNetns: () => false }, () => "h");
  assert.deepEqual(JSON.parse(stdout), { code: 5, msg: "error reading from stdin: broken pipe" });
});

for (const cniVersion of SPEC_VERSIONS) {
  test(`runPlugin prints the result of ADD as ${cniVersion}`, async () => {
    const { stdout, exitCode } = await run({ stdin: { ...CONFIG, cniVersion } });
    assert.equal(exitCode, 0);
    assert.equal(JSON.parse(stdout).cniVersion, cniVersion);
    assert.equal(stdout, JSON.stringify(JSON.parse(stdout), undefined, 4));
  });

  test(`runPlugin parses a previous result of ${cniVersion}`, async () => {
    const first = await run({ stdin: { ...CONFIG, cniVersion } });
    const second = await run({ stdin: { ...CONFIG, cniVersion, prevResult: JSON.parse(first.stdout) } });
    assert.deepEqual(second, first);
  });
}

test("runPlugin takes a missing version for 0.1.0", async () => {
  const { stdout } = await run({ stdin: { name: "n" } });
  assert.deepEqual(JSON.parse(stdout), { cniVersion: "0.1.0", ip4: { ip: "10.1.0.5/16" }, dns: {} });
});

for (const verb of ["DEL", "CHECK", "GC", "STATUS"]) {
  test(`runPlugin prints nothing for ${verb}`, async () => {
    const recorded = recorder();
    assert.deepEqual(await run({ env: { CNI_COMMAND: verb } }, recorded), { stdout: "", stderr: "", exitCode: 0 });
    assert.deepEqual(
      recorded.calls.map((call) => call.verb),
      [verb],
    );
  });
}

test("runPlugin succeeds silently when a plugin has no GC or STATUS, and does not open the host", async () => {
  const { gc: _gc, status: _status, ...plugin } = recorder().plugin;
  for (const command of ["GC", "STATUS"]) {
    const environment = { ...ENVIRONMENT, CNI_COMMAND: command };
    const input = { environment, stdin: JSON.stringify(CONFIG), sameNetns: () => false };
    const outcome = await runPlugin(plugin, input, () => assert.fail("host was opened"));
    assert.deepEqual(outcome, { stdout: "", stderr: "", exitCode: 0 });
  }
});

test("runPlugin hands the whole request to the plugin", async () => {
  const recorded = recorder();
  await run({ stdin: { ...CONFIG, Bridge: "br0" } }, recorded);
  const request: PluginRequest = {
    containerId: "c1",
    netns: "/run/netns/pod",
    ifname: "eth0",
    args: "IgnoreUnknown=1",
    path: "/opt/cni/bin",
    environment: ENVIRONMENT,
    config: { ...CONFIG, json: { ...CONFIG, Bridge: "br0" } },
  };
  assert.deepEqual(recorded.calls, [{ verb: "ADD", request }]);
});

const VALID = [
  ["absent", {}, undefined],
  ["null", { "cni.dev/valid-attachments": null }, undefined],
  ["empty", { "cni.dev/valid-attachments": [] }, []],
  [
    "given",
    { "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }] },
    [{ containerId: "c1", ifname: "eth0" }],
  ],
  [
    "given by the older name",
    { "cni.dev/attachments": [{ containerID: "c2", ifname: "eth0" }] },
    [{ containerId: "c2", ifname: "eth0" }],
  ],
] as const;

for (const [what, keys, expected] of VALID) {
  test(`runPlugin passes valid attachments to GC when they are ${what}`, async () => {
    let seen: GcRequest | undefined;
    const gc = async (request: GcRequest) => {
      seen = request;
    };
    const { stdout } = await run({ env: { CNI_COMMAND: "GC" }, stdin: { ...CONFIG, ...keys }, plugin: { gc } });
    assert.equal(stdout, "");
    assert.ok(seen);
    assert.deepEqual(seen.validAttachments, expected);
    assert.equal("containerId" in seen, false);
  });
}

test("runPlugin refuses valid attachments of a wrong form", async () => {
  const stdin = { ...CONFIG, "cni.dev/valid-attachments": [{ ifname: "eth0" }] };
  const { stdout, exitCode } = await run({ env: { CNI_COMMAND: "GC" }, stdin });
  assert.equal(exitCode, 1);
  assert.equal(JSON.parse(stdout).msg, 'Cannot read "cni.dev/valid-attachments[0].containerID": it is missing');
});

test("runPlugin does DEL although the previous result cannot be read", async () => {
  const recorded = recorder();
  const outcome = await run(
    { env: { CNI_COMMAND: "DEL", CNI_NETNS: "" }, stdin: { ...CONFIG, prevResult: 5 } },
    recorded,
  );
  assert.deepEqual(outcome, { stdout: "", stderr: "", exitCode: 0 });
  assert.equal(recorded.calls.length, 1);
});

for (const override of ["1", "true", "TRUE"]) {
  test(`runPlugin allows its own network namespace when CNI_NETNS_OVERRIDE is ${override}`, async () => {
    const { exitCode } = await run({ env: { CNI_NETNS_OVERRIDE: override }, sameNetns: true });
    assert.equal(exitCode, 0);
  });
}

for (const override of ["0", "yes"]) {
  test(`runPlugin refuses its own network namespace when CNI_NETNS_OVERRIDE is ${override}`, async () => {
    const { exitCode } = await run({ env: { CNI_NETNS_OVERRIDE: override }, sameNetns: true });
    assert.equal(exitCode, 1);
  });
}

test("runPlugin does not compare namespaces for CHECK", async () => {
  const { exitCode } = await run({ env: { CNI_COMMAND: "CHECK" }, sameNetns: true });
  assert.equal(exitCode, 0);
});

const THROWN = [
  ["a CniError as it is", new CniError("tryAgainLater", "later", "soon"), { code: 11, msg: "later", details: "soon" }],
  ["a code of a foreign plugin", new CniError(123, "other"), { code: 123, msg: "other" }],
  [
    "an error with its causes",
    new Error("a", { cause: new Error("b", { cause: "c" }) }),
    { code: 999, msg: "a", details: "b; caused by: c" },
  ],
  [
    "an error of the system as I/O",
    Object.assign(new Error("EACCES: permission denied, open '/x'"), { code: "EACCES", syscall: "open" }),
    { code: 5, msg: "EACCES: permission denied, open '/x'" },
  ],
  ["something that is no error", "text", { code: 999, msg: "text" }],
] as const;

for (const [what, thrown, printed] of THROWN) {
  test(`runPlugin prints ${what}`, async () => {
    const { stdout, exitCode } = await run({ plugin: { add: () => Promise.reject(thrown) } });
    assert.equal(exitCode, 1);
    assert.equal(stdout, JSON.stringify(printed, undefined, 4));
  });
}

test("runPlugin prints the error of a host that cannot be opened", async () => {
  const { plugin, calls } = recorder();
  const input = { environment: ENVIRONMENT, stdin: JSON.stringify(CONFIG), sameNetns: () => false };
  const { stdout } = await runPlugin(plugin, input, () => Promise.reject(new Error("no netlink")));
  assert.deepEqual(JSON.parse(stdout), { code: 999, msg: "no netlink" });
  assert.deepEqual(calls, []);
});

test("runPlugin prints the error when the result does not fit the version", async () => {
  const add = async () => ({ interfaces: [{ name: "eth0" }] });
  const { stdout } = await run({ stdin: { ...CONFIG, cniVersion: "0.2.0" }, plugin: { add } });
  assert.deepEqual(JSON.parse(stdout), { code: 999, msg: "cannot convert: no valid IP addresses" });
});

test("runPlugin answers any environment and any stdin in the form of CNI", async () => {
  const value = fc.oneof(fc.constantFrom("", "ADD", "DEL", "CHECK", "GC", "STATUS", "x", "eth0"), fc.string());
  const environment = fc.dictionary(
    fc.constantFrom("CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH", "CNI_ARGS"),
    value,
  );
  const json = fc.jsonValue({ maxDepth: 2 });
  const config = fc.record(
    {
      name: fc.oneof(fc.constant("n"), json),
      cniVersion: fc.oneof(fc.constantFrom(...SPEC_VERSIONS), json),
      prevResult: fc.oneof(fc.record({ ips: json, dns: json, ip4: json, cniVersion: json }), json),
      "cni.dev/valid-attachments": json,
    },
    { requiredKeys: [] },
  );
  const stdin = fc.oneof(
    config.map((value) => JSON.stringify(value)),
    fc.string(),
    fc.uint8Array(),
  );
  await fc.assert(
    fc.asyncProperty(environment, stdin, fc.boolean(), async (variables, input, complete) => {
      const { plugin } = recorder();
      const outcome = await runPlugin(
        plugin,
        { environment: complete ? { ...ENVIRONMENT, ...variables } : variables, stdin: input, sameNetns: () => false },
        () => "host",
      );
      assert.ok(outcome.exitCode === 0 || outcome.exitCode === 1);
      if (outcome.exitCode === 1) {
        const { code, msg } = JSON.parse(outcome.stdout);
        assert.equal(typeof msg, "string");
        // 999 may only come from a result that the version cannot hold.
        assert.ok([1, 3, 4, 6, 7].includes(code) || msg === "cannot convert: no valid IP addresses", outcome.stdout);
      }
    }),
    { numRuns: 10_000 },
  );
});

test("runPlugin survives JSON that is nested too deep", async () => {
  const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
  const { exitCode } = await run({ stdin: `{"name":"n","cniVersion":"1.1.0","prevResult":${deep}}` });
  assert.ok(exitCode === 0 || exitCode === 1);
});
