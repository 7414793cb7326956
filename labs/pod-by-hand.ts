/** What a CNI plugin does, done by hand with `ip`: in the end a namespace with all that a pod has. */
import { once } from "node:events";
import { contains, formatPrefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { findNetns, openNetns } from "#kernel/netns/netns.ts";
import { listRules } from "#kernel/nfnetlink/nft-query.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { createTcpSocket } from "#kernel/tcp/tcp-socket.ts";
import { isReady, podsWith, readNetns } from "#lab/facts.ts";
import { done, type Finding, type Lab, type LabWorld, missing } from "#lab/lab.ts";

const NETNS = "/run/netns/byhand";
const CONNECT_MS = 2_000;
/** Where what comes from a port of the bridge without a pod is dropped, when NetworkPolicies are enforced. */
const GUARD = { family: "bridge", table: "podwire-policy", chain: "unknown" } as const;

export const podByHand: Lab = {
  name: "pod-by-hand",
  title: "A pod's network by hand",
  summary: "namespace, pair of links, bridge, address, route: what CNI ADD does",
  prepare: `kubectl get pod target >/dev/null 2>&1 || kubectl run target --image=nginx
kubectl wait pod/target --for=condition=Ready --timeout=120s`,
  steps: [
    {
      title: "A namespace and a pair of links",
      text: `Work on node 1: podwire node shell 1
Make a network namespace, and a pair of links with one end in it and the other on the pods' bridge:

  ip netns add byhand
  ip link add byhand0 type veth peer name eth0 netns byhand
  ip link set byhand0 master cni0 up
  ip -n byhand link set eth0 up

If there is no cni0, this node has had no pod yet: it comes with the first.`,
      solution: `kubectl get pod byhand-first >/dev/null 2>&1 || kubectl run byhand-first --image=busybox --overrides='{"spec":{"nodeName":"'"$NODE1"'"}}' --command -- sleep infinity
kubectl wait pod/byhand-first --for=condition=Ready --timeout=60s
podwire node exec 1 -- ip netns add byhand
podwire node exec 1 -- ip link add byhand0 type veth peer name eth0 netns byhand
podwire node exec 1 -- ip link set byhand0 master cni0 up
podwire node exec 1 -- ip -n byhand link set eth0 up`,
      async check(world, signal) {
        const place = await findPlace(world, signal);
        if (!place.done) return place.finding;
        const { links } = readNetns(place.path);
        const eth0 = links.find(({ name }) => name === "eth0");
        if (eth0?.up !== true) return missing("the namespace byhand has no link eth0 that is up");
        const host = readNetns(place.nodePath).links;
        const other = host.find(({ ifindex }) => ifindex === eth0.link);
        const bridge = host.find(({ ifindex }) => ifindex === other?.master);
        if (bridge?.name !== "cni0") return missing("the other end of eth0 is no port of the bridge cni0");
        return done(`eth0 in byhand and ${other?.name} on the node are a pair; ${other?.name} is a port of cni0`);
      },
    },
    {
      title: "An address and a route",
      text: `Give eth0 an address out of the node's podCIDR that nobody has, and a way to everywhere else through the bridge:

  ip -4 -br address show cni0                          # 10.244.X.1/24 is the gateway
  ip -n byhand address add 10.244.X.250/24 dev eth0
  ip -n byhand route add default via 10.244.X.1

Your namespace has all that a pod has. Ask a real one, on whatever node it is:

  IP=$(kubectl get pod target -o jsonpath='{.status.podIP}')
  podwire node exec 1 -- ip netns exec byhand busybox wget -T 2 -qO- http://$IP

In a cluster without policies (podwire up --policy none) it answers. Otherwise the node asks who that is: it knows each pod's port of the bridge, with the addresses that belong there, since CNI ADD has told it. What comes from another port with a pod's address is dropped, or anybody on the node could speak as a pod that is allowed more:

  podwire node exec 1 -- nft list chain bridge podwire-policy unknown

The check makes a connection out of your namespace; it holds when it is accepted, or counted by that rule.`,
      solution: `GATEWAY=$(podwire node exec 1 -- ip -4 -o address show cni0 | sed -E 's/.* inet ([0-9.]+).*/\\1/')
podwire node exec 1 -- ip -n byhand address add "\${GATEWAY%.*}.250/24" dev eth0
podwire node exec 1 -- ip -n byhand route add default via "$GATEWAY"`,
      async check(world, signal) {
        const place = await findPlace(world, signal);
        if (!place.done) return place.finding;
        const { addresses, routes } = readNetns(place.path);
        const { nodes } = await world.access(signal);
        const share = nodes[0]?.podCidrs[0];
        const own = addresses.find(({ prefix }) => share !== undefined && contains(share, prefix.address));
        if (share === undefined || own === undefined)
          return missing(`the namespace byhand has no address out of ${share ? formatPrefix(share) : "the podCIDR"}`);
        const isDefault = routes.some(({ destination, gateway }) => destination.length === 0 && gateway !== undefined);
        if (!isDefault) return missing("the namespace byhand has no default route");
        const [target] = (await podsWith(world, "run=target", signal)).filter(isReady);
        const ip = target?.object.status?.podIP;
        if (target === undefined || ip === undefined) return missing('pod "target" is not ready');
        try {
          const from = await connectFrom(place.path, ip, signal);
          return done(
            `byhand has ${own.prefix.address} and a default route`,
            `a TCP connection from ${from} in byhand to ${ip} port 80 on ${target.node?.name} was accepted`,
          );
        } catch (error) {
          const dropped = guardedPackets(place.nodePath);
          if (dropped > 0) {
            return done(
              `byhand has ${own.prefix.address} and a default route`,
              `${dropped} packets came from a port of the bridge that is no pod's, and were dropped`,
            );
          }
          return missing(`a TCP connection from byhand to ${ip} port 80 was not accepted: ${String(error)}`);
        }
      },
    },
  ],
  cleanup: `podwire node exec 1 -- ip netns delete byhand 2>/dev/null || true
kubectl delete pod target byhand-first --ignore-not-found --grace-period=1 --wait --timeout=60s`,
};

type Place =
  | { readonly done: true; readonly path: string; readonly nodePath: string }
  | { readonly done: false; readonly finding: Finding };

async function findPlace(world: LabWorld, signal: AbortSignal): Promise<Place> {
  const [node] = (await world.access(signal)).nodes;
  if (node?.netnsPath === undefined) return { done: false, finding: missing("node 1 does not run") };
  const path = world.nodeFile(node.name, NETNS);
  using netns = findNetns(path);
  if (netns === undefined) return { done: false, finding: missing("node 1 has no network namespace named byhand") };
  return { done: true, path, nodePath: node.netnsPath };
}

/** Packets that the rules of that chain have counted. */
function guardedPackets(nodePath: string): number {
  using netns = openNetns(nodePath);
  using nft = createNftSocket(netns);
  return listRules(nft, GUARD)
    .flatMap(({ expressions }) => expressions)
    .reduce((sum, one) => sum + (one.kind === "counter" ? Number(one.packets ?? 0) : 0), 0);
}

/** Gives the address that it went out with. */
async function connectFrom(netnsPath: string, address: string, signal: AbortSignal): Promise<string> {
  using netns = openNetns(netnsPath);
  const host = parseAddress(address);
  const any = parsePrefix(host.includes(":") ? "::/0" : "0.0.0.0/0").address;
  const socket = createTcpSocket(netns, { address: any, port: 0 });
  try {
    socket.connect({ host, port: 80 });
    await once(socket, "connect", { signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]) });
    return socket.localAddress ?? "";
  } finally {
    socket.destroy();
  }
}
