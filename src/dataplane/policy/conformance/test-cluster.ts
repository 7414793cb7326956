/**
 * Three nodes with three pods each, joined by one of the data planes, with a policy enforcer on every node, and a machine
 * outside. Built once for many cases: a case changes labels, namespaces and policies, never a link.
 */
import { type Family, type IpAddress, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { type LoggedPacket, watchNflog } from "#kernel/nfnetlink/watch-nflog.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createVeth, findLink, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { testNetns } from "#kernel/testing/with-netns.ts";
import { setWorld } from "#policy/compile-rule-model.ts";
import { createPolicyIndex, type PolicyIndex } from "#policy/index/policy-index.ts";
import type { PolicyWorld } from "#policy/policy-world.ts";
import type { RuleModel, RuleModelChanges } from "#policy/rule-model.ts";
import type { PlaneCase } from "../../conformance/planes.ts";
import { createWorld, type PodJoin, podPrefix, type TestPod, type World } from "../../conformance/world.ts";
import { FAMILIES } from "../../contract.ts";
import type { EstablishedFlows, PodAttachment, PolicyNode } from "../contract.ts";
import { LOG_GROUP } from "../nftables/frame.ts";
import { createNftablesEnforcer, type NftablesEnforcer } from "../nftables/nftables-enforcer.ts";
import { type DropWatch, loggedFlow, type ProbeEnd, startServers } from "./probe.ts";
import type { NodeSlot, PolicyCase, Slot } from "./slots.ts";
import { worldOfCase } from "./slots.ts";

/** Where pods and the machine outside listen, TCP and UDP. */
export const PORTS = [53, 79, 80, 81, 443, 8079, 8080, 8081, 8090, 8091] as const;
const POD_HOSTS = [10, 11, 12];
const OUTSIDE_ADDRESSES: Readonly<Record<Family, IpAddress>> = {
  4: parseAddress("192.168.50.100"),
  6: parseAddress("fd00:50::100"),
};

export interface TestCluster extends AsyncDisposable {
  readonly world: World;
  readonly slots: readonly (Slot & Pick<TestPod, "netns" | "link" | "mac">)[];
  readonly nodes: readonly NodeSlot[];
  readonly enforcers: readonly NftablesEnforcer[];
  readonly outside: Readonly<Record<Family, ProbeEnd>>;
  readonly drops: DropWatch;
  policyNode(index: number): PolicyNode;
  attachments(index: number): readonly PodAttachment[];
  /** Of a node, as it was applied last. */
  model(index: number): RuleModel;
  worldOf(wanted: PolicyCase): PolicyWorld;
  /** As an agent does: what became of each node's rules since the last case. Answers all nodes' changes. */
  apply(world: PolicyWorld, plant?: PlantedBug): readonly RuleModelChanges[];
  /** All of it, compared with the kernel. */
  sync(): readonly (readonly string[])[];
}

/** What a compiler with a bug would tell the enforcers. */
export type PlantedBug = (changes: RuleModelChanges) => RuleModelChanges;

export interface TestClusterOptions {
  readonly established?: EstablishedFlows;
  readonly owned?: boolean;
  /** Default: bridged. */
  readonly joined?: PodJoin;
  /** Hears every log message too: a group has one listener. */
  readonly onDrop?: (node: number, packet: LoggedPacket) => void;
}

export async function createTestCluster(
  plane: PlaneCase,
  { established = "reevaluate", owned, joined = "bridged", onDrop }: TestClusterOptions = {},
): Promise<TestCluster> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await createWorld({ podHosts: POD_HOSTS, joined }));
  const planes = world.nodes.map((node) => stack.use(plane.create(node)));
  for (const [index, each] of planes.entries()) {
    const { problems } = await each.apply(
      world.desired(index, () => plane.backend),
      AbortSignal.timeout(10_000),
    );
    if (problems.length > 0)
      throw new Error(`Cannot join the nodes: ${problems.map(({ reason }) => reason).join("; ")}`);
  }
  const outside = createOutside(stack, world);
  const nodes = world.nodes.map(
    ({ local }): NodeSlot => ({
      name: local.name,
      addresses: FAMILIES.flatMap((family) => local.underlay[family]?.address ?? []),
    }),
  );
  const slots = world.nodes.flatMap(({ local, pods }) =>
    pods.map((pod) => ({ ...pod, node: local.name, addresses: [pod.addresses[4], pod.addresses[6]] })),
  );
  for (const { netns, addresses } of slots) {
    for (const address of addresses) stack.use(startServers({ netns, address }, PORTS, PORTS));
  }
  for (const family of FAMILIES) stack.use(startServers(outside[family], PORTS, PORTS));
  const enforcers = world.nodes.map(({ netns }) => stack.use(createNftablesEnforcer({ netns, owned })));
  const drops = watchDrops(stack, world, onDrop);
  const policyNode = (index: number): PolicyNode => ({
    nodePods: FAMILIES.map((family) => podPrefix(family, index + 1, 0)),
    ...(joined === "bridged" ? { podLinks: [], bridges: ["cni0"] } : { podLinks: ["veth*"] }),
    overlayPorts: [8472, 8285],
    established,
  });
  const attachments = (index: number): readonly PodAttachment[] =>
    (world.nodes[index]?.pods ?? []).map(({ link, mac, addresses }) => ({
      link,
      mac,
      addresses: [addresses[4], addresses[6]],
    }));
  const indexes = world.nodes.map(({ local }) => createPolicyIndex({ node: local.name }));
  const model = (index: number): RuleModel => {
    const found = indexes[index];
    if (found === undefined) throw new RangeError(`Cannot take node ${index}: there are ${indexes.length}`);
    found.takeChanges();
    return found.model();
  };
  const sync = () =>
    enforcers.map((enforcer, index) => enforcer.sync(policyNode(index), model(index), attachments(index)).changes);
  sync();
  let current: PolicyWorld | undefined;
  const resources = stack.move();
  return {
    world,
    slots,
    nodes,
    enforcers,
    outside,
    drops,
    policyNode,
    attachments,
    model,
    worldOf: (wanted) => worldOfCase(wanted, slots, nodes),
    apply(next, plant = (changes) => changes) {
      const changes = indexes.map((index) => plant(changeWorld(index, current, next)));
      for (const [index, enforcer] of enforcers.entries()) {
        const change = changes[index];
        if (change) enforcer.update(change);
      }
      current = next;
      return changes;
    },
    sync,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function changeWorld(index: PolicyIndex, before: PolicyWorld | undefined, next: PolicyWorld): RuleModelChanges {
  if (before !== undefined) {
    for (const id of before.policies.keys()) if (!next.policies.has(id)) index.deletePolicy(id);
    for (const id of before.pods.keys()) if (!next.pods.has(id)) index.deletePod(id);
    for (const name of before.namespaces.keys()) if (!next.namespaces.has(name)) index.deleteNamespace(name);
  }
  setWorld(index, next);
  return index.takeChanges();
}

function watchDrops(stack: AsyncDisposableStack, world: World, onDrop: TestClusterOptions["onDrop"]): DropWatch {
  const waiting = new Map<string, (node: string, prefix: string) => void>();
  for (const [index, { netns, local }] of world.nodes.entries()) {
    stack.use(
      watchNflog(
        { netns, group: LOG_GROUP },
        {
          logged(packet) {
            onDrop?.(index, packet);
            const key = loggedFlow(packet);
            if (key !== undefined) waiting.get(key)?.(local.name, packet.prefix);
          },
          lost: () => undefined, // then a probe ends without a verdict
        },
      ),
    );
  }
  return {
    expect(key, heard) {
      waiting.set(key, heard);
      return { [Symbol.dispose]: () => void waiting.delete(key) };
    },
  };
}

/** A machine on the underlay that is no node; it reaches pods by way of their nodes. */
function createOutside(stack: AsyncDisposableStack, world: World): Readonly<Record<Family, ProbeEnd>> {
  const netns: Netns = stack.use(testNetns({ loopbackUp: true }));
  const socket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
  const underlay = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: world.underlay }));
  const bridge = findLink(underlay, { name: "br0" });
  const port = { name: "outside", up: true, ...(bridge && { master: bridge.ifindex }) };
  const veth = createVeth(underlay, { ...port, peer: { name: "eth0", netnsFd: netns.fd } });
  setLink(socket, veth.peerIfindex, { up: true });
  for (const family of FAMILIES) {
    const length = family === 4 ? 24 : 64;
    const prefix = parsePrefix(`${OUTSIDE_ADDRESSES[family]}/${length}`);
    addAddress(socket, { ifindex: veth.peerIfindex, prefix, noDad: true });
    for (const [index, { local }] of world.nodes.entries()) {
      const gateway = local.underlay[family]?.address;
      if (gateway === undefined) continue;
      const destination = { ...podPrefix(family, index + 1, 0) };
      addRoute(socket, { destination, gateway, oif: veth.peerIfindex });
    }
  }
  return { 4: { netns, address: OUTSIDE_ADDRESSES[4] }, 6: { netns, address: OUTSIDE_ADDRESSES[6] } };
}
