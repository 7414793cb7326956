/** An address that no interface has, and what becomes of a packet to it. */
import { parseAddress } from "#base/ip-address.ts";
import { readNetns } from "#lab/facts.ts";
import { done, type Finding, type Lab, type LabWorld, missing } from "#lab/lab.ts";
import { findService, placeOf, trackedConnections } from "#lab/network-facts.ts";

export const clusterIp: Lab = {
  name: "cluster-ip",
  title: "What happens to a packet to a ClusterIP",
  summary: "an address that nobody has, and the rule that makes it another one",
  prepare: `kubectl get pod shop >/dev/null 2>&1 || kubectl run shop --image=nginx
kubectl get pod customer >/dev/null 2>&1 || kubectl run customer --image=busybox --command -- sleep infinity
kubectl wait pod/shop pod/customer --for=condition=Ready --timeout=120s`,
  steps: [
    {
      title: "An address that nobody has",
      text: `Pod "shop" serves web pages. Give it a Service, and look for its address on the nodes:

  kubectl expose pod shop --port=80
  kubectl get service shop
  podwire node exec 1 -- ip address
  podwire node exec 1 -- ip route get CLUSTER-IP

No interface has it, and no route leads to it but the default one. It is a key of a map of rules, on every node:

  podwire node exec 1 -- nft list map inet podwire-services services4

podwire wait service default/shop returns when all nodes have it.`,
      solution: `kubectl expose pod shop --port=80
podwire wait service default/shop`,
      check: checkAddress,
    },
    {
      title: "The packet gets another destination",
      text: `Let "customer" buy something, and look at what its node remembers of the connection:

  kubectl exec customer -- wget -qO- http://CLUSTER-IP
  podwire node exec NODE -- cat /proc/net/nf_conntrack      # NODE: kubectl get pod customer -o wide

Each line has a connection twice: as the first packet came, to the ClusterIP, and as answers come back, from the pod. The first packet was looked up in the map; all others follow the entry. The client's address is the same in both: the shop sees who asks.`,
      solution: `IP=$(kubectl get service shop -o jsonpath='{.spec.clusterIP}')
kubectl exec customer -- wget -qO- "http://$IP" >/dev/null`,
      check: checkTranslation,
    },
  ],
  cleanup: `kubectl delete service shop --ignore-not-found
kubectl delete pod shop customer --ignore-not-found --grace-period=1 --wait --timeout=60s`,
};

async function checkAddress(world: LabWorld, signal: AbortSignal): Promise<Finding> {
  const shop = await findService(world, "shop", signal);
  if (shop?.spec.clusterIP === undefined) return missing('there is no Service "shop" in the namespace default');
  const { nodes, pods } = await world.access(signal);
  const paths = [...nodes, ...pods].flatMap(({ name, netnsPath }) => (netnsPath ? [{ name, netnsPath }] : []));
  const owner = paths.find(({ netnsPath }) =>
    readNetns(netnsPath).addresses.some(({ prefix }) => prefix.address === shop.spec.clusterIP),
  );
  if (owner !== undefined) return missing(`${owner.name} has the address ${shop.spec.clusterIP}: it must not`);
  const address = parseAddress(shop.spec.clusterIP);
  return done(`none of ${paths.length} network namespaces has the address ${address}`);
}

async function checkTranslation(world: LabWorld, signal: AbortSignal): Promise<Finding> {
  const service = await findService(world, "shop", signal);
  const [shop, customer] = [await placeOf(world, "shop", signal), await placeOf(world, "customer", signal)];
  if (service?.spec.clusterIP === undefined || shop === undefined || customer === undefined)
    return missing('the Service or the pods "shop" and "customer" are not ready');
  const address = parseAddress(service.spec.clusterIP);
  const entry = trackedConnections(customer.nodeNetnsPath, { address, port: 80 }).find(
    ({ original }) => original.source === customer.address,
  );
  if (entry === undefined)
    return missing(`${customer.nodeName} has seen no connection from ${customer.address} to ${address} port 80 yet`);
  const { original, reply } = entry;
  if (reply.source !== shop.address) return missing(`the connection to ${address} went to ${reply.source}`);
  return done(
    `as it was sent: ${original.source}:${original.sourcePort} → ${original.destination}:${original.destinationPort}`,
    `as it is answered: ${reply.source}:${reply.sourcePort} → ${reply.destination}:${reply.destinationPort}`,
  );
}
