/**
 * A path made with `ip` and `bridge`, as in a textbook: bridges, veth pairs, routes, and a VXLAN link with permanent
 * neighbours. No software of ours is in it, so this is what the kernel gives.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Netns, unshareNetns } from "#kernel/netns/netns.ts";
import { type BenchPod, createBenchNodes, podSubnet } from "./nodes.ts";
import { type BenchPath, type PodPair, UNDERLAY_MTU_BYTES } from "./paths.ts";

const run = promisify(execFile);

const nodeAddress = (node: number): string => `192.168.60.${node}`;
const vtepMac = (node: number): string => `02:00:00:00:00:0${node}`;

export async function makeByHand({ backend, podMtuBytes }: BenchPath, signal: AbortSignal): Promise<PodPair> {
  using stack = new DisposableStack();
  const { nodes, client, server } = stack.use(createBenchNodes(backend === undefined));
  const underlay = stack.use(unshareNetns());
  await shell(underlay, underlayCommands(nodes), signal);
  for (const [index, netns] of nodes.entries()) {
    const node = index + 1;
    const pods = [client, server].filter((pod) => pod.node === node);
    await shell(netns, [...nodeCommands(node), ...pods.flatMap((pod) => podLinkCommands(pod, podMtuBytes))], signal);
    for (const pod of pods) await shell(pod.netns, podCommands(pod), signal);
    await shell(netns, peerCommands(backend, node, 3 - node), signal);
  }
  const owned = stack.move();
  return {
    clientNetnsPath: client.netns.path,
    serverNetnsPath: server.netns.path,
    serverAddress: server.address,
    [Symbol.asyncDispose]: async () => owned.dispose(),
  };
}

function underlayCommands(nodes: readonly Netns[]): readonly string[] {
  return [
    `ip link add br0 mtu ${UNDERLAY_MTU_BYTES} type bridge`,
    "ip link set br0 up",
    ...nodes.flatMap(({ path }, index) => [
      `ip link add node${index + 1} type veth peer name eth0 netns ${path}`,
      `ip link set node${index + 1} master br0 up`,
    ]),
  ];
}

function nodeCommands(node: number): readonly string[] {
  return [
    `ip address add ${nodeAddress(node)}/24 dev eth0`,
    "ip link set eth0 up",
    "ip link add cni0 type bridge",
    `ip address add 10.244.${node}.1/24 dev cni0`,
    "ip link set cni0 up",
  ];
}

function podLinkCommands({ netns, address }: BenchPod, mtuBytes: number): readonly string[] {
  const name = `pod${address.split(".")[3]}`;
  return [
    `ip link add ${name} mtu ${mtuBytes} type veth peer name eth0 mtu ${mtuBytes} netns ${netns.path}`,
    `ip link set ${name} master cni0 up`,
  ];
}

function podCommands({ address, node }: BenchPod): readonly string[] {
  return [`ip address add ${address}/24 dev eth0`, "ip link set eth0 up", `ip route add default via 10.244.${node}.1`];
}

function peerCommands(backend: BenchPath["backend"], node: number, peer: number): readonly string[] {
  switch (backend) {
    case undefined:
      return [];
    case "host-gw":
      return [`ip route add ${podSubnet(peer)} via ${nodeAddress(peer)}`];
    case "vxlan":
      return [
        `ip link add flannel.1 address ${vtepMac(node)} type vxlan id 1 local ${nodeAddress(node)} dev eth0 dstport 8472 nolearning`,
        `ip address add 10.244.${node}.0/32 dev flannel.1`,
        "ip link set flannel.1 up",
        `ip route add ${podSubnet(peer)} via 10.244.${peer}.0 dev flannel.1 onlink`,
        `ip neighbour add 10.244.${peer}.0 lladdr ${vtepMac(peer)} dev flannel.1 nud permanent`,
        `bridge fdb append ${vtepMac(peer)} dev flannel.1 dst ${nodeAddress(peer)}`,
      ];
    case "udp":
      throw new Error("Cannot make udp by hand: it needs a program in user space");
  }
}

async function shell(netns: Netns, commands: readonly string[], signal: AbortSignal): Promise<void> {
  await run("nsenter", [`--net=${netns.path}`, "--", "sh", "-euc", commands.join("\n")], { signal });
}
