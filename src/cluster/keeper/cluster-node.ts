/**
 * One node of a cluster over its whole life: started, stopped in order, crashed, started again. The node itself is a
 * component that is kept: should its process 1 end, it boots again, as a machine would.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "#base/log.ts";
import type { Pki } from "#control-plane/pki/open-pki.ts";
import { type NodeDisks, renameLedger } from "../node-disks.ts";
import { type NodeMachine, startNodeMachine } from "../node-machine.ts";
import { useRegistry } from "../registry/use-registry.ts";
import type { Underlay } from "../underlay/underlay.ts";
import { type ClusterSpec, dnsAddresses } from "./cluster-spec.ts";
import type { NodeState } from "./cluster-status.ts";
import type { Component, RunningComponent } from "./component.ts";
import {
  agentComponent,
  containerdComponent,
  dnsComponent,
  kubeletComponent,
  kubeletRegistration,
} from "./node-components.ts";
import { issueNodeIdentity, type NodeIdentityOptions, writeNodeIdentity } from "./node-identity.ts";
import { type Supervised, type SupervisedStatus, supervise } from "./supervise.ts";

export interface ClusterNodeOptions {
  readonly name: string;
  /** From 0. */
  readonly index: number;
  readonly clusterName: string;
  readonly stateDir: string;
  readonly disks: Pick<NodeDisks, "open">;
  readonly binDir: string;
  readonly logDir: string;
  readonly version: string;
  readonly spec: Pick<ClusterSpec, "serviceProxy" | "serviceCidrs" | "policy" | "established" | "dns" | "dnsUpstream">;
  readonly underlay: Underlay;
  /** Where images come from, whatever their names say. */
  readonly registryUrl: string;
  readonly pki: Promise<Pki>;
  /** The API's URL. */
  readonly server: string;
  /** Resolves when the API serves. */
  readonly apiServing: Promise<unknown>;
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
  const { name, spec, log } = options;
  await using cleanup = new AsyncDisposableStack();
  const diskDir = await options.disks.open(name, signal);
  const machine = cleanup.use(await startNodeMachine({ ...options, diskDir }, signal));
  await renameLedger(machine.rootPath, (await stat(machine.netnsPath)).ino);
  const logDir = join(options.logDir, name);
  const programs = { machine, logDir };
  const parts: Supervised[] = [];
  const ending = new AbortController();
  let named: Promise<void> | undefined;
  /** Stopped in reverse; a machine that is killed takes all of them along, and waits for those who watch over them. */
  const stopParts = async (how: "SIGTERM" | "SIGKILL"): Promise<void> => {
    ending.abort(new Error(`node ${name} ends`));
    const killed = how === "SIGKILL" ? machine.kill() : undefined;
    killed?.catch(() => undefined); // told below
    await named?.catch(() => undefined); // what is being started is stopped, too
    for (const part of parts.toReversed()) await part.stop(how);
    await killed;
  };
  cleanup.defer(() => stopParts("SIGKILL"));
  const run = async (component: Component): Promise<void> => {
    const deps = { log: withNode(log, name) };
    parts.push(await supervise(component, deps, signal));
  };
  const joinCluster = async (): Promise<void> => {
    const { index, underlay } = options;
    const { addresses } = await underlay.attachNode({ nodeName: name, index, netnsPath: machine.netnsPath }, signal);
    const identity: NodeIdentityOptions = {
      pki: await options.pki,
      server: options.server,
      addresses: [addresses[4], addresses[6]].filter((address) => address !== undefined),
      nodeName: name,
      clusterName: options.clusterName,
      podCgroupParent: machine.podCgroupParent,
      // The others are for pods with no IPv4, which no pod of such a cluster is.
      clusterDns: spec.dns === "podwire" ? dnsAddresses(spec).slice(0, 1) : [],
      version: options.version,
    };
    await writeNodeIdentity(machine.rootPath, await issueNodeIdentity(identity));
  };
  await Promise.all([
    joinCluster(),
    useRegistry(machine, options.registryUrl).then(() => run(containerdComponent(programs))),
    options.apiServing,
  ]);
  const registration = kubeletRegistration(programs);
  await Promise.all([run(agentComponent({ ...programs, spec })), run(kubeletComponent(programs))]);
  // Pods ask for names, a node does not: before, it would only take turns with what makes the node ready.
  named = registration(ending.signal).then(async () => {
    if (spec.dns === "podwire") await run(dnsComponent({ ...programs, spec }));
  });
  named.catch(() => undefined); // told to those who wait for it
  const registered = async (waiting: AbortSignal): Promise<void> => {
    await registration(waiting);
    await named;
  };

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
