/**
 * A cluster's network without the cluster, for tests: three nodes with two pods each on one data plane, masquerade, and a
 * place outside that knows no way to pods. Faults are planted by `ip`, `bridge`, `nft` and `sysctl` of the machine.
 */
import { networkOf, parseAddress } from "#base/ip-address.ts";
import { createWorld, type TestNode, type TestPod, type World } from "#dataplane/conformance/world.ts";
import { type Connectivity, FAMILIES } from "#dataplane/contract.ts";
import type { NodeKernel } from "#dataplane/run-operations.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { testNetns } from "#kernel/testing/with-netns.ts";
import type { ClusterAccess } from "../cluster-access.ts";

export interface ClusterWorld extends AsyncDisposable {
  readonly world: World;
  readonly access: ClusterAccess;
  readonly outside: Netns;
  node(number: 1 | 2 | 3): TestNode;
  /** `pod(2, 0)` is the first pod of node2, `10.244.2.10`. */
  pod(node: 1 | 2 | 3, index: 0 | 1): TestPod;
  /** Each line is a command; they run in a namespace. */
  run(where: Pick<Netns, "fd">, ...commands: readonly string[]): Promise<void>;
}

const OUTSIDE_ADDRESSES = ["203.0.113.10", "2001:db8:113::10"].map(parseAddress);

export async function createClusterWorld(
  create: (kernel: NodeKernel) => Connectivity,
  backend: Connectivity["backend"],
): Promise<ClusterWorld> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await createWorld());
  const outside = stack.use(testNetns({ loopbackUp: true }));
  await joinOutside(world, outside);
  const planes = world.nodes.map((node) => stack.use(create(node)));
  const signal = AbortSignal.timeout(10_000);
  for (const [index, plane] of planes.entries())
    await plane.apply(
      world.desired(index, () => backend),
      signal,
    );
  const [first] = planes;
  const [node] = world.nodes;
  if (first !== undefined) world.setPodMtu(first.podMtuBytes(node.local));
  await Promise.all(world.nodes.map(({ netns }) => masquerade(netns)));
  const owned = stack.move();
  return {
    world,
    outside,
    access: accessOf(world, outside),
    node: (number) => world.nodes[number - 1] ?? node,
    pod: (number, index) => world.nodes[number - 1]?.pods[index] ?? unknownPod(number, index),
    run,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function run(where: Pick<Netns, "fd">, ...commands: readonly string[]): Promise<void> {
  await outputIn(where, ["sh", "-ec", commands.join("\n")]);
}

async function joinOutside({ underlay, nodes }: World, outside: Netns): Promise<void> {
  const target = `/proc/${process.pid}/fd/${outside.fd}`;
  await run(
    underlay,
    "ip link set lo up",
    `ip link add outside type veth peer name eth0 netns ${target}`,
    "ip link set outside master br0 up",
  );
  await run(
    outside,
    "sysctl -qw net.ipv6.conf.eth0.accept_dad=0",
    "ip link set eth0 up",
    ...["192.168.50.254/24", "fd00:50::fe/64"].map((prefix) => `ip address add ${prefix} dev eth0`),
    ...OUTSIDE_ADDRESSES.map((address) => `ip address add ${address} dev lo`),
  );
  for (const { netns } of nodes) {
    await run(netns, "ip route add default via 192.168.50.254", "ip -6 route add default via fd00:50::fe");
  }
}

/** As Flannel's: what leaves the pods' network takes the node's address. */
async function masquerade(netns: Netns): Promise<void> {
  const input = `table inet test-masq {
    chain postrouting {
      type nat hook postrouting priority 100
      ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade
      ip6 saddr fd00:10:244::/48 ip6 daddr != fd00:10:244::/48 masquerade
    }
  }`;
  await outputIn(netns, ["nft", "-f", "-"], { input });
}

function accessOf(world: World, outside: Netns): ClusterAccess {
  return {
    name: "test",
    nodes: world.nodes.map(({ local, netns }) => ({
      name: local.name,
      netnsPath: netns.path,
      underlayAddresses: FAMILIES.flatMap((family) => local.underlay[family]?.address ?? []),
      podCidrs: FAMILIES.flatMap((family) => local.podPrefixes[family] ?? []).map(networkOf),
    })),
    pods: world.nodes.flatMap(({ local, pods }) =>
      pods.map((pod, index) => ({
        namespace: "default",
        name: `${local.name}-${index}`,
        uid: `${local.name}-${index}`,
        node: local.name,
        ips: FAMILIES.map((family) => pod.addresses[family]),
        netnsPath: pod.netns.path,
        isHostNetwork: false,
      })),
    ),
    outside: { netnsPath: outside.path, addresses: OUTSIDE_ADDRESSES },
    between: [{ name: "underlay", netnsPath: world.underlay.path }],
  };
}

function unknownPod(node: number, index: number): never {
  throw new RangeError(`there is no pod ${index} on node${node}`);
}
