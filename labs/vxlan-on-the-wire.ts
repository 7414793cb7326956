/** A packet from pod to pod as it is between two nodes: inside of another one. */
import { existsSync, readFileSync } from "node:fs";
import { isReady, podsWith } from "#lab/facts.ts";
import { done, type Lab, missing } from "#lab/lab.ts";
import { readPcap } from "#lab/read-pcap.ts";
import { decodePacket, type Layer } from "#trace/packet/decode-packet.ts";
import { describeLayers } from "#trace/packet/describe-layers.ts";

const CAPTURE = "/run/vxlan.pcap";
const DECODING = { hasEthernet: true, vxlanPort: 8472, flannelUdpPort: 8285 };
const POD = (name: string, node: string, image: string, command: string): string =>
  `kubectl get pod ${name} >/dev/null 2>&1 || kubectl run ${name} --image=${image} --overrides='{"spec":{"nodeName":"'"$${node}"'"}}'${command}`;

export const vxlanOnTheWire: Lab = {
  name: "vxlan-on-the-wire",
  title: "Between two nodes",
  summary: "a capture of VXLAN: outer addresses of the nodes, inner ones of the pods",
  prepare: `${POD("near", "NODE1", "busybox", " --command -- sleep infinity")}
${POD("far", "NODE2", "nginx", "")}
kubectl wait pod/near pod/far --for=condition=Ready --timeout=120s`,
  steps: [
    {
      title: "Catch a packet between the nodes",
      text: `Pod "near" is on node 1, pod "far" on node 2. Let the first ping the second, and look at eth0 of node 1, which leads to the other nodes:

  kubectl exec near -- ping $(kubectl get pod far -o jsonpath='{.status.podIP}')
  podwire node exec 1 -- tcpdump -ni eth0 udp port 8472        # in another terminal

Nobody between the nodes knows the pods' addresses, so each packet travels inside of a UDP packet from node to node: VXLAN, with the network's number (vni), in Linux' own port 8472. tcpdump shows both.
Write a few of them to a file of the node:

  podwire node exec 1 -- tcpdump -Z root -i eth0 -c 4 -w ${CAPTURE} udp port 8472`,
      solution: `IP=$(kubectl get pod far -o jsonpath='{.status.podIP}')
kubectl exec near -- ping -i 0.2 -w 30 "$IP" >/dev/null 2>&1 &
PING=$!
timeout 25 podwire node exec 1 -- tcpdump -Z root -i eth0 -c 4 -w ${CAPTURE} udp port 8472
kill "$PING"`,
      async check(world, signal) {
        const [near] = (await podsWith(world, "run=near", signal)).filter(isReady);
        const [far] = (await podsWith(world, "run=far", signal)).filter(isReady);
        if (near?.node === undefined || far?.node === undefined) return missing('pods "near" and "far" are not ready');
        const path = world.nodeFile(near.node.name, CAPTURE);
        if (!existsSync(path)) return missing(`there is no file ${CAPTURE} on ${near.node.name} yet`);
        const packets = readPcap(readFileSync(path)).map((frame) => decodePacket(frame, DECODING).layers);
        const outer = [near.node.underlayAddresses[0], far.node.underlayAddresses[0]];
        const inner = [near.object.status?.podIP, far.object.status?.podIP];
        const found = packets.find((layers) => isInside(layers, outer, inner));
        if (found === undefined)
          return missing(`none of ${packets.length} packets goes from ${inner[0]} to ${inner[1]} inside of VXLAN`);
        const vni = found.find((layer) => layer.kind === "vxlan")?.vni;
        return done(describeLayers(found), `outer: ${outer.join(" → ")}, inner: ${inner.join(" → ")}, vni ${vni}`);
      },
    },
  ],
  cleanup: `podwire node exec 1 -- rm -f ${CAPTURE}
kubectl delete pod near far --ignore-not-found --grace-period=1 --wait --timeout=60s`,
};

function isInside(
  layers: readonly Layer[],
  outer: readonly (string | undefined)[],
  inner: readonly (string | undefined)[],
): boolean {
  const ways = layers.filter((layer) => layer.kind === "ip").map(({ source, destination }) => [source, destination]);
  if (ways.length !== 2 || !layers.some(({ kind }) => kind === "vxlan")) return false;
  return [outer, inner].every((way, index) => way.join() === ways[index]?.join());
}
