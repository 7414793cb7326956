/** Where a pod asks for names, what it asks for, and who answers. */
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import { resolveName } from "#check/resolve-name.ts";
import { openNetns } from "#kernel/netns/netns.ts";
import { answersIn, readNetns, readSnmp } from "#lab/facts.ts";
import { done, type Finding, type Lab, type LabWorld, missing } from "#lab/lab.ts";
import { findService, placeOf } from "#lab/network-facts.ts";

export const dnsInAPod: Lab = {
  name: "dns-in-a-pod",
  title: "DNS in a pod",
  summary: "where names are looked up, and what a short one becomes",
  prepare: `kubectl get pod reader >/dev/null 2>&1 || kubectl run reader --image=busybox --command -- sleep infinity
kubectl get service library >/dev/null 2>&1 || kubectl create service clusterip library --tcp=80
kubectl wait pod/reader --for=condition=Ready --timeout=120s`,
  steps: [
    {
      title: "Who is asked",
      text: `The kubelet writes a file into each container that says where to ask for names, and what to try behind a short one:

  kubectl exec reader -- cat /etc/resolv.conf
  kubectl get service -n kube-system kube-dns

The name server's address is that of a Service. Most addresses of Services are on no interface; this one is, since each node answers its own pods:

  podwire node exec 1 -- ip address show dev lo

Write down the name server, and the first domain of the search list:

  kubectl create configmap reader --from-literal=server=ADDRESS --from-literal=search=DOMAIN`,
      solution: `SERVER=$(kubectl exec reader -- sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1)
SEARCH=$(kubectl exec reader -- sed -n 's/^search \\([^ ]*\\).*/\\1/p' /etc/resolv.conf)
kubectl create configmap reader --from-literal=server="$SERVER" --from-literal=search="$SEARCH"`,
      check: checkServer,
    },
    {
      title: "A short name",
      text: `There is a Service "library". Look it up by its short name and in full, and a name of somebody else:

  kubectl exec reader -- nslookup library
  kubectl exec reader -- nslookup library.default.svc.cluster.local
  kubectl exec reader -- nslookup example.com

ndots:5 means: a name with fewer than five dots is tried with each domain of the search list first. The short name is found by the first one; example.com is asked for with all of them before it is asked for as it is. The kernel counts the questions of the pod: cat /proc/net/snmp, line Udp, OutDatagrams.
Write down what "library" is in full, and its address:

  kubectl patch configmap reader -p '{"data":{"name":"…","address":"…"}}'`,
      solution: `NAME=library.$(kubectl exec reader -- sed -n 's/^search \\([^ ]*\\).*/\\1/p' /etc/resolv.conf)
ADDRESS=$(kubectl exec reader -- nslookup "$NAME" | sed -n 's/^Address: *\\([0-9.]*\\)$/\\1/p' | tail -n 1)
kubectl patch configmap reader -p "{\\"data\\":{\\"name\\":\\"$NAME\\",\\"address\\":\\"$ADDRESS\\"}}"`,
      check: checkName,
    },
  ],
  cleanup: `kubectl delete configmap reader --ignore-not-found
kubectl delete service library --ignore-not-found
kubectl delete pod reader --ignore-not-found --grace-period=1 --wait --timeout=60s`,
};

async function checkServer(world: LabWorld, signal: AbortSignal): Promise<Finding> {
  const reader = await placeOf(world, "reader", signal);
  if (reader === undefined) return missing('pod "reader" is not ready');
  const answers = await answersIn(world, "reader", signal);
  if (answers === undefined) return missing('there is no ConfigMap "reader" in the namespace default yet');
  const { server = "", search = "" } = answers;
  const { links, addresses } = readNetns(reader.nodeNetnsPath);
  const address = addresses.find(({ prefix }) => prefix.address === server);
  const link = links.find(({ ifindex }) => ifindex === address?.ifindex);
  if (link === undefined) return missing(`server is "${server}": ${reader.nodeName} has no such address`);
  const asked = { server: address?.prefix.address ?? reader.address, name: `library.${search}` };
  const found = await resolve(reader.netnsPath, asked);
  if (found === undefined) return missing(`search is "${search}": there is no name library.${search}`);
  return done(
    `${server} is an address of ${reader.nodeName}'s ${link.name}`,
    `library.${search} is ${found}, asked from inside the pod`,
  );
}

async function checkName(world: LabWorld, signal: AbortSignal): Promise<Finding> {
  const reader = await placeOf(world, "reader", signal);
  const clusterIP = (await findService(world, "library", signal))?.spec.clusterIP;
  if (reader === undefined || clusterIP === undefined)
    return missing('pod "reader" is not ready, or there is no Service "library"');
  const { server = "", name = "", address = "" } = (await answersIn(world, "reader", signal)) ?? {};
  if (name === "") return missing('the ConfigMap "reader" has no key name yet');
  const count = readSnmp(reader.netnsPath, "Udp", "OutDatagrams");
  if (!(count > 0)) return missing("the pod's kernel counters say that it has not sent a question yet");
  const found = await resolve(reader.netnsPath, { server: parseAddress(server), name });
  if (found !== clusterIP) return missing(`name is "${name}": ${found ?? "nothing"} is found under it`);
  if (address !== clusterIP) return missing(`address is "${address}": the Service has another one`);
  return done(`${name} is ${found}`, `the pod has sent ${count} datagrams (OutDatagrams in its /proc/net/snmp)`);
}

/** Undefined: there is no such name, or no answer. */
async function resolve(
  path: string,
  { server, name }: { readonly server: IpAddress; readonly name: string },
): Promise<IpAddress | undefined> {
  using netns = openNetns(path);
  return await resolveName({ netns, server, name, timeoutMs: 1000 }).catch(() => undefined);
}
