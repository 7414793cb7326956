/** Nothing is allowed any more, and what has to be allowed again, names first of all. */
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { parseAddress } from "#base/ip-address.ts";
import { resolveName } from "#check/resolve-name.ts";
import { openNetns } from "#kernel/netns/netns.ts";
import { done, type Finding, type Lab, type LabWorld, missing } from "#lab/lab.ts";
import { canConnect, findService, placeOf } from "#lab/network-facts.ts";

const WEB = 80;
/** Another port that the server listens on, for nobody. */
const ADMIN = 8080;

const DENY_ALL = `kubectl apply -f - <<EOF
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-all}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
EOF`;

const ALLOW = `kubectl apply -f - <<EOF
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: guest-out}
spec:
  podSelector: {matchLabels: {run: guest}}
  policyTypes: [Egress]
  egress:
  - ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
  - to: [{podSelector: {matchLabels: {run: inn}}}]
    ports: [{protocol: TCP, port: ${WEB}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: inn-in}
spec:
  podSelector: {matchLabels: {run: inn}}
  policyTypes: [Ingress]
  ingress:
  - from: [{podSelector: {matchLabels: {run: guest}}}]
    ports: [{protocol: TCP, port: ${WEB}}]
EOF`;

const indented = (lines: string): string => lines.replaceAll(/^/gm, "  ");

export const defaultDeny: Lab = {
  name: "default-deny",
  title: "Default deny and DNS",
  summary: "close everything, then open what is needed, names included",
  prepare: `kubectl get pod inn >/dev/null 2>&1 || kubectl run inn --image=busybox --command -- sh -c 'mkdir /www; echo welcome >/www/index.html; httpd -p ${ADMIN} -h /www; exec httpd -f -p ${WEB} -h /www'
kubectl get pod guest >/dev/null 2>&1 || kubectl run guest --image=busybox --command -- sleep infinity
kubectl wait pod/inn pod/guest --for=condition=Ready --timeout=120s
kubectl get service inn >/dev/null 2>&1 || kubectl expose pod inn --port=${WEB}`,
  steps: [
    {
      title: "Nobody and nothing",
      text: `Pod "guest" reaches pod "inn" by the Service's name:

  kubectl exec guest -- wget -T 2 -qO- http://inn

A policy that selects pods and lists a direction, but no rule for it, allows nothing in that direction. Close the namespace, in both directions:

${indented(DENY_ALL)}
  podwire wait policy default/deny-all

and try again. Nothing is refused: packets are dropped, and the client waits.`,
      solution: `${DENY_ALL}
podwire wait policy default/deny-all`,
      async check(world, signal) {
        const { inn, guest } = await placesOf(world, signal);
        if (inn === undefined || guest === undefined) return missing('pods "inn" and "guest" are not ready');
        for (const port of [WEB, ADMIN]) {
          if (await canConnect(guest.netnsPath, { address: inn.address, port }))
            return missing(`a connection from inside "guest" to ${inn.address} port ${port} is still accepted`);
        }
        return done(`connections from inside "guest" to ${inn.address} are not answered any more`);
      },
    },
    {
      title: "What is needed",
      text: `A guest needs two things: the inn's port ${WEB}, and names. Both ends have to allow a connection: "guest" to send it (egress), "inn" to take it (ingress). Policies add up, so new ones are enough:

${indented(ALLOW)}
  podwire wait policy default/guest-out && podwire wait policy default/inn-in
  kubectl exec guest -- wget -T 2 -qO- http://inn

Port 53 is the line that people forget: where cluster DNS is pods, "deny all" takes the names away as well, and everything seems to be down. Here each node answers its own pods at an address of the node, and policies are about traffic between pods; the line keeps the policy right on every network.
Port ${ADMIN} of the inn stays closed.`,
      solution: `${ALLOW}
podwire wait policy default/guest-out
podwire wait policy default/inn-in`,
      check: checkAllowed,
    },
  ],
  cleanup: `kubectl delete networkpolicy deny-all guest-out inn-in --ignore-not-found
kubectl delete service inn --ignore-not-found
kubectl delete pod inn guest --ignore-not-found --grace-period=1 --wait --timeout=60s`,
};

async function placesOf(world: LabWorld, signal: AbortSignal) {
  return { inn: await placeOf(world, "inn", signal), guest: await placeOf(world, "guest", signal) };
}

async function checkAllowed(world: LabWorld, signal: AbortSignal): Promise<Finding> {
  const { inn, guest } = await placesOf(world, signal);
  const service = await findService(world, "inn", signal);
  if (inn === undefined || guest === undefined || service?.spec.clusterIP === undefined)
    return missing('the pods "inn" and "guest" or the Service "inn" are not ready');
  if (!(await canConnect(guest.netnsPath, { address: inn.address, port: WEB })))
    return missing(`a connection from inside "guest" to ${inn.address} port ${WEB} is not answered`);
  if (await canConnect(guest.netnsPath, { address: inn.address, port: ADMIN }))
    return missing(`a connection from inside "guest" to ${inn.address} port ${ADMIN} is accepted: too much is open`);
  if (await canConnect(inn.netnsPath, { address: guest.address, port: WEB }))
    return missing(`a connection from inside "inn" to ${guest.address} is accepted`);
  const name = "inn.default.svc.cluster.local";
  using netns = openNetns(guest.netnsPath);
  const dns = (await world.client.list(serviceKind, { namespace: "kube-system" }, signal)).items.find(
    ({ metadata }) => metadata.name === "kube-dns",
  );
  const server = parseAddress(dns?.spec.clusterIP ?? "");
  const found = await resolveName({ netns, server, name, timeoutMs: 1000 }).catch(() => undefined);
  if (found !== service.spec.clusterIP) return missing(`inside "guest", ${name} does not resolve`);
  return done(
    `from inside "guest": ${inn.address} port ${WEB} answers, port ${ADMIN} does not`,
    `${name} is ${found} there`,
  );
}
