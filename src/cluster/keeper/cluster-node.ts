/**
 * One node of a cluster over its whole life: started, stopped in order, crashed, started again. The node itself is a
 * component that is kept: should its process 1 end, it boots again, as a machine would.
 */
import { join } from "node:path";
import type { Log } from "#base/log.ts";
import type { Pki } from "#control-plane/pki/open-pki.ts";
import { type NodeMachine, startNodeMachine } from "../node-machine.ts";
import { useRegistry } from "../registry/use-registry.ts";
import type { Underlay } from "../underlay/underlay.ts";
import type { NodeState } from "./cluster-status.ts";
import type { Component, RunningComponent } from "./component.ts";
import { agentComponent, containerdComponent, kubeletComponent, kubeletRegistration } from "./node-components.ts";
import { issueNodeIdentity, type NodeIdentityOptions, writeNodeIdentity } from "./node-identity.ts";
import { type Supervised, type SupervisedStatus, supervise } from "./supervise.ts";

export interface ClusterNodeOptions {
  readonly name: string;
  /** From 0. */
  readonly index: number;
  readonly clusterName: string;
  readonly stateDir: string;
  readonly binDir: string;
  readonly logDir: string;
  readonly version: string;
  readonly underlay: Underlay;
  /** Where images come from, whatever their names say. */
  readonly registryUrl: string;
  readonly pki: Promise<Pki>;
  /** The API's URL, once it serves. */
  readonly apiServer: Promise<string>;
  readonly log: Log;
}

export interface ClusterNode {
  readonly name: string;
  state(): NodeState;
  initPid(): number | undefined;
  machine(): NodeMachine | undefined;
  components(): readonly SupervisedStatus[];
  /** Resolves when its kubelet, as it runs now, has written the node to the API. */
  registered(signal: AbortSignal): Promise<void>;
  /** Resolves when its programs run. Nothing happens when it runs already. */
  start(signal: AbortSignal): Promise<void>;
  /** Ends it: its programs in order, or everything at once. */
  stop(how: "stop" | "crash"): Promise<void>;
}

interface Booted {
  readonly machine: NodeMachine;
  readonly parts: readonly Supervised[];
  registered(signal: AbortSignal): Promise<void>;
}

export function createClusterNode(options: ClusterNodeOptions): ClusterNode {
  const { name, log } = options;
  let kept: Supervised | undefined;
  let booted: Booted | undefined;
  let transition: "starting" | "stopping" | undefined;
  /** One change after the other. */
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(step: () => Promise<T>): Promise<T> {
    const next = last.then(step, step);
    last = next.catch(() => undefined);
    return next;
  }

  const component: Component = {
    name,
    async start(signal) {
      const node = await bootNode(options, signal);
      booted = node.booted;
      void node.running.exited.then(() => {
        if (booted === node.booted) booted = undefined;
      });
      return node.running;
    },
  };

  return {
    name,
    state() {
      if (transition !== undefined) return transition;
      return kept?.status().state ?? "stopped";
    },
    initPid: () => booted?.machine.initPid,
    machine: () => booted?.machine,
    async registered(signal) {
      if (booted === undefined) throw new Error(`node ${name} does not run`);
      await booted.registered(signal);
    },
    components: () => booted?.parts.map((part) => part.status()) ?? [],
    start: (signal) =>
      inTurn(async () => {
        if (kept !== undefined) return await kept.running(signal);
        transition = "starting";
        try {
          kept = await supervise(component, { log }, signal);
        } finally {
          transition = undefined;
        }
      }),
    stop: (how) =>
      inTurn(async () => {
        transition = "stopping";
        try {
          await kept?.stop(how === "stop" ? "SIGTERM" : "SIGKILL");
        } finally {
          kept = undefined;
          transition = undefined;
        }
      }),
  };
}

/** A node from nothing to running programs. What was made goes again when a step fails. */
async function bootNode(
  options: ClusterNodeOptions,
  signal: AbortSignal,
): Promise<{ readonly booted: Booted; readonly running: RunningComponent }> {
  const { name, log } = options;
  await using cleanup = new AsyncDisposableStack();
  const machine = cleanup.use(await startNodeMachine(options, signal));
  const logDir = join(options.logDir, name);
  const programs = { machine, logDir };
  const parts: Supervised[] = [];
  /** Stopped in reverse; those of a machine that has ended are only waited for. */
  const stopParts = async (how: "SIGTERM" | "SIGKILL"): Promise<void> => {
    if (how === "SIGKILL") await machine.kill();
    for (const part of parts.toReversed()) await part.stop(how);
  };
  cleanup.defer(() => stopParts("SIGKILL"));
  const run = async (component: Component): Promise<void> => {
    const deps = { log: withNode(log, name) };
    parts.push(await supervise(component, deps, signal));
  };
  const attach = async (): Promise<readonly string[]> => {
    const { index, underlay } = options;
    const { addresses } = await underlay.attachNode({ nodeName: name, index, netnsPath: machine.netnsPath }, signal);
    return [addresses[4], addresses[6]].filter((address) => address !== undefined);
  };
  const [addresses] = await Promise.all([
    attach(),
    useRegistry(machine, options.registryUrl).then(() => run(containerdComponent(programs))),
  ]);
  const [pki, server] = await Promise.all([options.pki, options.apiServer]);
  const identity: NodeIdentityOptions = {
    pki,
    server,
    addresses,
    nodeName: name,
    clusterName: options.clusterName,
    podCgroupParent: machine.podCgroupParent,
    version: options.version,
  };
  await writeNodeIdentity(machine.rootPath, await issueNodeIdentity(identity));
  const registered = kubeletRegistration(programs);
  await Promise.all([run(agentComponent(programs)), run(kubeletComponent(programs))]);

  const owned = cleanup.move();
  let isEnding: Promise<void> | undefined;
  const end = (how: "SIGTERM" | "SIGKILL"): Promise<void> => {
    isEnding ??= stopParts(how).then(() => owned.disposeAsync());
    return isEnding;
  };
  // The machine's end takes its programs along; its control groups and files go before it counts as ended.
  const exited = machine.exited.then(async () => {
    await end("SIGKILL");
    return `node ${name}: its process 1 ended`;
  });
  return {
    booted: { machine, parts, registered },
    running: { pid: () => machine.initPid, exited, end: (how) => end(how) },
  };
}

function withNode(log: Log, node: string): Log {
  return {
    info: (event, fields) => log.info(event, { node, ...fields }),
    error: (event, fields) => log.error(event, { node, ...fields }),
  };
}
