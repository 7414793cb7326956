/**
 * A node that flanneld runs, made by commands as flanneld makes it, at the underlay of a cluster of ours: a Node object
 * with Flannel's annotations, flannel.1 with its own address, and a pod on a bridge. Nothing of Podwire runs there.
 */
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import { type Netns, openNetns } from "#kernel/netns/netns.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { testNetns } from "#kernel/testing/with-netns.ts";
import type { FaultCluster, FaultPod } from "./fault-cluster.ts";

export interface ForeignNode extends AsyncDisposable {
  /** In the underlay. */
  readonly address: IpAddress;
  readonly pod: FaultPod;
}

const VTEP_MAC = "ee:91:d3:3c:25:e7";
const HOST_PART = "200";

export async function startForeignNode(cluster: FaultCluster, name: string): Promise<ForeignNode> {
  await using stack = new AsyncDisposableStack();
  const [node, pod] = [stack.use(testNetns({ loopbackUp: true })), stack.use(testNetns({ loopbackUp: true }))];
  const { underlay } = await cluster.status();
  const address = (underlay.subnets[0] ?? "").replace(/\d+\/\d+$/, HOST_PART);
  await cluster.apply({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      annotations: {
        "flannel.alpha.coreos.com/kube-subnet-manager": "true",
        "flannel.alpha.coreos.com/public-ip": address,
        "flannel.alpha.coreos.com/backend-type": "vxlan",
        "flannel.alpha.coreos.com/backend-data": `{"VNI":1,"VtepMAC":"${VTEP_MAC}"}`,
      },
    },
  });
  stack.defer(async () => void (await cluster.kubectl("delete", "node", name)));
  await cluster.kubectl("wait", "node", name, "--for=jsonpath={.spec.podCIDR}", "--timeout=30s");
  const subnet = (await cluster.kubectl("get", "node", name, "-o", "jsonpath={.spec.podCIDR}")).replace(/\.0\/24$/, "");
  await joinUnderlay(cluster, node, `${address}/24`);
  stack.defer(async () => void (await cluster.inUnderlay("ip link delete foreign")));
  const run = (script: string): Promise<string> => outputIn(node, ["sh", "-ec", script]);
  await run(`sysctl -qw net.ipv4.ip_forward=1
ip link add flannel.1 address ${VTEP_MAC} type vxlan id 1 dev eth0 local ${address} dstport 8472 nolearning
ip address add ${subnet}.0/32 dev flannel.1
ip link set flannel.1 mtu 1450 up
ip link add cni0 type bridge
ip address add ${subnet}.1/24 dev cni0
ip link set cni0 mtu 1450 up
ip link add veth5 master cni0 type veth peer name eth0 netns /proc/${process.pid}/fd/${pod.fd}
ip link set veth5 mtu 1450 up`);
  await outputIn(pod, ["sh", "-ec", podScript(subnet)]);
  await run((await peerCommands(cluster, name)).join("\n"));
  const podAddress = parseAddress(`${subnet}.5`);
  const owned = stack.move();
  return {
    address: parseAddress(address),
    pod: { name: `on-${name}`, node: name, netns: pod, address: podAddress, [Symbol.dispose]: () => undefined },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function podScript(subnet: string): string {
  return `ip address add ${subnet}.5/24 dev eth0
ip link set eth0 mtu 1450 up
ip route add default via ${subnet}.1`;
}

async function joinUnderlay(cluster: FaultCluster, node: Netns, address: string): Promise<void> {
  const { underlay } = await cluster.status();
  using wire = openNetns(underlay.netnsPath);
  const netns = `/proc/${process.pid}/fd/${node.fd}`;
  await outputIn(wire, [
    "sh",
    "-ec",
    `ip link add foreign master underlay type veth peer name eth0 netns ${netns}; ip link set foreign up`,
  ]);
  await outputIn(node, ["sh", "-ec", `ip address add ${address} dev eth0; ip link set eth0 up`]);
}

/** What flanneld does for each of the other nodes, from their annotations alone. */
async function peerCommands(cluster: FaultCluster, own: string): Promise<readonly string[]> {
  const { items } = JSON.parse(await cluster.kubectl("get", "nodes", "-o", "json"));
  return items
    .filter((item: { metadata: { name: string } }) => item.metadata.name !== own)
    .flatMap((item: { metadata: { annotations: Record<string, string> }; spec: { podCIDR: string } }) => {
      const { annotations } = item.metadata;
      const { VtepMAC } = JSON.parse(annotations["flannel.alpha.coreos.com/backend-data"] ?? "{}");
      const base = item.spec.podCIDR.replace(/\/\d+$/, "");
      return [
        `ip neighbour replace ${base} lladdr ${VtepMAC} dev flannel.1 nud permanent`,
        `bridge fdb replace ${VtepMAC} dev flannel.1 dst ${annotations["flannel.alpha.coreos.com/public-ip"]} self permanent`,
        `ip route replace ${item.spec.podCIDR} via ${base} dev flannel.1 onlink`,
      ];
    });
}
