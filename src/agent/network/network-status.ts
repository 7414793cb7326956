/** What the agent says about the pod network, compared with the kernel at the moment of asking. */
import { type Family, formatPrefix, networkOf } from "#base/ip-address.ts";
import { type Backend, type Connectivity, FAMILIES, type ObservedPath, type Peer } from "#dataplane/contract.ts";
import { podNetworkDrift } from "#dataplane/nat/pod-networks.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { observeBridge } from "./apply-bridge.ts";
import type { SubnetSource } from "./cluster-network.ts";
import { forwardDrops } from "./forward-policy.ts";
import type { AppliedNetwork, LastRun, NetworkState } from "./network-loop.ts";
import { describeBridgeOperation, planBridge } from "./plan-bridge.ts";

export interface NetworkStatus {
  readonly node: string;
  readonly source: string;
  readonly state: "ready" | "waiting" | "failing";
  /** What is missing, or what failed last. */
  readonly reason: string;
  readonly backend: Backend | undefined;
  /** Data planes that run: that of its own back end first, then those by which some peers are reached or reach it. */
  readonly planes: readonly Backend[];
  readonly podPrefixes: readonly string[];
  /** `eth0 192.168.50.1 (InternalIP of the node)` */
  readonly underlay: readonly string[];
  readonly podMtuBytes: number | undefined;
  readonly lastApply: RunStatus | undefined;
  readonly lastChange: RunStatus | undefined;
  /** What the next run would change. */
  readonly drift: readonly string[];
  readonly problems: readonly string[];
}

export interface RunStatus {
  /** RFC 3339 */
  readonly at: string;
  readonly durationMs: number;
  readonly changes: readonly string[];
  readonly error: string | undefined;
}

/** One peer in one family. */
export interface PeerStatus {
  readonly peer: string;
  readonly pods: string;
  /** By which packets go there. */
  readonly backend: Backend;
  readonly announces: Backend | undefined;
  readonly address: string | undefined;
  /** As the kernel has it; undefined when there is no route. */
  readonly link: string | undefined;
  readonly gateway: string | undefined;
  readonly vtepMac: string | undefined;
  readonly mtuBytes: number | undefined;
  /** "" when packets go there. */
  readonly problem: string;
}

export interface NetworkReport {
  readonly network: NetworkStatus;
  readonly peers: readonly PeerStatus[];
}

export interface ReportDeps {
  readonly nodeName: string;
  readonly source: Pick<SubnetSource, "description">;
  readonly planes: readonly Connectivity[];
  readonly socket: NetlinkSocket;
  readonly nft: NftSocket;
}

export function networkReport(state: NetworkState, deps: ReportDeps): NetworkReport {
  const { waitingFor, applied, lastRun, lastChange } = state;
  const error = lastRun?.error;
  const reason = waitingFor ?? error ?? "";
  return {
    network: {
      node: deps.nodeName,
      source: deps.source.description,
      state: waitingFor !== undefined ? "waiting" : error === undefined ? "ready" : "failing",
      reason,
      backend: applied?.network.conf.backend.type,
      planes: applied?.plan.backends ?? [],
      podPrefixes: FAMILIES.flatMap((family) => {
        const prefix = applied?.plan.desired.local.podPrefixes[family];
        return prefix === undefined ? [] : [formatPrefix(networkOf(prefix))];
      }),
      underlay: FAMILIES.flatMap((family) => {
        const underlay = applied?.underlay[family];
        return underlay === undefined ? [] : [`${underlay.link} ${underlay.address} (${underlay.reason})`];
      }),
      podMtuBytes: applied?.podMtuBytes,
      lastApply: lastRun && runStatus(lastRun),
      lastChange: lastChange && runStatus(lastChange),
      drift: applied === undefined ? [] : findDrift(applied, deps),
      problems:
        applied === undefined
          ? []
          : [...applied.nodeProblems, ...forwardDrops(deps.nft, applied.plan.podNetworks.networks)],
    },
    peers: applied === undefined ? [] : peersOf(applied, deps),
  };
}

function runStatus({ at, ...rest }: LastRun): RunStatus {
  return { at: at.toISOString(), ...rest };
}

function findDrift({ plan, bridge }: AppliedNetwork, { planes, socket, nft }: ReportDeps): readonly string[] {
  return [
    ...planes.flatMap((plane) => plane.drift(plan.desired).changes),
    ...planBridge(bridge, observeBridge(socket)).map(describeBridgeOperation),
    ...podNetworkDrift(nft, plan.podNetworks),
  ];
}

function peersOf({ network, plan, problems }: AppliedNetwork, { planes }: ReportDeps): readonly PeerStatus[] {
  const paths = new Map(planes.map((plane) => [plane.backend, plane.observe()]));
  const known = new Map(plan.desired.peers.map((peer) => [peer.name, peer]));
  return network.others.flatMap((node): readonly PeerStatus[] => {
    const peer = known.get(node.name);
    if (peer === undefined)
      return [unknownPeer(node.name, node.problem ?? "no agent has announced it yet", network.conf.backend.type)];
    const { podPrefixes } = plan.desired.local;
    return FAMILIES.filter((family) => podPrefixes[family] && peer.podPrefixes[family]).map((family) => {
      const found = problems.find((problem) => problem.peer === peer.name && problem.family === family);
      return peerStatus(peer, family, { announces: node.announcement?.backend, paths, problem: found?.reason });
    });
  });
}

function unknownPeer(peer: string, problem: string, backend: Backend): PeerStatus {
  return {
    peer,
    pods: "",
    backend,
    announces: undefined,
    address: undefined,
    link: undefined,
    gateway: undefined,
    vtepMac: undefined,
    mtuBytes: undefined,
    problem,
  };
}

interface PeerFacts {
  readonly announces: Backend | undefined;
  readonly paths: ReadonlyMap<Backend, readonly ObservedPath[]>;
  readonly problem: string | undefined;
}

function peerStatus(peer: Peer, family: Family, { announces, paths, problem }: PeerFacts): PeerStatus {
  const { name, backend, podPrefixes, underlayAddresses, vtepMacs } = peer;
  const prefix = podPrefixes[family];
  const pods = prefix === undefined ? "" : formatPrefix(networkOf(prefix));
  const path = paths.get(backend)?.find(({ destination }) => formatPrefix(destination) === pods);
  const isTunnelled = backend === "vxlan" && path?.gateway !== underlayAddresses[family];
  return {
    peer: name,
    pods,
    backend,
    announces,
    address: underlayAddresses[family],
    link: path?.link,
    gateway: path?.gateway,
    vtepMac: isTunnelled ? vtepMacs?.[family] : undefined,
    mtuBytes: path?.linkMtuBytes,
    problem: problem ?? (path === undefined ? "there is no route to it" : ""),
  };
}
