/** A real containerd runs pods with our plugins; when the pods are removed, the node is as it was before them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, watch } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, type TestContext, test } from "node:test";
import type { AgentStatus } from "#agent/status.ts";
import { ledgerState } from "#agent/testing/ledger-state.ts";
import { formatConflist } from "#cli/install/conflist.ts";
import { buildImages, type ImageFile } from "#cluster/images.ts";
import { type NodeAgent, startNodeAgent } from "#cluster/node-agent.ts";
import { type NodeSandbox, startNode } from "#cluster/node-sandbox.ts";
import { type Outside, startOutside } from "#cluster/outside.ts";
import { removePod, runPodSandbox } from "#cluster/pod-sandbox.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { inLanes } from "./in-lanes.ts";
import { type NodeState, readNodeState } from "./node-state.ts";
import { CALLS_FILE, copyReference, mixPlugins, podwire, recordCalls } from "./plugin-folders.ts";
import { checkBatch, removeBatch, runBatch } from "./pod-batch.ts";

const REFERENCE = ["bridge", "host-local", "loopback", "portmap"];
const TIMEOUT_MS = 300_000;

interface TestNode extends AsyncDisposable {
  readonly node: NodeSandbox;
  readonly outside: Outside;
  readonly startAgent: () => Promise<NodeAgent>;
  /** containerd's words about networks that it could not set up or remove. */
  readonly networkErrors: () => Promise<readonly string[]>;
}

suite("containerd with Podwire's plugins", requireRoot, () => {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let folder: string;
  let ours: string;
  let images: readonly ImageFile[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "podwire-e2e-"));
    ours = join(folder, "ours");
    mkdirSync(join(folder, "conf"));
    await writeFile(join(folder, "conf/10-podwire.conflist"), formatConflist("10.244.0.0/24"));
    const [files] = await Promise.all([
      buildImages(join(folder, "images"), signal),
      podwire(["install", "--bin-dir", ours], signal),
    ]);
    images = [files.pause, files.busybox];
  });
  after(() => rm(folder, { recursive: true }));

  async function startTestNode(name: string, binDir: string): Promise<TestNode> {
    await using cleanup = new AsyncDisposableStack();
    const stateDir = join(folder, "nodes");
    const options = { name: `e2e-${name}`, stateDir, binDir, confDir: join(folder, "conf"), images };
    const node = cleanup.use(await startNode(options, signal));
    const outside = cleanup.use(await startOutside(node, signal));
    const owned = cleanup.move();
    return {
      node,
      outside,
      startAgent: () => startNodeAgent({ node, logPath: join(stateDir, `${name}-agent.log`) }, signal),
      networkErrors: async () => {
        const log = await readFile(join(stateDir, node.name, "containerd.log"), "utf8");
        return log.split("\n").filter((line) => /failed to (setup|destroy) network/.test(line));
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  }

  /** The node after its first pod: from then on there are bridge, tables and folders. */
  async function warmUp({ node }: TestNode): Promise<NodeState> {
    const portMappings = [{ hostPort: 7999, containerPort: 80 }];
    await removePod(await runPodSandbox({ node, name: "first", portMappings }, signal), signal);
    return readNodeState(node, signal);
  }

  async function requireAsBefore(testNode: TestNode, earlier: NodeState): Promise<void> {
    assert.deepEqual(await readNodeState(testNode.node, signal), earlier);
    assert.deepEqual(await testNode.networkErrors(), []);
  }

  async function timed<T>(t: TestContext, what: string, count: number, step: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    const result = await step();
    const seconds = (performance.now() - startedMs) / 1000;
    t.diagnostic(`${what}: ${count} pods in ${seconds.toFixed(2)} s, ${(count / seconds).toFixed(1)} pods/s`);
    return result;
  }

  /** The whole life of some pods, from one clean node to the next. */
  async function cycle(
    t: TestContext,
    testNode: TestNode,
    plan: { readonly count: number; readonly services: number },
  ) {
    const { node } = testNode;
    const earlier = await warmUp(testNode);
    const batch = await timed(t, "run", plan.count, () => runBatch({ node, ...plan }, signal));
    await checkBatch(batch, testNode, signal);
    await timed(t, "remove", plan.count, () => removeBatch(batch.sandboxes, signal));
    await requireAsBefore(testNode, earlier);
  }

  test("50 pods with an agent, 4 at a time, leave nothing", async (t) => {
    await using testNode = await startTestNode("agent", ours);
    await using agent = await testNode.startAgent();
    const early = await statusOf(agent);
    await cycle(t, testNode, { count: 50, services: 10 });
    const late = await statusOf(agent);
    assert.equal(late.attachments.length, 0);
    assert.deepEqual(late.repairs, { restored: 0, removed: 0 });
    const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
    t.diagnostic(`agent: ${megabytes(early.residentBytes)} MB at start, ${megabytes(late.residentBytes)} MB after`);
  });

  test("4 pods without an agent leave nothing", async (t) => {
    await using testNode = await startTestNode("alone", ours);
    await cycle(t, testNode, { count: 4, services: 2 });
  });

  test("pods outlive a killed agent, and are removed without and with the next one", async () => {
    await using testNode = await startTestNode("restart", ours);
    const { node } = testNode;
    await warmUp(testNode);
    const first = await testNode.startAgent();
    const earlier = await readNodeState(node, signal);
    const batch = await runBatch({ node, count: 10, services: 4 }, signal);
    await first.end("SIGKILL");
    await checkBatch(batch, testNode, signal);
    const [gone, stay] = [batch.sandboxes.slice(-2), batch.sandboxes.slice(0, -2)];
    await removeBatch(gone, signal);
    await using second = await testNode.startAgent();
    const { attachments } = await statusOf(second);
    assert.equal(attachments.length, 2 * stay.length, "one for each pod and plugin");
    assert.deepEqual(
      attachments.flatMap(({ drift }) => drift),
      [],
    );
    const services = batch.services.filter(({ pod }) => !gone.includes(pod));
    await checkBatch({ sandboxes: stay, services }, testNode, signal);
    await removeBatch(stay, signal);
    await requireAsBefore(testNode, earlier);
  });

  for (const withAgent of [true, false]) {
    test(`containerd's second DEL, which names no namespace, succeeds ${withAgent ? "with" : "without"} an agent`, async () => {
      const name = withAgent ? "calls" : "calls-alone";
      const recorded = join(folder, name);
      mixPlugins(ours, recorded, []);
      recordCalls(recorded, "bridge");
      await using testNode = await startTestNode(name, recorded);
      await using _agent = withAgent ? await testNode.startAgent() : undefined;
      await warmUp(testNode);
      const calls = await readFile(testNode.node.rootPath + CALLS_FILE, "utf8");
      assert.equal(calls, "ADD with namespace\nDEL with namespace\nDEL \n");
      assert.deepEqual(await testNode.networkErrors(), []);
    });
  }

  for (const reference of ["portmap", "bridge"]) {
    test(`6 pods with our plugins and Debian's ${reference} leave nothing`, async (t) => {
      const mixed = join(folder, `debian-${reference}`);
      mixPlugins(ours, mixed, [reference]);
      await using testNode = await startTestNode(`debian-${reference}`, mixed);
      await using _agent = await testNode.startAgent();
      await cycle(t, testNode, { count: 6, services: 2 });
    });
  }

  test("pods that Debian's plugins made are removed by ours, rules of iptables included", async () => {
    const binDir = join(folder, "to-ours");
    copyReference(binDir, REFERENCE);
    await using testNode = await startTestNode("to-ours", binDir);
    const { node } = testNode;
    const earlier = await warmUp(testNode);
    const batch = await runBatch({ node, count: 4, services: 2 }, signal);
    assert.match((await readNodeState(node, signal)).ruleset.join("\n"), /chain CNI-DN-/);
    await podwire(["install", "--bin-dir", binDir, "--replace"], signal);
    await using _agent = await testNode.startAgent();
    await checkBatch(batch, testNode, signal);
    await removeBatch(batch.sandboxes, signal);
    const { files, ruleset, ...now } = await readNodeState(node, signal);
    assert.deepEqual(withoutOurTable(ruleset), earlier.ruleset);
    assert.deepEqual(files.filter(isNotOurs), earlier.files.filter(isNotOurs));
    assert.deepEqual({ ...now, files: [], ruleset: [] }, { ...earlier, files: [], ruleset: [] });
    assert.deepEqual(await testNode.networkErrors(), []);
  });

  test("pods that ours made are removed by Debian's plugins, and our agent removes what is left", async () => {
    const binDir = join(folder, "to-debian");
    copyReference(binDir, REFERENCE);
    await podwire(["install", "--bin-dir", binDir, "--replace"], signal);
    await using testNode = await startTestNode("to-debian", binDir);
    const { node } = testNode;
    await using agent = await testNode.startAgent();
    const earlier = await warmUp(testNode);
    const batch = await runBatch({ node, count: 4, services: 2 }, signal);
    await checkBatch(batch, testNode, signal);
    await podwire(["uninstall", "--bin-dir", binDir], signal);
    // Their bridge may complain that rules of its own are missing. Link and address are gone by then, and as for a
    // kubelet, once more is enough.
    await inLanes(batch.sandboxes, 4, (pod) => removePod(pod, signal).catch(() => removePod(pod, signal)));
    await waitForEmptyLedger(node);
    assert.equal((await statusOf(agent)).attachments.length, 0);
    const { ruleset, ...now } = await readNodeState(node, signal);
    assert.deepEqual(
      ruleset.filter((line) => /elements|masq-|hairpin-/.test(line)),
      earlier.ruleset.filter((line) => /elements|masq-|hairpin-/.test(line)),
    );
    assert.deepEqual({ ...now, ruleset: [] }, { ...earlier, ruleset: [] });
  });

  async function statusOf(agent: NodeAgent): Promise<AgentStatus> {
    return JSON.parse(await agent.status(signal));
  }

  async function waitForEmptyLedger(node: NodeSandbox): Promise<void> {
    const ledger = join(node.rootPath, `/var/lib/podwire/net-${(await stat(node.netnsPath)).ino}/ledger`);
    const watcher = watch(ledger);
    while (ledgerState(ledger).length > 0) await once(watcher, "change", { signal });
    watcher.close();
  }
});

function isNotOurs(path: string): boolean {
  return !/^\/(var\/lib|run)\/podwire/.test(path);
}

function withoutOurTable(ruleset: readonly string[]): readonly string[] {
  const start = ruleset.indexOf("table inet podwire {");
  const end = ruleset.indexOf("}", start);
  return start < 0 ? ruleset : [...ruleset.slice(0, start), ...ruleset.slice(end + 1)];
}
