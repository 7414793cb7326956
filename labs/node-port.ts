/** A Service at a port of every node: whose address the pod sees, and what keeps the client's. */
import { done, type Finding, type Lab, type LabWorld, missing } from "#lab/lab.ts";
import { findService, placeOf, trackedConnections } from "#lab/network-facts.ts";

const REQUEST = `PORT=$(kubectl get service front -o jsonpath='{.spec.ports[0].nodePort}')
IP=$(kubectl get node "$NODE1" -o jsonpath='{.status.addresses[?(@.type=="InternalIP")].address}')
podwire wait service default/front
podwire node exec 2 -- bash -c "exec 3<>/dev/tcp/$IP/$PORT"`;

export const nodePort: Lab = {
  name: "node-port",
  title: "NodePort and source address",
  summary: "a port of every node, and the client's address behind it",
  prepare: `kubectl get pod front >/dev/null 2>&1 || kubectl run front --image=nginx --overrides='{"spec":{"nodeName":"'"$NODE1"'"}}'
kubectl wait pod/front --for=condition=Ready --timeout=120s`,
  steps: [
    {
      title: "A stranger's address",
      text: `Pod "front" runs on node 1. Open a port of the nodes for it, and ask node 1 for a page, from node 2:

  kubectl expose pod front --port=80 --type=NodePort
  kubectl get service front                                 # 80:3…/TCP
  podwire node exec 2 -- curl http://NODE-1-ADDRESS:PORT
  kubectl logs front

The pod sees an address of node 1, and not who asked. It could be on any other node; its answer has to come back through node 1, which alone knows how to translate it back. So node 1 puts its own address in.`,
      solution: `kubectl expose pod front --port=80 --type=NodePort
${REQUEST}`,
      check: (world, signal) => checkSource(world, "Cluster", signal),
    },
    {
      title: "The client's own",
      text: `Let nodes serve with their own pods alone:

  kubectl patch service front -p '{"spec":{"externalTrafficPolicy":"Local"}}'
  podwire wait service default/front
  podwire node exec 2 -- curl http://NODE-1-ADDRESS:PORT
  kubectl logs front

The answer comes back by the same node in any case, and the client's address can stay. The price: a node without such a pod does not answer. Try node 2's port from node 1.`,
      solution: `kubectl patch service front -p '{"spec":{"externalTrafficPolicy":"Local"}}'
${REQUEST}`,
      check: (world, signal) => checkSource(world, "Local", signal),
    },
  ],
  cleanup: `kubectl delete service front --ignore-not-found
kubectl delete pod front --ignore-not-found --grace-period=1 --wait --timeout=60s`,
};

async function checkSource(world: LabWorld, policy: "Cluster" | "Local", signal: AbortSignal): Promise<Finding> {
  const service = await findService(world, "front", signal);
  const port = service?.spec.ports?.[0]?.nodePort ?? 0;
  if (service === undefined || port === 0) return missing('there is no Service "front" with a node port');
  const front = await placeOf(world, "front", signal);
  if (front === undefined) return missing('pod "front" is not ready');
  const { externalTrafficPolicy = "Cluster" } = service.spec;
  if (externalTrafficPolicy !== policy) return missing(`externalTrafficPolicy is ${externalTrafficPolicy}`);
  const { nodes } = await world.access(signal);
  const own = nodes.find(({ name }) => name === front.nodeName)?.underlayAddresses ?? [];
  const others = nodes.filter(({ name }) => name !== front.nodeName).flatMap((node) => node.underlayAddresses);
  const entries = own.flatMap((address) => trackedConnections(front.nodeNetnsPath, { address, port }));
  const fromOthers = entries.filter(
    ({ original, reply }) => others.includes(original.source) && reply.source === front.address,
  );
  const found = fromOthers.find(
    ({ original, reply }) => (reply.destination === original.source) === (policy === "Local"),
  );
  if (found === undefined) {
    const seen = fromOthers.length === 0 ? "" : ", but earlier ones with another source";
    return missing(`${front.nodeName} has seen no such connection from another node to its port ${port} yet${seen}`);
  }
  const { original, reply } = found;
  return done(
    `as it was sent: ${original.source} → ${original.destination}:${original.destinationPort}`,
    `as the pod sees it: ${reply.destination} → ${reply.source}:${reply.sourcePort}`,
  );
}
