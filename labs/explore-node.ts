/** What a node has for its pods: a bridge, a route to each other node, a configuration; and which link is whose. */
import { readFileSync } from "node:fs";
import { formatPrefix } from "#base/ip-address.ts";
import { answersIn, isReady, type LabPod, podsWith, readNetns } from "#lab/facts.ts";
import { done, type Finding, type Lab, type LabWorld, missing } from "#lab/lab.ts";

const LABEL = "run=explored";
const CONFLIST = "/etc/cni/net.d/10-podwire.conflist";

export const exploreNode: Lab = {
  name: "explore-node",
  title: "A node from inside",
  summary: "bridge, routes, CNI configuration, and the two ends of a pod's link",
  prepare: `kubectl get pod explored >/dev/null 2>&1 || kubectl run explored --image=busybox --command -- sleep infinity
kubectl wait pod/explored --for=condition=Ready --timeout=120s`,
  steps: [
    {
      title: "The bridge and the ways out",
      text: `There is a pod "explored". Go to the node that it runs on:

  kubectl get pod explored -o wide
  podwire node shell NODE

and look at what is there:

  ip -br link          # links: eth0 to the other nodes, a bridge, and one end of a link for each pod
  ip route             # where packets go
  cat ${CONFLIST}

Write down the name of the bridge that the pods of this node hang on, and the link that leads to the pods of another node, in a ConfigMap:

  kubectl create configmap explored --from-literal=bridge=NAME --from-literal=to-others=NAME`,
      solution: `NODE=$(kubectl get pod explored -o jsonpath='{.spec.nodeName}')
CIDR=$(kubectl get nodes -o jsonpath="{range .items[?(@.metadata.name!='$NODE')]}{.spec.podCIDR}{'\\n'}{end}" | head -n 1)
BRIDGE=$(podwire node exec "$NODE" -- ip -br link show type bridge | cut -d ' ' -f 1 | head -n 1)
OTHERS=$(podwire node exec "$NODE" -- ip route show "$CIDR" | sed -E 's/.* dev ([^ ]+).*/\\1/')
kubectl create configmap explored --from-literal=bridge="$BRIDGE" --from-literal=to-others="$OTHERS"`,
      check: checkBridge,
    },
    {
      title: "Both ends of a pod's link",
      text: `A pod's eth0 is one end of a pair of links; the other end is on the node. Each end names the other by its number:

  kubectl exec explored -- ip -br link       # eth0@if7: number 7 is the other end
  podwire node exec NODE -- ip -br link      # which one has that number?

Write down the name of the node's end, and the hardware address of the pod's:

  kubectl patch configmap explored -p '{"data":{"host-end":"NAME","mac":"02:…"}}'`,
      solution: `NODE=$(kubectl get pod explored -o jsonpath='{.spec.nodeName}')
INDEX=$(kubectl exec explored -- cat /sys/class/net/eth0/iflink)
HOST=$(podwire node exec "$NODE" -- ip -o link | sed -nE "s/^$INDEX: ([^@:]+).*/\\1/p")
MAC=$(kubectl exec explored -- cat /sys/class/net/eth0/address)
kubectl patch configmap explored -p "{\\"data\\":{\\"host-end\\":\\"$HOST\\",\\"mac\\":\\"$MAC\\"}}"`,
      check: checkEnds,
    },
  ],
  cleanup: `kubectl delete configmap explored --ignore-not-found
kubectl delete pod explored --ignore-not-found --grace-period=1 --wait --timeout=60s`,
};

async function explored(world: LabWorld, signal: AbortSignal): Promise<LabPod | undefined> {
  return (await podsWith(world, LABEL, signal)).find(isReady);
}

async function checkBridge(world: LabWorld, signal: AbortSignal): Promise<Finding> {
  const pod = await explored(world, signal);
  const nodePath = pod?.node?.netnsPath;
  if (pod === undefined || nodePath === undefined) return missing('pod "explored" is not ready');
  const answers = await answersIn(world, "explored", signal);
  if (answers === undefined) return missing('there is no ConfigMap "explored" in the namespace default yet');
  const { links, routes } = readNetns(nodePath);
  const hostEnd = hostEndOf(pod, links);
  const bridge = links.find(({ ifindex }) => ifindex === hostEnd?.master);
  if (bridge === undefined) return missing("the node's end of this pod's link is a port of no bridge");
  if (answers["bridge"] !== bridge.name)
    return missing(
      `bridge is "${answers["bridge"] ?? ""}": the node's end of this pod's link is a port of another one`,
    );
  const { nodes } = await world.access(signal);
  const others = nodes.filter(({ name }) => name !== pod.node?.name).flatMap(({ podCidrs }) => podCidrs);
  const route = routes.find(({ destination }) =>
    others.some((cidr) => formatPrefix(cidr) === formatPrefix(destination)),
  );
  const link = links.find(({ ifindex }) => ifindex === route?.oif);
  if (link === undefined || route === undefined)
    return missing("this cluster has one node only: nothing leads to others");
  if (answers["to-others"] !== link.name)
    return missing(`to-others is "${answers["to-others"] ?? ""}": look where ip route sends another node's podCIDR`);
  const conflist = JSON.parse(readFileSync(world.nodeFile(pod.node?.name ?? "", CONFLIST), "utf8"));
  return done(
    `bridge ${bridge.name} has the node's end ${hostEnd?.name} of the pod's link as a port`,
    `${formatPrefix(route.destination)} is reached through ${link.name}`,
    `${CONFLIST} is the network "${conflist.name}"`,
  );
}

async function checkEnds(world: LabWorld, signal: AbortSignal): Promise<Finding> {
  const pod = await explored(world, signal);
  if (pod?.node?.netnsPath === undefined || pod.place?.netnsPath === undefined)
    return missing('pod "explored" is not ready');
  const answers = (await answersIn(world, "explored", signal)) ?? {};
  const hostEnd = hostEndOf(pod, readNetns(pod.node.netnsPath).links);
  const eth0 = readNetns(pod.place.netnsPath).links.find(({ name }) => name === "eth0");
  if (answers["host-end"] !== hostEnd?.name)
    return missing(
      `host-end is "${answers["host-end"] ?? ""}": the link with the number of eth0's other end is another one`,
    );
  if (answers["mac"] !== eth0?.mac) return missing(`mac is "${answers["mac"] ?? ""}": that is not eth0's`);
  return done(
    `eth0 of the pod has the number ${eth0?.ifindex}, and its other end is number ${hostEnd?.ifindex}, ${hostEnd?.name}`,
    `eth0 has the hardware address ${eth0?.mac}`,
  );
}

/** Each namespace counts its links by itself: the pod's end names the node's by number. */
function hostEndOf(pod: LabPod, hostLinks: ReturnType<typeof readNetns>["links"]) {
  const path = pod.place?.netnsPath;
  const eth0 = path === undefined ? undefined : readNetns(path).links.find(({ name }) => name === "eth0");
  return hostLinks.find(({ ifindex, link }) => ifindex === eth0?.link && link === eth0.ifindex);
}
