/**
 * Kills whoever carries out a verb at its first step, its second, and so on until the verb gets by without that step.
 * After each kill somebody else takes over, and the node has to be as if the verb had not begun or had come to its end:
 * nothing of the pod is left, or all of it is there; the other pods never notice.
 */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AgentProcess, loadAgent } from "./agent.ts";
import type { FaultBundle } from "./fault-bundle.ts";
import type { Kill } from "./kill-at-step.ts";
import { type Network, testNetworks } from "./networks.ts";
import { createTestNode, type TestNode } from "./node.ts";
import { addressesOf, type CniOutcome, callChain, createPod, type Pod, pathsOf } from "./runtime.ts";
import { stateFiles, takeSnapshot } from "./snapshot.ts";
import { findBrokenPaths, type Path } from "./traffic.ts";

export interface KillSeries {
  readonly network: Network["name"];
  readonly verb: "ADD" | "DEL";
  readonly when: Kill["when"];
  /** Who is killed: the agent, or the process that the launcher starts where none runs. */
  readonly victim: "agent" | "standalone";
  /** Who finds what was left: the next agent at its start, or the process of the next DEL. */
  readonly heir: "agent" | "standalone";
  /** Only every so many-th step. Default: each. */
  readonly every?: number | undefined;
}

interface Scene extends AsyncDisposable {
  readonly series: KillSeries;
  readonly node: TestNode;
  readonly network: Network;
  readonly pod: Pod;
  readonly background: readonly { readonly pod: Pod; readonly addresses: readonly string[] }[];
  /** The node without the pod. */
  readonly empty: readonly string[];
  readonly agents: Agents;
}

interface Agents {
  /** Serves the next verb; undefined where one-shot processes do. */
  serving: AgentProcess | undefined;
  /** Loaded, not started; undefined before the first one is needed. */
  spare: AgentProcess | undefined;
  readonly program: string;
}

const DIED_DEADLINE_MS = 10_000;
/** One-shot processes have nothing in memory: a node that is as it was takes the next ADD, as is seen now and then. */
const STEPS_OF_WHOLE_PROOF = 4;
/** How kill-at-step.ts describes such a step. */
const ON_A_THREAD = " on a thread";

/** Descriptions of the steps at which it was killed. */
export async function killAtEveryStep(series: KillSeries, bundle: FaultBundle): Promise<readonly string[]> {
  await using scene = await createScene(series, bundle);
  const { every = 1 } = series;
  const steps: string[] = [];
  let plugin: string | undefined;
  for (;;) {
    const step = 1 + steps.length * every;
    const killed = await killAt(scene, step, series.when);
    if (killed === undefined) return steps;
    // A call on a pool thread may be on its way when the step before is done, and between plugins there is an answer.
    const isApart = killed.step.endsWith(ON_A_THREAD) || killed.plugin !== plugin;
    if (series.when === "behind" && isApart) await killAt(scene, step, "before");
    plugin = killed.plugin;
    steps.push(killed.step);
  }
}

async function createScene(series: KillSeries, bundle: FaultBundle): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await createTestNode(bundle));
  const network = testNetworks(node.folder).find(({ name }) => name === series.network);
  if (network === undefined) throw new Error(`There is no network "${series.network}"`);
  const pod = stack.use(await createPod("victim", 8001));
  const others = [stack.use(await createPod("other1", 8002)), stack.use(await createPod("other2", 8003))];
  const agents: Agents = { serving: undefined, spare: undefined, program: bundle.agent };
  stack.defer(() => agents.spare?.[Symbol.asyncDispose]());
  stack.defer(() => agents.serving?.[Symbol.asyncDispose]());
  if (series.victim === "agent") await startSpare(node, agents);
  const background = [];
  for (const other of others) {
    const { error, result } = await callChain(node, network, other, "ADD");
    assert.equal(error, undefined, "a pod in the background is added");
    background.push({ pod: other, addresses: addressesOf(result) });
  }
  // Once without a kill: what only the first pod makes is there then.
  assert.equal((await callChain(node, network, pod, "ADD")).error, undefined);
  assert.equal((await callChain(node, network, pod, "DEL")).error, undefined);
  const empty = await takeSnapshot(node, [pod.netns]);
  const open = stack.move();
  const dispose = (): Promise<void> => open.disposeAsync();
  return { series, node, network, pod, background, empty, agents, [Symbol.asyncDispose]: dispose };
}

interface Killed {
  /** What was begun. */
  readonly step: string;
  /** Whose verb it was; undefined when it had answered. */
  readonly plugin: string | undefined;
}

/** Undefined when the verb has fewer steps. */
async function killAt(scene: Scene, step: number, when: Kill["when"]): Promise<Killed | undefined> {
  const { series, node, network, pod } = scene;
  const { verb, victim, heir } = series;
  if (verb === "DEL") await mustWork(scene, "ADD");
  if (victim === "standalone") await stopAgent(scene);
  const kill: Kill = { id: `${when} ${step}`, step, when };
  writeFileSync(node.control, JSON.stringify(kill));
  const outcome = await callChain(node, network, pod, verb);
  const begun = takeBegun(node);
  if (begun === undefined) {
    assert.equal(outcome.error, undefined, `${verb} was not killed at step ${step}, but failed`);
    if (verb === "ADD") await mustWork(scene, "DEL");
    await expectEmpty(scene, `behind a whole ${verb}`);
    return undefined;
  }
  const killed: Killed = { step: begun, plugin: outcome.error?.plugin };
  const where = `${verb} killed ${when} step ${step} (${begun})`;
  try {
    if (victim === "agent") await expectDeadAgent(scene, outcome);
    else assert.ok(outcome.error === undefined || outcome.error.code === 0, JSON.stringify(outcome.error));
    if (heir === "agent") await expectRecovered(scene);
    if (heir === "standalone" || verb === "DEL" || recordedPlugins(scene).length > 0) {
      await mustWork(scene, "DEL");
      await expectEmpty(scene, "behind the next DEL");
    }
    if (heir === "standalone" && step % STEPS_OF_WHOLE_PROOF !== 0) return killed;
    const { result } = await mustWork(scene, "ADD");
    expectOwnAddresses(scene, addressesOf(result));
    await expectTraffic(scene, { hasHostPort: network.hasHostPorts });
    await mustWork(scene, "DEL");
    await expectEmpty(scene, "behind ADD and DEL");
  } catch (cause) {
    throw new Error(
      `${where}: ${cause instanceof Error ? cause.message : cause}\n${scene.agents.serving?.log() ?? ""}`,
      {
        cause,
      },
    );
  }
  return killed;
}

/** What kill-at-step.ts wrote when the step began. */
function takeBegun({ control }: TestNode): string | undefined {
  rmSync(control);
  try {
    return readFileSync(`${control}.begun`, "utf8");
  } catch {
    return undefined;
  } finally {
    rmSync(`${control}.begun`, { force: true });
  }
}

/** The launcher has told the runtime, unless the answer was on its way already. */
async function expectDeadAgent({ agents }: Scene, { error }: CniOutcome): Promise<void> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve("not at all"), DIED_DEADLINE_MS);
  assert.equal(await Promise.race([agents.serving?.ended, late.promise]), "SIGKILL", "the agent has ended");
  clearTimeout(timer);
  if (error === undefined) return;
  assert.equal(error.code, 11);
  assert.match(
    error.message,
    /^Lost the connection to the Podwire agent before it answered; the call can be repeated;/,
  );
}

/** All or nothing, as far as the ledger tells what was done. */
async function expectRecovered(scene: Scene): Promise<void> {
  const { node, network } = scene;
  await startSpare(node, scene.agents);
  const unfinished = stateFiles(node).filter((line) => /^record [^{]*\.(adding|deleting): /.test(line));
  assert.deepEqual(unfinished, [], "no record is in a half state");
  const recorded = recordedPlugins(scene);
  if (recorded.length === 0) return await expectEmpty(scene, "behind the start of the agent");
  // A chain that was not finished: what is recorded is whole, of the rest there is nothing.
  assert.equal(recorded[0], network.plugins[0]?.["type"], "plugins are added from the front");
  await expectTraffic(scene, { hasHostPort: recorded.includes("portmap") });
  const hostPorts = (await takeSnapshot(node, [])).filter((line) => line.includes(`. ${scene.pod.hostPort} `));
  if (!recorded.includes("portmap")) assert.deepEqual(hostPorts, []);
}

/** Types of the plugins whose ADD for the pod is on record. */
function recordedPlugins({ node, pod, network }: Scene): readonly string[] {
  const present = new Set(stateFiles(node).map((line) => line.slice(0, line.indexOf(": "))));
  return network.plugins
    .map(({ type }) => String(type))
    .filter((type) => present.has(`record ${pod.containerId}:eth0:${network.name}:${type}`));
}

async function mustWork({ node, network, pod }: Scene, verb: "ADD" | "DEL"): Promise<CniOutcome> {
  const outcome = await callChain(node, network, pod, verb);
  assert.equal(outcome.error, undefined, `the next ${verb}: ${JSON.stringify(outcome.error)}`);
  return outcome;
}

async function expectEmpty({ node, pod, empty }: Scene, when: string): Promise<void> {
  const now = await takeSnapshot(node, [pod.netns]);
  const left = now.filter((line) => !empty.includes(line));
  const missing = empty.filter((line) => !now.includes(line));
  assert.deepEqual({ left, missing }, { left: [], missing: [] }, `nothing of the pod is there ${when}`);
  assert.equal(now.length, empty.length, `nothing is there twice ${when}`);
}

function expectOwnAddresses({ background }: Scene, addresses: readonly string[]): void {
  assert.ok(addresses.length > 0);
  const taken = background.flatMap((other) => other.addresses);
  assert.deepEqual(
    addresses.filter((address) => taken.includes(address)),
    [],
    "the address is nobody else's",
  );
}

async function expectTraffic(scene: Scene, { hasHostPort }: { readonly hasHostPort: boolean }): Promise<void> {
  const { node, pod, background, network } = scene;
  const toOthers = background.flatMap(({ pod: other, addresses }) =>
    addresses.map((host): Path => ({ from: pod.prober, host, says: new RegExp(`^${other.containerId} sees `) })),
  );
  const ofOthers = background.flatMap((other) => pathsOf(node, other.pod, { hasHostPort: network.hasHostPorts }));
  const broken = await findBrokenPaths([...pathsOf(node, pod, { hasHostPort }), ...toOthers, ...ofOthers]);
  assert.deepEqual(broken, [], "all pods are connected");
}

async function startSpare(node: TestNode, agents: Agents): Promise<void> {
  const { program, spare = loadAgent(node, program) } = agents;
  agents.serving = spare;
  agents.spare = loadAgent(node, program);
  await spare.start();
}

async function stopAgent({ agents }: Scene): Promise<void> {
  await agents.serving?.[Symbol.asyncDispose]();
  agents.serving = undefined;
}
