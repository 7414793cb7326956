/** Every pod gets an address of its own, out of its node's share. */
import { contains, formatPrefix, parseAddress } from "#base/ip-address.ts";
import { isReady, type LabPod, podsWith, readNetns } from "#lab/facts.ts";
import { done, type Finding, type Lab, missing } from "#lab/lab.ts";

const LABEL = "app=web";

export const podIps: Lab = {
  name: "pod-ips",
  title: "Every pod has an address",
  summary: "three pods on three nodes, and where their addresses come from",
  steps: [
    {
      title: "Three pods",
      text: `A Deployment makes pods; the scheduler spreads them over the nodes; on each node the kubelet has them made.
Make three pods that serve web pages:

  kubectl create deployment web --image=nginx --replicas=3
  kubectl get pods -o wide

The column IP is what this lab is about: each pod has one, and no two are the same.`,
      solution: `kubectl create deployment web --image=nginx --replicas=3
kubectl rollout status deployment/web --timeout=120s`,
      async check(world, signal) {
        const pods = (await podsWith(world, LABEL, signal)).filter(isReady);
        if (pods.length !== 3) return missing(`3 pods with the label ${LABEL} have to be ready: ${pods.length} are`);
        const addresses = pods.map(({ object }) => object.status?.podIP);
        if (new Set(addresses).size < 3) return missing(`two pods have one address: ${addresses.join(", ")}`);
        return everyPod(pods, ownAddress);
      },
    },
    {
      title: "One network, a share for each node",
      text: `Each node has a share of the pods' network, its podCIDR, and gives addresses out of it without asking anybody:

  kubectl get nodes -o custom-columns=NAME:.metadata.name,POD-CIDR:.spec.podCIDR

Scale to six pods, so that nodes have more than one, and compare their addresses with the shares.

  kubectl scale deployment web --replicas=6`,
      solution: `kubectl scale deployment web --replicas=6
kubectl rollout status deployment/web --timeout=120s`,
      async check(world, signal) {
        const pods = (await podsWith(world, LABEL, signal)).filter(isReady);
        if (pods.length !== 6) return missing(`6 pods with the label ${LABEL} have to be ready: ${pods.length} are`);
        return everyPod(pods, inShare);
      },
    },
  ],
  cleanup: "kubectl delete deployment web --ignore-not-found --wait --timeout=60s",
};

function everyPod(pods: readonly LabPod[], look: (pod: LabPod) => Finding): Finding {
  const findings = pods.map(look);
  return (
    findings.find((finding) => !finding.done) ?? done(...findings.flatMap((each) => (each.done ? each.evidence : [])))
  );
}

function ownAddress({ name, object, place }: LabPod): Finding {
  const address = object.status?.podIP;
  if (place?.netnsPath === undefined) return missing(`pod ${name} has no network namespace yet`);
  const { addresses, links } = readNetns(place.netnsPath);
  const eth0 = links.find((link) => link.name === "eth0");
  const own: readonly string[] = addresses
    .filter(({ ifindex }) => ifindex === eth0?.ifindex)
    .map(({ prefix }) => prefix.address);
  if (address === undefined || !own.includes(address))
    return missing(`the API says that pod ${name} has ${address}: its eth0 has ${own.join(", ") || "no address"}`);
  return done(`pod ${name}: eth0 in its own network namespace has ${address}, as the API says`);
}

function inShare({ name, object, node }: LabPod): Finding {
  const address = object.status?.podIP;
  const share = node?.podCidrs.find((prefix) => address !== undefined && contains(prefix, parseAddress(address)));
  if (share === undefined) return missing(`${address} of pod ${name} is in no podCIDR of node ${object.spec.nodeName}`);
  return done(`pod ${name}: ${address} is out of ${formatPrefix(share)} of node ${node?.name}`);
}
