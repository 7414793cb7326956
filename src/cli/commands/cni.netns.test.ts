import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { projectRoot } from "../installation.ts";
import { type PrivateHost, privateHost } from "../testing/private-host.ts";
import { containerIdOf } from "./cni.ts";

/** Notes its call in `calls`, and answers ADD with its previous result, or with one of its own. */
const RECORDER = `
input=$(cat)
printf '%s\\n' "$CNI_COMMAND $0 $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_ARGS $input" >>"$CALLS"
[ -n "$FAIL" ] && { printf '{"code": 11, "msg": "not now", "details": "%s"}' "$FAIL"; exit 1; }
[ "$CNI_COMMAND" = ADD ] && printf '{"cniVersion": "1.0.0", "ips": [{"address": "10.1.0.5/24"}]}'
exit 0`;

const NETWORK = {
  cniVersion: "1.1.0",
  name: "recorded",
  plugins: [{ type: "first", capabilities: { mac: true } }, { type: "second" }],
};

function recordingHost(): PrivateHost & { readonly calls: () => readonly string[] } {
  const host = privateHost();
  const file = join(host.folder, "calls");
  host.writeNetwork("recorded", NETWORK);
  for (const name of ["first", "second"]) host.writePlugin(name, `CALLS=${file}\n${RECORDER}`);
  return { ...host, calls: () => readFileSync(file, "utf8").trim().split("\n") };
}

test(
  "podwire cni calls foreign plugins in order, with cnitool's container ID, and prints the result",
  requireRoot,
  async () => {
    using host = recordingHost();
    const id = containerIdOf(host.pod);
    const environment = { CNI_ARGS: "A=1;B=2", CAP_ARGS: '{"mac": "02:00:00:00:00:01"}', CNI_IFNAME: "net1" };
    const added = await host.podwire(["cni", "add", "recorded", host.pod], environment);
    assert.deepEqual(added, {
      code: 0,
      stderr: "",
      stdout:
        '{\n    "cniVersion": "1.0.0",\n    "ips": [\n        {\n            "address": "10.1.0.5/24"\n        }\n    ]\n}',
    });
    for (const verb of ["check", "del"]) {
      assert.deepEqual(await host.podwire(["cni", verb, "recorded", host.pod], environment), {
        code: 0,
        stdout: "",
        stderr: "",
      });
    }
    const calls = host.calls().map((line) => line.split(" ").slice(0, 6).join(" "));
    const bin = join(host.folder, "bin");
    assert.deepEqual(
      calls,
      ["ADD first", "ADD second", "CHECK first", "CHECK second", "DEL second", "DEL first"].map((call) => {
        const [verb, name] = call.split(" ");
        return `${verb} ${bin}/${name} ${id} ${host.pod} net1 A=1;B=2`;
      }),
    );
    assert.match(host.calls()[0] ?? "", /"runtimeConfig":\{"mac":"02:00:00:00:00:01"\}/);
    assert.match(host.calls()[1] ?? "", /"prevResult":\{/);
    assert.deepEqual(readdirSync(join(host.folder, "cache/results")), []);
  },
);

test("podwire cni gc deletes what was added; status and gc need no namespace", requireRoot, async () => {
  using host = recordingHost();
  await host.podwire(["cni", "add", "recorded", host.pod]);
  assert.equal((await host.podwire(["cni", "status", "recorded"])).code, 0);
  assert.equal((await host.podwire(["cni", "gc", "recorded"])).code, 0);
  const verbs = host.calls().map((line) => line.split(" ")[0]);
  assert.deepEqual(verbs, ["ADD", "ADD", "STATUS", "STATUS", "DEL", "DEL", "GC", "GC"]);
});

test("podwire cni prints the plugin's error as cnitool does, and ends with 1", requireRoot, async () => {
  using host = recordingHost();
  assert.deepEqual(await host.podwire(["cni", "add", "recorded", host.pod], { FAIL: "why" }), {
    code: 1,
    stdout: "",
    stderr: 'plugin type="first" failed (add): not now; why\n',
  });
});

for (const { args, environment, code, stderr } of [
  { args: ["add", "nothere", "/x"], environment: {}, code: 1, stderr: /^no net configuration with name "nothere" in / },
  { args: ["add", "recorded", "/x"], environment: { CNI_ARGS: "A" }, code: 1, stderr: /^invalid CNI_ARGS pair "A"\n$/ },
  { args: ["add", "recorded", "/x"], environment: { CAP_ARGS: "[]" }, code: 1, stderr: /^invalid CAP_ARGS/ },
  {
    args: ["add", "recorded", "/x"],
    environment: { CNI_PATH: "/none" },
    code: 1,
    stderr: /failed to find plugin "first"/,
  },
  { args: ["add", "recorded"], environment: {}, code: 2, stderr: /missing required argument 'netns'/ },
]) {
  test(`podwire cni ${args.join(" ")} ${JSON.stringify(environment)} ends with ${code}`, requireRoot, async () => {
    using host = recordingHost();
    const finished = await host.podwire(["cni", ...args], environment);
    assert.equal(finished.code, code);
    assert.match(finished.stderr, stderr);
  });
}

const PTP = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [{ type: "ptp", ipam: { type: "host-local", subnet: "10.1.0.0/24" } }],
};

/** Our plugins, installed as users do, and ranges of addresses below the host's folder. */
async function hostWithOurs(): Promise<PrivateHost> {
  const host = privateHost();
  const [plugin] = PTP.plugins;
  const ipam = { ...plugin?.ipam, dataDir: join(host.folder, "addresses") };
  host.writeNetwork("pods", { ...PTP, plugins: [{ ...plugin, ipam }] });
  const { code, stderr } = await host.podwire(["install", "--bin-dir", join(host.folder, "bin")]);
  assert.equal(code, 0, stderr);
  return host;
}

test("podwire cni runs our installed plugins without an agent, as their launcher does", requireRoot, async () => {
  using host = await hostWithOurs();
  const added = await host.podwire(["cni", "add", "pods", host.pod]);
  assert.equal(added.code, 0, added.stderr);
  assert.match(added.stdout, /"10\.1\.0\.2\/24"/);
  assert.deepEqual(await host.podwire(["cni", "del", "pods", host.pod]), { code: 0, stdout: "", stderr: "" });
  const absent = await host.podwire(["agent", "status"]);
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /Cannot reach the agent: nothing listens on .*; start it with/);
});

test("podwire cni runs our plugins through the agent, whose status tells of them", requireRoot, async () => {
  using host = await hostWithOurs();
  await using agent = await startAgent(host);
  const added = await host.podwire(["cni", "add", "pods", host.pod]);
  assert.equal(added.code, 0, added.stderr);
  const status = await host.podwire(["agent", "status", "-o", "json"]);
  const { pid, attachments } = JSON.parse(status.stdout);
  assert.equal(pid, agent.pid);
  assert.deepEqual(
    attachments.map((attachment: Readonly<Record<string, unknown>>) => [
      attachment["containerId"],
      attachment["phase"],
    ]),
    [[containerIdOf(host.pod), "added"]],
  );
  assert.match((await host.podwire(["agent", "status"])).stdout, /^attachments +1$/m);
  const second = await host.podwire(["agent"]);
  assert.equal(second.code, 3);
  assert.match(second.stderr, /is locked by another agent/);
  assert.equal((await host.podwire(["cni", "del", "pods", host.pod])).code, 0);
});

/** Ready when it says so; ends, and is waited for, at disposal. */
async function startAgent(host: PrivateHost): Promise<AsyncDisposable & { readonly pid: number | undefined }> {
  const [program, ...args] = host.argv(process.execPath, join(projectRoot, "src/cli/entry.ts"), "agent");
  const child = spawn(program, args, {
    env: { ...process.env, ...host.environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "close");
  for await (const line of createInterface(child.stderr)) if (line.includes("agent ready")) break;
  child.stderr.resume();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      assert.deepEqual(await ended, [0, null]);
    },
  };
}
