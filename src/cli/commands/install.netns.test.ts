import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { pluginTypes } from "#plugins/registry.ts";
import { privateHost } from "../testing/private-host.ts";

test(
  "podwire install gives plugins that work without source tree and agent, and uninstall takes them away",
  requireRoot,
  async () => {
    using host = privateHost();
    const bin = join(host.folder, "bin");
    const installed = await host.podwire(["install", "--bin-dir", bin, "--conf-dir", join(host.folder, "net.d")]);
    assert.equal(installed.code, 0, installed.stderr);
    assert.deepEqual(readdirSync(bin).toSorted(), [".podwire", ...pluginTypes].toSorted());

    for (const plugin of pluginTypes) {
      const version = await host.run([join(bin, plugin)], { environment: { CNI_COMMAND: "VERSION" } });
      assert.deepEqual([version.code, JSON.parse(version.stdout).cniVersion], [0, "1.1.0"], plugin);
    }
    const about = await host.run([join(bin, "ptp")]);
    assert.match(about.stderr, /CNI protocol versions supported: 0\.1\.0/);

    const config = {
      cniVersion: "1.0.0",
      name: "pods",
      type: "ptp",
      ipam: { type: "host-local", subnet: "10.1.0.0/24", dataDir: join(host.folder, "addresses") },
    };
    const call = (verb: string) =>
      host.run([join(bin, "ptp")], {
        input: JSON.stringify(config),
        environment: { CNI_COMMAND: verb, CNI_CONTAINERID: "pod1", CNI_NETNS: host.pod, CNI_IFNAME: "eth0" },
      });
    const added = await call("ADD");
    assert.equal(added.code, 0, added.stdout + added.stderr);
    assert.equal(JSON.parse(added.stdout).ips[0].address, "10.1.0.2/24");
    const witness = await host.run(["nsenter", `--net=${host.pod}`, "ip", "-o", "-4", "address", "show", "eth0"]);
    assert.match(witness.stdout, /inet 10\.1\.0\.2\/24/);
    assert.deepEqual(await call("DEL"), { code: 0, stdout: "", stderr: "" });

    const version = await host.run([join(bin, ".podwire/podwire"), "version"]);
    assert.match(version.stdout, /^podwire \d+\.\d+\.\d+ \(node /);
    const removed = await host.run([join(bin, ".podwire/podwire"), "uninstall", "--bin-dir", bin]);
    assert.equal(removed.code, 0, removed.stderr);
    assert.deepEqual(readdirSync(bin), []);
    assert.deepEqual(readdirSync(join(host.folder, "net.d")), []);
  },
);

test("podwire install names the file that is in its way", requireRoot, async () => {
  using host = privateHost();
  host.writePlugin("ptp", "exit 0");
  const bin = join(host.folder, "bin");
  const refused = await host.podwire(["install", "--bin-dir", bin]);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /Cannot install ".*\/bin\/ptp": another file is there\n {2}why:.*\n {2}next:.*--replace/,
  );
  assert.equal((await host.podwire(["install", "--bin-dir", bin, "--replace", "-q"])).stdout, "");
  assert.equal((await host.podwire(["uninstall", "--bin-dir", bin])).code, 0);
  assert.equal(readFileSync(join(bin, "ptp"), "utf8"), "#!/bin/sh\nexit 0\n");
});

for (const { args, code, stderr } of [
  { args: [], code: 2, stderr: /required option '--bin-dir <dir>' not specified/ },
  {
    args: ["--bin-dir", "/x", "--conf-dir", "/y", "--subnet", "10.1.0.0"],
    code: 2,
    stderr: /Cannot use subnet "10\.1\.0\.0"/,
  },
]) {
  test(`podwire install ${args.join(" ")} ends with ${code}`, requireRoot, async () => {
    using host = privateHost();
    const finished = await host.podwire(["install", ...args]);
    assert.equal(finished.code, code);
    assert.match(finished.stderr, stderr);
  });
}
