import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { readMachineState } from "#cli/testing/machine-state.ts";
import { observeCgroupHierarchies } from "#cluster/cgroups.ts";
import { exitStatus } from "#cluster/program.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";

const CLI = join(import.meta.dirname, "../../src/cli/entry.ts");
const TIMEOUT_MS = 120_000;

suite("podwire demo", requireRoot, () => {
  let runDir: string;
  before(async () => {
    runDir = await mkdtemp(join(tmpdir(), "podwire-demo-test-"));
  });
  after(() => rm(runDir, { recursive: true }));

  /** With a folder of its own, so that a demo that somebody keeps up on this machine is not in the way. */
  function start(...args: readonly string[]) {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", CLI, "demo", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PODWIRE_RUN_DIR: join(runDir, "run") },
      timeout: TIMEOUT_MS,
    });
    return child;
  }

  async function demo(...args: readonly string[]) {
    const child = start(...args);
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exitStatus(child)]);
    return { stdout, stderr, code };
  }

  const traces = () => {
    const { links = [], mounts = [], cgroups = [] } = readMachineState(["links", "mounts", "cgroups"]);
    return {
      links,
      mounts: mounts.filter((mount) => mount.includes(runDir)),
      cgroups: cgroups.filter((path) => path.includes("podwire-demo")),
      folder: existsSync(join(runDir, "run")),
    };
  };

  for (const args of [[], ["--without-agent"]]) {
    test(`demo ${args.join(" ")} proves each claim and leaves nothing`, async () => {
      const earlier = traces();
      const { stdout, stderr, code } = await demo("-o", "json", ...args);
      assert.equal(code, 0, stderr);
      const { checks, evidence } = JSON.parse(stdout);
      assert.equal(checks.length, 5);
      for (const { claim, ok, seen } of checks) assert.ok(ok, `${claim}: ${seen}`);
      assert.equal(evidence.agent?.attachments.length, args.length === 0 ? 4 : undefined);
      assert.equal(evidence.connections.length, 2);
      assert.match(evidence.nftTable, /hostports4/);
      assert.match(stderr, /ms {2}two pods run/);
      assert.deepEqual(traces(), earlier);
    });
  }

  test("demo --keep stays up when its command has ended, is the only one, and --down ends it", async () => {
    const earlier = traces();
    const first = await demo("--keep");
    assert.equal(first.code, 0, first.stderr);
    const [, nodePid] = /nsenter --target (\d+) --all/.exec(first.stdout) ?? [];
    const second = await demo();
    assert.equal(second.code, 1);
    assert.match(second.stderr, /another one is up[\s\S]*demo --down/);
    assert.ok(existsSync(`/proc/${nodePid}/root/run/podwire`), "the node is gone");

    assert.equal((await demo("--down")).stderr, "podwire: the demo is down\n");
    assert.ok(!existsSync(`/proc/${nodePid}`), "the node is still there");
    assert.deepEqual(traces(), earlier);
    assert.equal((await demo("--down")).stderr, "podwire: no demo was up\n");
  });

  test("demo --down removes what a killed keeper left", async (t) => {
    const unified = (await observeCgroupHierarchies()).find(({ controllers }) => controllers.length === 0);
    if (unified === undefined) return t.skip("without cgroup v2 nothing tells when the last process has ended");
    const earlier = traces();
    const { stdout, stderr } = await demo("--keep", "-o", "json");
    assert.notEqual(stdout, "", stderr);
    const group = traces().cgroups.find(
      (path) => path.startsWith(unified.mountPoint) && !earlier.cgroups.includes(path),
    );
    const events = join(group ?? "", "cgroup.events");
    const watcher = watch(events);
    process.kill(JSON.parse(stdout).keeperPid, "SIGKILL");
    while ((await readFile(events, "utf8")).includes("populated 1")) {
      await once(watcher, "change", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    }
    watcher.close();
    assert.equal((await demo("--down")).code, 0);
    assert.deepEqual(traces(), earlier);
  });

  test("demo ends in order when it is interrupted", async () => {
    const earlier = traces();
    const child = start();
    const stderr: string[] = [];
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (chunk: string) => {
      stderr.push(chunk);
      if (chunk.includes("agent ready")) child.kill("SIGINT");
    });
    assert.equal(await exitStatus(child), 130, stderr.join(""));
    assert.match(stderr.join(""), /interrupted/);
    assert.deepEqual(traces(), earlier);
  });
});
