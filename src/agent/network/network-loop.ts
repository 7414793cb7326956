/**
 * Keeps this node's part of the pod network as the cluster wants it: reads what the cluster says and what the kernel has,
 * plans, applies, and announces what then receives. Runs when either changes, and on a slow timer.
 */
import type { Family } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import type { MacAddress } from "#base/mac-address.ts";
import { startReconcileLoop } from "#base/reconcile-loop.ts";
import { FAMILIES, type PeerProblem } from "#dataplane/contract.ts";
import { formatSubnetFile } from "#dataplane/flannel-formats.ts";
import type { NodeKernel } from "#dataplane/run-operations.ts";
import { TUN_LINK } from "#dataplane/udp/plan.ts";
import { lookupRoutes, observeUnderlay, type UnderlayLink } from "#dataplane/underlay.ts";
import { vxlanLinkName } from "#dataplane/vxlan/vxlan-options.ts";
import { watchRtnetlink } from "#kernel/rtnetlink/events.ts";
import { listLinks } from "#kernel/rtnetlink/link.ts";
import type { Ledger } from "../ledger.ts";
import type { NatLoop } from "../loops/nat.ts";
import { startAnnouncer } from "./announcer.ts";
import { applyBridge } from "./apply-bridge.ts";
import { type ChosenUnderlay, chooseUnderlay } from "./choose-underlay.ts";
import type { ClusterNetwork, SubnetSource } from "./cluster-network.ts";
import { keepNetworkFiles } from "./keep-network-files.ts";
import { conflistText, rivalConflists } from "./network-files.ts";
import { observeHostLinks } from "./observe-host-links.ts";
import { BRIDGE, type BridgeWishes, bridgePorts } from "./plan-bridge.ts";
import { type NetworkPlan, type ObservedHost, peerAddresses, planNetwork, podFamilies } from "./plan-network.ts";
import type { PlaneSet } from "./plane-set.ts";
import { isRelevantEvent, type WatchedLinks } from "./relevant-event.ts";

export interface NetworkLoopDeps {
  readonly kernel: NodeKernel;
  readonly source: SubnetSource;
  readonly planes: PlaneSet;
  readonly nat: Pick<NatLoop, "setPodNetworks">;
  readonly ledger: Pick<Ledger, "all">;
  readonly log: Log;
}

export interface NetworkLoopOptions {
  readonly iface?: string | undefined;
  readonly publicAddresses: ClusterNetwork["own"]["publicAddresses"];
  readonly subnetFile: string;
  readonly conflistFile: string;
}

/** Of the last run. */
export interface AppliedNetwork {
  readonly network: ClusterNetwork;
  readonly plan: NetworkPlan;
  readonly underlay: ObservedHost["underlay"];
  readonly podMtuBytes: number;
  readonly problems: readonly PeerProblem[];
  /** Of this node. */
  readonly nodeProblems: readonly string[];
  readonly bridge: BridgeWishes;
}

export interface LastRun {
  readonly at: Date;
  readonly durationMs: number;
  /** In the words of `ip`, `bridge` and others; empty when nothing differed. */
  readonly changes: readonly string[];
  readonly error: string | undefined;
}

export interface NetworkState {
  /** Why nothing is applied; undefined when all is. */
  readonly waitingFor: string | undefined;
  /** The last one that was applied, be it while now something is missing. */
  readonly applied: AppliedNetwork | undefined;
  /** Undefined before the first run that had all it needs. */
  readonly lastRun: LastRun | undefined;
  /** The last run that changed something. */
  readonly lastChange: LastRun | undefined;
}

export interface NetworkLoop extends AsyncDisposable {
  markDirty(): void;
  /** Calls `look` between two runs. */
  inspect<T>(look: (state: NetworkState) => T): Promise<T>;
}

const MIN_INTERVAL_MS = 100;
const RETRY_MS = 1_000;
const RESYNC_MS = 60_000;
const RUN_TIMEOUT_MS = 30_000;
const LOGGED_CHANGES = 8;

export function startNetworkLoop(deps: NetworkLoopDeps, options: NetworkLoopOptions): NetworkLoop {
  const { kernel, source, planes, nat, ledger, log } = deps;
  const { socket } = kernel;
  const stop = new AbortController();
  const announcer = startAnnouncer({ source, log });
  const files = keepNetworkFiles(() => loop.markDirty());
  let state: NetworkState = {
    waitingFor: "the first run",
    applied: undefined,
    lastRun: undefined,
    lastChange: undefined,
  };
  let watched: WatchedLinks | undefined;
  let bridgeMac: MacAddress | undefined;
  /** What the log said last of the state of affairs. */
  let told: string | undefined;
  let running: Promise<void> | undefined;

  function wait(reason: string): void {
    if (state.waitingFor !== reason) log.info("pod network waits", { reason });
    state = { ...state, waitingFor: reason };
    told = undefined;
  }

  /** Once for each state of affairs. */
  function tell({ plan, problems, nodeProblems }: AppliedNetwork): void {
    const reasons = [...nodeProblems, ...problems.map(({ peer, family, reason }) => `${peer} IPv${family}: ${reason}`)];
    const text = [plan.desired.peers.length, plan.backends, ...reasons].join("\n");
    if (text === told) return;
    told = text;
    const peers = plan.desired.peers.length;
    const first = reasons.slice(0, LOGGED_CHANGES).join("; ");
    log.info("pod network ready", {
      peers,
      backends: plan.backends.join(","),
      problems: reasons.length,
      ...(first && { first }),
    });
  }

  function observe(network: ClusterNetwork, families: readonly Family[]) {
    const host = observeHostLinks(socket);
    const { own } = network;
    const choice = chooseUnderlay(
      {
        families,
        iface: options.iface,
        publicAddresses: mergeAddresses(options.publicAddresses, own.publicAddresses),
        internalAddresses: own.internalAddresses,
        previous: state.applied?.underlay ?? {},
      },
      host,
    );
    const local = { name: own.name, podPrefixes: own.podPrefixes, underlay: choice.underlay };
    const found = observeUnderlay(socket, local);
    const underlay = { 4: joined(choice.underlay[4], found[4]), 6: joined(choice.underlay[6], found[6]) };
    const bridge = host.links.find(({ name }) => name === BRIDGE);
    bridgeMac = bridge?.mac ?? bridgeMac;
    return { links: host.links, underlay, nodeProblems: choice.problems };
  }

  /** Answers what was changed. */
  async function apply(network: ClusterNetwork, families: readonly Family[], signal: AbortSignal) {
    const { links, underlay, nodeProblems } = observe(network, families);
    // What is missing may come with any link, address or route.
    const watch = (all: typeof links): WatchedLinks | undefined =>
      nodeProblems.length > 0 ? undefined : watchedLinks(all, underlay, network, ledger);
    watched = watch(links);
    if (underlay[4] === undefined && underlay[6] === undefined) return wait(nodeProblems.join("; "));
    if (state.applied && !isSameAddress(state.applied.underlay, underlay)) source.reconnect?.();
    const lookups = lookupRoutes(socket, peerAddresses(network));
    const plan = planNetwork(network, { underlay, lookups });
    const { applied, failure } = await tryApply(network, plan, signal);
    const podMtuBytes = Math.min(...planes.planes.map((plane) => plane.podMtuBytes(plan.desired.local)));
    const bridge: BridgeWishes = {
      ports: bridgePorts(ledger.all()),
      podPrefixes: plan.podNetworks.nodePods,
      mtuBytes: podMtuBytes,
      mac: bridgeMac,
    };
    state = {
      ...state,
      waitingFor: undefined,
      applied: {
        network,
        plan,
        underlay,
        podMtuBytes,
        problems: [...plan.problems, ...applied.problems],
        nodeProblems: [...nodeProblems, ...network.problems, ...rivalConflists(options.conflistFile)],
        bridge,
      },
    };
    const sets = nat.setPodNetworks(plan.podNetworks);
    const repaired = applyBridge(kernel, bridge);
    watched = watch(listLinks(socket));
    // Who announces itself or lets pods start has to receive.
    if (failure !== undefined) throw failure;
    const written = files.write([
      { path: options.subnetFile, text: subnetFileText(plan, podMtuBytes) },
      { path: options.conflistFile, text: conflistText() },
    ]);
    announcer.announce(plan.announcement);
    return [
      ...applied.changes,
      ...repaired,
      ...sets.map((set) => `set ${set}`),
      ...written.map((path) => `write ${path}`),
    ];
  }

  /** What fails between the nodes must not harm what the node does by itself. */
  async function tryApply({ conf }: ClusterNetwork, { backends, desired }: NetworkPlan, signal: AbortSignal) {
    try {
      return { applied: await planes.apply({ backends, settings: conf.backend }, desired, signal), failure: undefined };
    } catch (failure) {
      return { applied: { changes: [], problems: [] }, failure };
    }
  }

  async function sync(): Promise<void> {
    const snapshot = source.snapshot();
    if (snapshot.state === "waiting") return wait(snapshot.reason);
    const families = podFamilies(snapshot.network);
    if (typeof families === "string") return wait(families);
    const at = new Date();
    const startedMs = performance.now();
    const finish = (changes: readonly string[], error: string | undefined): void => {
      const run: LastRun = { at, durationMs: Math.round(performance.now() - startedMs), changes, error };
      state = { ...state, lastRun: run, ...(changes.length > 0 && { lastChange: run }) };
      if (changes.length === 0) return;
      const shown = changes.slice(0, LOGGED_CHANGES).join("; ");
      log.info("pod network applied", { changes: changes.length, durationMs: run.durationMs, first: shown });
    };
    try {
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(RUN_TIMEOUT_MS)]);
      const changes = await apply(snapshot.network, families, signal);
      if (changes === undefined) return;
      finish(changes, undefined);
      if (state.applied) tell(state.applied);
    } catch (error) {
      finish([], error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  const loop = startReconcileLoop({
    name: "network",
    minIntervalMs: MIN_INTERVAL_MS,
    retryMs: RETRY_MS,
    resyncMs: RESYNC_MS,
    onError: (error) => {
      if (!stop.signal.aborted) log.error("pod network not applied", { error: String(error) });
    },
    sync() {
      running = sync().finally(() => {
        running = undefined;
      });
      return running;
    },
  });
  const events = watchRtnetlink(
    { netns: kernel.netns, groups: ["link", "address", "route", "neighbour"] },
    {
      event(event) {
        if (event.object === "link" && event.link.name === BRIDGE) bridgeMac = event.link.mac ?? bridgeMac;
        if (isRelevantEvent(event, watched)) loop.markDirty();
      },
      lost: () => loop.markDirty(),
    },
  );
  return {
    markDirty: () => loop.markDirty(),
    async inspect(look) {
      while (running !== undefined) await running.catch(() => undefined); // told by the loop
      const { applied } = state;
      if (applied === undefined) return look(state);
      return look({
        ...state,
        applied: { ...applied, nodeProblems: [...applied.nodeProblems, ...announcer.problems()] },
      });
    },
    async [Symbol.asyncDispose]() {
      files[Symbol.dispose]();
      events[Symbol.dispose]();
      stop.abort(new Error("the agent stops"));
      await loop[Symbol.asyncDispose]();
      await announcer[Symbol.asyncDispose]();
    },
  };
}

function watchedLinks(
  links: readonly { readonly name: string; readonly ifindex: number }[],
  underlay: ObservedHost["underlay"],
  { conf }: ClusterNetwork,
  ledger: Pick<Ledger, "all">,
): WatchedLinks {
  const vni = (conf.backend.type === "vxlan" ? conf.backend.vni : undefined) ?? 1;
  const names = new Set([TUN_LINK, ...FAMILIES.map((family) => vxlanLinkName(family, vni))]);
  return {
    underlay: new Set(FAMILIES.flatMap((family) => underlay[family]?.ifindex ?? [])),
    tunnels: new Set(links.filter(({ name }) => names.has(name)).map(({ ifindex }) => ifindex)),
    names,
    bridge: { name: BRIDGE, ifindex: links.find(({ name }) => name === BRIDGE)?.ifindex },
    isPort: (name) => bridgePorts(ledger.all()).some(({ link }) => link === name),
  };
}

function joined(chosen: ChosenUnderlay | undefined, found: UnderlayLink | undefined) {
  return chosen && found && { ...chosen, ...found };
}

function isSameAddress(before: ObservedHost["underlay"], now: ObservedHost["underlay"]): boolean {
  return FAMILIES.every((family) => before[family]?.address === now[family]?.address);
}

function mergeAddresses(
  given: NetworkLoopOptions["publicAddresses"],
  annotated: NetworkLoopOptions["publicAddresses"],
): NetworkLoopOptions["publicAddresses"] {
  return { 4: annotated[4] ?? given[4], 6: annotated[6] ?? given[6] };
}

function subnetFileText({ desired, networks }: NetworkPlan, mtuBytes: number): string {
  return formatSubnetFile({ networks, podPrefixes: desired.local.podPrefixes, mtuBytes, ipMasq: true });
}
