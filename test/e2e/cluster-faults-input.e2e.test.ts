/** What people give `podwire up` that cannot be: told what is wrong and what to do, and nothing is left. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { podwire, runPodwire, tracesOf, tryPodwire, useOwnClusterFolders } from "./podwire-command.ts";

const NAME = "refused";

type Case = readonly [what: string, args: readonly string[], says: RegExp];

const OPTIONS: readonly Case[] = [
  ["an unknown option", ["--nodez", "3"], /unknown option '--nodez'\n\(Did you mean --nodes\?\)/],
  ["no number", ["--nodes", "many"], /'many' is invalid. It must be a whole number/],
  ["no nodes", ["--nodes", "0"], /"nodes" is 0: it must be a whole number from 1 to 244/],
  ["a back end that is misspelled", ["--network", "vxlna"], /did you mean "vxlan"\? Possible: vxlan, host-gw, udp/],
  ["an unknown store", ["--store", "mysql"], /"store" is "mysql": it must be sqlite, etcd/],
  [
    "overlapping ranges",
    ["--pod-cidr", "10.244.0.0/16", "--service-cidr", "10.244.128.0/17"],
    /10.244.0.0\/16 overlaps "serviceCidr" 10.244.128.0\/17/,
  ],
  ["a range that the underlay uses", ["--pod-cidr", "10.213.0.0/16"], /which the underlay uses/],
  ["a range where no pod can be", ["--pod-cidr", "127.0.0.0/8"], /overlaps 127.0.0.0\/8, where no pod can be/],
  ["too many nodes", ["--pod-cidr", "10.244.0.0/22", "--nodes", "5"], /"nodes" is 5, but .* has room for 4/],
  ["no prefix", ["--pod-cidr", "nonsense"], /it is not an address with a length/],
  ["a name that is a path", ["--name", "../x"], /"name" is "..\/x": it must be 1 to 40 of/],
  ["an MTU below IPv4's", ["--mtu", "100"], /"mtu" is 100: it must be a whole number from 576/],
  ["udp with two families", ["--network", "udp", "--dual-stack"], /udp, which carries IPv4 only/],
];

const FILES: readonly (readonly [what: string, text: string, says: RegExp])[] = [
  ["an unknown key", "nodez: 3\n", /"nodez" is no key: did you mean "nodes"\?/],
  ["an unknown key below", "network:\n  type: vxlan\n  vnii: 3\n", /"network.vnii" is no key: did you mean "vni"\?/],
  ["a key of another back end", "network:\n  type: host-gw\n  vni: 3\n", /"network.vni" is no key/],
  ["a misspelled value", "network: vxlam\n", /did you mean "vxlan"\?/],
  ["another type", 'mtu: "big"\n', /"mtu" is "big"/],
  ["no YAML", "a: [\n", /at line 2, column 1/],
  ["a list", "- name\n", /no object with keys and values/],
  ["a key given twice", "name: a\nname: b\n", /Map keys must be unique/],
];

const NOTHING = { links: [], mounts: [], cgroups: [], processes: [] };

suite("podwire up refuses", requireRoot, () => {
  let folder = "";
  let removeFolders: () => void;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "podwire-up-"));
    removeFolders = useOwnClusterFolders();
  });
  after(async () => {
    await tryPodwire(["down", "--all"]);
    removeFolders();
    rmSync(folder, { recursive: true });
  });

  async function requireRefused(args: readonly string[], says: RegExp, code = 2): Promise<void> {
    const result = await tryPodwire(["up", ...(args.includes("--name") ? [] : ["--name", NAME]), ...args]);
    assert.match(result.stderr, says);
    assert.equal(result.code, code, result.stderr);
    assert.deepEqual(tracesOf(NAME), NOTHING);
  }

  for (const [what, args, says] of OPTIONS) test(what, () => requireRefused(args, says));

  for (const [what, text, says] of FILES) {
    test(`a file with ${what}`, async () => {
      const path = join(folder, `${what.replaceAll(" ", "-")}.yaml`);
      writeFileSync(path, text);
      await requireRefused(["--config", path], says);
      rmSync(path);
    });
  }

  test("a file that is not there", () => requireRefused(["--config", "/nonexistent"], /ENOENT/));

  test("a store that does not answer", () =>
    requireRefused(["--name", NAME, "--nodes", "1", "--store", "etcd://127.0.0.1:1"], /no endpoint can be reached/, 1));

  for (const [what, launcher] of [
    ["another user", ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]],
    ["root without CAP_SYS_ADMIN", ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]],
  ] as const) {
    test(`${what}, with the way out`, async () => {
      const { code, stderr } = await runPodwire(["up", "--name", NAME], { launcher });
      assert.match(stderr, /Cannot start a cluster\n\s+why:.*\n(.*\n)*?\s+next:\s+run it /);
      assert.equal(code, 3);
      assert.deepEqual(tracesOf(NAME), NOTHING);
    });
  }

  for (const size of ["4k", "32k", "200k"]) {
    test(`a disk that is full after ${size}`, async () => {
      const disk = join(folder, "disk");
      mkdirSync(disk);
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "podwire-test", disk]);
      try {
        const options = { environment: { PODWIRE_STATE_DIR: disk } };
        const { code, stderr } = await runPodwire(["up", "--name", NAME, "--nodes", "1"], options);
        assert.match(stderr, /ENOSPC|no space left|disk is full/i);
        assert.equal(code, 1);
        assert.equal(execFileSync("find", [disk, "-type", "f"], { encoding: "utf8" }), "");
      } finally {
        execFileSync("umount", [disk]);
        rmSync(disk, { recursive: true });
      }
      assert.deepEqual(tracesOf(NAME), NOTHING);
    });
  }

  test("a name that another cluster has", async () => {
    await podwire("up", "--name", NAME, "--nodes", "1");
    const { code, stderr } = await tryPodwire(["up", "--name", NAME, "--nodes", "2"]);
    assert.match(stderr, /The name "refused" is in use by another cluster\n\s+why:\s+nodes is 1, not 2/);
    assert.equal(code, 1);
    await podwire("down", "--name", NAME);
    assert.deepEqual(tracesOf(NAME), NOTHING);
  });
});
