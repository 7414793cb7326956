/**
 * The same path as a cluster of ours has it: our underlay, pods attached by our installed CNI plugin with the
 * configuration that Flannel's plugin would delegate, and our data plane between the nodes.
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type IpAddress, parsePrefix } from "#base/ip-address.ts";
import { NODE_LINK } from "#cluster/underlay/node-uplink.ts";
import { startUnderlay } from "#cluster/underlay/underlay.ts";
import type { Backend, Connectivity, DesiredNetwork } from "#dataplane/contract.ts";
import { createHostGw } from "#dataplane/host-gw/apply.ts";
import type { NodeKernel } from "#dataplane/run-operations.ts";
import { createUdp } from "#dataplane/udp/apply.ts";
import { vtepMac } from "#dataplane/vtep-mac.ts";
import { createVxlan } from "#dataplane/vxlan/apply.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { type BenchPod, createBenchNodes, podSubnet } from "./nodes.ts";
import { type BenchPath, type PodPair, UNDERLAY_MTU_BYTES } from "./paths.ts";

export interface PodwireOptions {
  /** Our launchers; see install-ours.ts. */
  readonly binDir: string;
  /** For what plugins keep. */
  readonly stateDir: string;
}

export async function makeByPodwire(path: BenchPath, options: PodwireOptions, signal: AbortSignal): Promise<PodPair> {
  await using stack = new AsyncDisposableStack();
  const { backend } = path;
  const { nodes, client, server } = stack.use(createBenchNodes(backend === undefined));
  const underlay = stack.use(
    await startUnderlay(
      { clusterName: `bench-${path.name}`, dualStack: false, mtuBytes: UNDERLAY_MTU_BYTES, isHostJoined: false },
      signal,
    ),
  );
  const uplinks = await Promise.all(
    nodes.map(({ path: netnsPath }, index) =>
      underlay.attachNode({ nodeName: nodeName(index + 1), index, netnsPath }, signal),
    ),
  );
  for (const pod of [client, server]) {
    const node = nodes[pod.node - 1];
    if (node !== undefined) await attachPod({ node, pod, mtuBytes: path.podMtuBytes, ...options }, signal);
  }
  if (backend !== undefined) {
    const addresses = uplinks.map((uplink) => uplink.addresses[4]);
    for (const [index, netns] of nodes.entries()) {
      const socket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
      const plane = stack.use(planes[backend]({ socket, netns }));
      const desired = desiredOf(backend, index, addresses);
      const { problems } = await plane.apply(desired, signal);
      const [problem] = problems;
      if (problem !== undefined) throw new Error(`Cannot make ${backend}: ${problem.reason}`);
      const mtuBytes = plane.podMtuBytes(desired.local);
      if (mtuBytes !== path.podMtuBytes) throw new Error(`${backend} wants an MTU of ${mtuBytes} bytes for pods`);
    }
  }
  const owned = stack.move();
  return {
    clientNetnsPath: client.netns.path,
    serverNetnsPath: server.netns.path,
    serverAddress: server.address,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const planes: Readonly<Record<Backend, (kernel: NodeKernel) => Connectivity>> = {
  "host-gw": (kernel) => createHostGw(kernel),
  vxlan: (kernel) => createVxlan(kernel),
  udp: (kernel) => createUdp(kernel),
};

function nodeName(node: number): string {
  return `node-${node}`;
}

function desiredOf(backend: Backend, index: number, addresses: readonly IpAddress[]): DesiredNetwork {
  const parts = addresses.map((address, at) => ({
    name: nodeName(at + 1),
    podPrefixes: { 4: parsePrefix(podSubnet(at + 1)) },
    vtepMacs: { 4: vtepMac(nodeName(at + 1), 4) },
    address,
  }));
  const own = parts[index];
  if (own === undefined) throw new RangeError(`Cannot take node ${index}: there are ${parts.length}`);
  return {
    local: { ...own, underlay: { 4: { link: NODE_LINK, address: own.address } } },
    peers: parts
      .filter((part) => part !== own)
      .map(({ address, ...peer }) => ({ ...peer, backend, underlayAddresses: { 4: address } })),
  };
}

interface Attachment extends PodwireOptions {
  readonly node: Netns;
  readonly pod: BenchPod;
  readonly mtuBytes: number;
}

/** One ADD, by the executable. */
async function attachPod({ node, pod, mtuBytes, binDir, stateDir }: Attachment, signal: AbortSignal): Promise<void> {
  const folder = join(stateDir, String(node.inode));
  await mkdir(folder, { recursive: true });
  const conf = {
    cniVersion: "1.0.0",
    name: "bench",
    type: "bridge",
    bridge: "cni0",
    mtu: mtuBytes,
    hairpinMode: true,
    isGateway: true,
    isDefaultGateway: true,
    ipMasq: false,
    ipam: {
      type: "host-local",
      ranges: [[{ subnet: podSubnet(pod.node), rangeStart: pod.address, rangeEnd: pod.address }]],
      dataDir: join(folder, "networks"),
    },
  };
  const env = {
    PATH: process.env["PATH"],
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: `bench-${pod.address.replaceAll(".", "-")}`,
    CNI_NETNS: pod.netns.path,
    CNI_IFNAME: "eth0",
    CNI_PATH: binDir,
    PODWIRE_RUN_DIR: join(folder, "run"),
    PODWIRE_STATE_DIR: join(folder, "state"),
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = execFile(
    "nsenter",
    [`--net=${node.path}`, "--", join(binDir, "bridge")],
    { env, signal },
    (cause, stdout) => (cause === null ? resolve() : reject(new Error(`Cannot attach a pod: ${stdout}`, { cause }))),
  );
  child.stdin?.end(JSON.stringify(conf));
  await promise;
}
