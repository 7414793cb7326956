import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { on, once } from "node:events";
import { existsSync, watch } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { observeCgroupHierarchies } from "./cgroups.ts";
import { buildImages, type ImageFile } from "./images.ts";
import { type NodeOptions, startNode } from "./node-sandbox.ts";
import { execInPod, runPod } from "./pod.ts";
import { removePod } from "./pod-sandbox.ts";
import { exitStatus, runProgram } from "./program.ts";

const REFERENCE_PLUGINS = "/usr/lib/cni";
/** In all names of this run, so that another run beside it is not taken for something left behind. */
const RUN = `trace-${randomUUID().slice(0, 8)}`;

const bridgeNetwork = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: "cni0",
      isGateway: true,
      ipMasq: false,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "10.244.1.0/24" }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

/** What a node could leave on the machine. */
async function observeTraces(): Promise<Readonly<Record<string, readonly string[]>>> {
  const hierarchies = await observeCgroupHierarchies();
  const groups = await Promise.all(
    hierarchies.map(async ({ mountPoint }) => (await readdir(mountPoint)).map((name) => join(mountPoint, name))),
  );
  const mountinfo = await readFile("/proc/self/mountinfo", "utf8");
  return {
    "control groups": groups.flat().filter((path) => path.includes(RUN) || path.endsWith("/k8s.io")),
    mounts: mountinfo.split("\n").filter((line) => line.includes(RUN)),
    links: (await readdir("/sys/class/net")).toSorted(),
    "named network namespaces": existsSync("/run/netns")
      ? (await readdir("/run/netns")).filter((name) => name.startsWith("cni-"))
      : [],
    processes: await processesWith(RUN),
    "folders of a runtime": ["/opt/cni", "/var/lib/kubelet", "/var/lib/podwire", "/run/podwire-node"].filter(
      existsSync,
    ),
  };
}

/** Processes whose command line or control group holds the text; not those that wait for process 1 to reap them. */
async function processesWith(text: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [cmdline = "", cgroup = "", stat = ""] = await Promise.all(
        ["cmdline", "cgroup", "stat"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
      );
      const isOrphanedZombie = stat.slice(stat.lastIndexOf(")")).startsWith(") Z 1 ");
      return (cmdline.includes(text) || cgroup.includes(text)) && !isOrphanedZombie
        ? [`${pid} ${cmdline} ${stat}`]
        : [];
    }),
  );
  return found.flat();
}

suite("node sandbox", { skip: process.getuid?.() === 0 ? false : "needs root" }, () => {
  const signal = AbortSignal.timeout(120_000);
  let stateDir: string;
  let confDir: string;
  let images: readonly ImageFile[];
  let before_: Awaited<ReturnType<typeof observeTraces>>;

  before(async () => {
    before_ = await observeTraces();
    stateDir = await mkdtemp(join(tmpdir(), `podwire-${RUN}-`));
    confDir = join(stateDir, "conf");
    await mkdir(confDir);
    await writeFile(join(confDir, "10-pods.conflist"), JSON.stringify(bridgeNetwork));
    const { pause, busybox } = await buildImages(join(stateDir, "images"), signal);
    images = [pause, busybox];
  });

  after(async () => {
    await rm(stateDir, { recursive: true });
    assert.deepEqual(await observeTraces(), before_);
  });

  const options = (name: string, more: Partial<NodeOptions> = {}): NodeOptions => ({
    name: `${RUN}-${name}`,
    stateDir,
    binDir: REFERENCE_PLUGINS,
    confDir,
    images,
    ...more,
  });

  test("two pods of a node reach each other, and a host port reaches one of them", async () => {
    await using node = await startNode(options("pods"), signal);
    const web = await runPod(
      {
        node,
        name: "web",
        command: ["httpd", "-f", "-p", "80", "-h", "/etc"],
        labels: { app: "web" },
        portMappings: [{ containerPort: 80, hostPort: 8080 }],
      },
      signal,
    );
    const client = await runPod({ node, name: "client" }, signal);
    assert.match(web.ip, /^10\.244\.1\.\d+$/);
    assert.notEqual(web.ip, client.ip);

    const ping = await execInPod(client, ["ping", "-c", "1", "-W", "5", web.ip], signal);
    assert.equal(ping.code, 0, ping.stdout + ping.stderr);
    // The control: an address that nobody has is not reached.
    assert.equal((await execInPod(client, ["ping", "-c", "1", "-W", "1", "10.244.1.200"], signal)).code, 1);
    const page = await node.exec(["busybox", "wget", "-qO-", "http://10.244.1.1:8080/group"], signal);
    assert.equal(page.stdout, "root:x:0:\n", page.stderr);

    const selector = { filter: { labelSelector: { app: "web" } } };
    const { items } = await node.cri.listPodSandbox(selector, signal);
    assert.deepEqual(
      items.map(({ id, state, metadata }) => [id, state, metadata?.name]),
      [[web.sandboxId, "SANDBOX_READY", "web"]],
    );
    await removePod(web, signal);
    await removePod(web, signal);
    assert.deepEqual((await node.cri.listPodSandbox(selector, signal)).items, []);
  });

  test("a node has its own network, host name, process tree and standard folders", async () => {
    await using node = await startNode(options("own"), signal);
    const run = async (...argv: string[]): Promise<string> => (await node.exec(argv, signal)).stdout.trim();
    assert.equal(await run("busybox", "hostname"), `${RUN}-own`);
    assert.equal(await run("ls", "/sys/class/net"), "lo");
    assert.match(await run("busybox", "ip", "address", "show", "lo"), /127\.0\.0\.1/);
    assert.equal(await run("busybox", "cat", "/proc/1/cmdline"), "/run/podwire-node/init\0");
    assert.equal(await run("ls", "/etc/cni/net.d"), "10-pods.conflist");
    assert.equal(await run("ls", "/opt/cni/bin"), (await readdir(REFERENCE_PLUGINS)).toSorted().join("\n"));
    await run("touch", "/var/lib/podwire/mine", "/etc/podwire-mine", "/run/podwire-mine");
    for (const path of ["/var/lib/podwire/mine", "/etc/podwire-mine", "/run/podwire-mine"]) {
      assert.ok(existsSync(join(node.rootPath, path)));
      assert.ok(!existsSync(path));
    }
    assert.equal(
      await run("cat", fileURLToPath(import.meta.url)),
      (await readFile(import.meta.filename, "utf8")).trim(),
    );
    assert.notEqual(await readlink(node.netnsPath), await readlink("/proc/self/ns/net"));
  });

  test("a node joins the network namespace that it is given", async () => {
    await using first = await startNode(options("first"), signal);
    await using second = await startNode(options("second", { netnsPath: first.netnsPath }), signal);
    assert.equal(await readlink(second.netnsPath), await readlink(first.netnsPath));
  });

  test("startNode refuses a node that runs already, and leaves that one alone", async () => {
    await using node = await startNode(options("twice"), signal);
    await assert.rejects(startNode(options("twice"), signal), /-twice".*processes run in it/);
    assert.ok(!node.ended.aborted);
    assert.equal((await node.cri.version({}, signal)).runtimeName, "containerd");
  });

  const failures: readonly { readonly why: string; readonly more: Partial<NodeOptions>; readonly message: RegExp }[] = [
    { why: "the folder of plugins is missing", more: { binDir: "/nowhere" }, message: /-fails".*\/nowhere/s },
    { why: "the network namespace is missing", more: { netnsPath: "/nowhere" }, message: /-fails".*\/nowhere/s },
    { why: "there is too little time", more: { startTimeoutMs: 1 }, message: /after 1 ms it still waits for / },
    {
      why: "containerd cannot be started",
      more: { environment: { PATH: "/nowhere" } },
      message: /containerd could not/,
    },
    {
      why: "an image file is missing",
      more: { images: [{ names: [], digest: "", path: "/nowhere" }] },
      message: /ctr/,
    },
    { why: "the name is no DNS label", more: { name: "../up" }, message: /DNS label/ },
  ];

  for (const { why, more, message } of failures) {
    test(`startNode says so and leaves nothing when ${why}`, async () => {
      await assert.rejects(startNode(options("fails", more), signal), { message });
      assert.ok(!existsSync(join(stateDir, `${RUN}-fails`)));
      assert.deepEqual(await processesWith(`${RUN}-fails`), []);
    });
  }

  test("startNode names what is wrong with the CNI configuration", async () => {
    const badConf = join(stateDir, "bad-conf");
    await mkdir(badConf);
    await writeFile(join(badConf, "10-bad.conflist"), "{");
    await assert.rejects(startNode(options("bad-conf", { confDir: badConf }), signal), /-bad-conf".*10-bad\.conflist/);
  });

  test("startNode ends with the caller's reason when it is aborted", async () => {
    const controller = new AbortController();
    const starting = startNode(options("aborted"), controller.signal);
    controller.abort(new Error("not any more"));
    await assert.rejects(starting, /not any more/);
    assert.ok(!existsSync(join(stateDir, `${RUN}-aborted`)));
  });

  test("ended aborts with a reason when containerd dies, and stop still removes everything", async () => {
    await using node = await startNode(options("dies"), signal);
    const died = once(node.ended, "abort");
    const { stdout } = await node.exec(["busybox", "pidof", "containerd"], signal);
    await node.exec(["kill", "-KILL", stdout.trim()], signal);
    await died;
    assert.match(String(node.ended.reason), /containerd ended with status 137/);
  });

  test("exec ends with the program when it is aborted", async () => {
    await using node = await startNode(options("exec"), signal);
    const sleeps = async (): Promise<boolean> => (await node.exec(["busybox", "pidof", "sleep"], signal)).code === 0;
    const controller = new AbortController();
    const watcher = watch(join(node.rootPath, "run"));
    const changes = on(watcher, "change", { signal });
    const running = node.exec(["sh", "-c", "exec 3>/run/started; exec sleep 1000"], controller.signal);
    for await (const [, file] of changes) if (file === "started") break;
    watcher.close();
    controller.abort(new Error("enough"));
    await assert.rejects(running, /enough/);
    assert.ok(!(await sleeps()));
    assert.deepEqual(await node.exec(["sh", "-c", "echo out; echo err >&2; exit 3"], signal), {
      stdout: "out\n",
      stderr: "err\n",
      code: 3,
    });
  });

  test("a pod that cannot be run leaves no sandbox", async () => {
    await using node = await startNode(options("undo"), signal);
    await assert.rejects(
      runPod({ node, name: "broken", command: ["/no-such-program"] }, signal),
      /Cannot run pod "default\/broken" on node ".*-undo".*no-such-program/s,
    );
    assert.deepEqual((await node.cri.listPodSandbox({}, signal)).items, []);
  });

  test("the kernel ends a node whose harness was killed, and the next start removes the rest", async (t) => {
    const unified = (await observeCgroupHierarchies()).find(({ controllers }) => controllers.length === 0);
    if (unified === undefined) return t.skip("without cgroup v2 nothing tells when the last process has ended");
    const harness = spawn(process.execPath, [join(import.meta.dirname, "testing/node-harness.ts")], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const exited = exitStatus(harness);
    harness.stdin.end(JSON.stringify(options("killed")));
    const lines = createInterface({ input: harness.stdout });
    const [line = ""] = await Promise.race([once(lines, "line", { signal }), once(lines, "close", { signal })]);
    assert.notEqual(line, "", "the harness could not start its node");
    const group = join(unified.mountPoint, JSON.parse(line).podCgroupParent, "..");

    const watcher = watch(join(group, "cgroup.events"));
    harness.kill("SIGKILL");
    while ((await readFile(join(group, "cgroup.events"), "utf8")).includes("populated 1")) {
      await once(watcher, "change", { signal });
    }
    watcher.close();
    assert.equal(await exited, 137);
    await using node = await startNode(options("killed"), signal);
    assert.deepEqual((await node.cri.listPodSandbox({}, signal)).items, []);
  });
});

test("the machine's own files are as they were", async () => {
  const { stdout } = await runProgram(["find", "/etc", "-name", "podwire-*"], AbortSignal.timeout(10_000));
  assert.equal(stdout, "");
});
