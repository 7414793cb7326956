/** Two selectors in one peer, or a peer each: one dash decides who gets in. */
import type { Pod } from "#api/kinds/pod/pod.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import { answersIn } from "#lab/facts.ts";
import { done, type Finding, type Lab, type LabWorld, missing } from "#lab/lab.ts";
import { canConnect } from "#lab/network-facts.ts";

const PORT = 80;
/** `namespace/name`, in the order in which they are asked about. */
const VISITORS = ["office/auditor", "office/clerk", "default/auditor"] as const;

const POLICY = (peers: string): string => `kubectl apply -f - <<EOF
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: vault}
spec:
  podSelector: {matchLabels: {run: vault}}
  policyTypes: [Ingress]
  ingress:
  - from:
${peers}
EOF`;
const OR = POLICY(`    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: office}}
    - podSelector: {matchLabels: {role: auditor}}`);
const AND = POLICY(`    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: office}}
      podSelector: {matchLabels: {role: auditor}}`);
const RUN = (namespace: string, name: string, label: string, command: string): string =>
  `kubectl get pod ${name} -n ${namespace} >/dev/null 2>&1 || kubectl run ${name} -n ${namespace} --labels=run=${name},role=${label} --image=busybox --command -- ${command}`;
const IDLE = "sleep infinity";

export const andOr: Lab = {
  name: "and-or",
  title: "And / or",
  summary: "one dash in a policy, and who gets in",
  prepare: `kubectl get namespace office >/dev/null 2>&1 || kubectl create namespace office
${RUN("default", "vault", "vault", "sh -c 'mkdir /www; echo gold >/www/index.html; exec httpd -f -h /www'")}
${RUN("default", "auditor", "auditor", IDLE)}
${RUN("office", "auditor", "auditor", IDLE)}
${RUN("office", "clerk", "clerk", IDLE)}
kubectl wait pod/vault pod/auditor --for=condition=Ready --timeout=120s
kubectl wait pod/auditor pod/clerk -n office --for=condition=Ready --timeout=120s
${OR}
podwire wait policy default/vault`,
  steps: [
    {
      title: "Who gets in",
      text: `Auditors of the namespace "office" shall reach pod "vault". Somebody has written a policy for it:

  kubectl get networkpolicy vault -o yaml

Three pods are there to try it: "auditor" and "clerk" in "office", and an "auditor" in "default".

  IP=$(kubectl get pod vault -o jsonpath='{.status.podIP}')
  kubectl exec -n office clerk -- wget -T 2 -qO- http://$IP

Write down for each whether it gets in, yes or no:

  kubectl create configmap vault --from-literal=office.auditor=… --from-literal=office.clerk=… --from-literal=default.auditor=…`,
      solution: `IP=$(kubectl get pod vault -o jsonpath='{.status.podIP}')
try() { if kubectl exec -n "$1" "$2" -- wget -T 2 -qO- "http://$IP" >/dev/null 2>&1; then echo yes; else echo no; fi; }
kubectl create configmap vault --from-literal=office.auditor="$(try office auditor)" --from-literal=office.clerk="$(try office clerk)" --from-literal=default.auditor="$(try default auditor)"`,
      check: checkAnswers,
    },
    {
      title: "One dash less",
      text: `Each dash below "from" is a peer, and any peer is enough: "from the namespace office OR from auditors" (of the policy's own namespace). Selectors in one peer have to match together: "auditors of the namespace office". Take the second dash away:

${AND.replaceAll(/^/gm, "  ")}
  podwire wait policy default/vault

Before a policy is applied, podwire policy explain says who gets in and by which rule, and podwire policy test proves it.`,
      solution: `${AND}
podwire wait policy default/vault`,
      check: checkPolicy,
    },
  ],
  cleanup: `kubectl delete networkpolicy vault --ignore-not-found
kubectl delete configmap vault --ignore-not-found
kubectl delete pod vault auditor --ignore-not-found --grace-period=1 --wait --timeout=60s
kubectl delete pod auditor clerk -n office --ignore-not-found --grace-period=1 --wait --timeout=60s
kubectl delete namespace office --ignore-not-found --wait --timeout=60s`,
};

/** Who reaches the vault now, by real connections; undefined while a pod is missing. */
async function tryAll(world: LabWorld, signal: AbortSignal): Promise<ReadonlyMap<string, boolean> | undefined> {
  const [{ items }, { pods }] = await Promise.all([world.client.list(podKind, {}, signal), world.access(signal)]);
  const address = items.filter(isVault).flatMap(({ status }) => addressOf(status?.podIP))[0];
  if (address === undefined) return undefined;
  const found = new Map<string, boolean>();
  for (const visitor of VISITORS) {
    const path = pods.find(({ namespace, name }) => `${namespace}/${name}` === visitor)?.netnsPath;
    if (path === undefined) return undefined;
    found.set(visitor, await canConnect(path, { address, port: PORT }));
  }
  return found;
}

function isVault({ metadata }: Pod): boolean {
  return metadata.namespace === "default" && metadata.name === "vault";
}

function addressOf(text: string | undefined): readonly IpAddress[] {
  return text === undefined ? [] : [parseAddress(text)];
}

async function checkAnswers(world: LabWorld, signal: AbortSignal): Promise<Finding> {
  const answers = await answersIn(world, "vault", signal);
  if (answers === undefined) return missing('there is no ConfigMap "vault" in the namespace default yet');
  const found = await tryAll(world, signal);
  if (found === undefined) return missing("the pods are not all there");
  for (const [visitor, isIn] of found) {
    const key = visitor.replace("/", ".");
    if (answers[key] !== (isIn ? "yes" : "no")) return missing(`${key} is "${answers[key] ?? ""}": try it again`);
  }
  return done(...describe(found));
}

async function checkPolicy(world: LabWorld, signal: AbortSignal): Promise<Finding> {
  const found = await tryAll(world, signal);
  if (found === undefined) return missing("the pods are not all there");
  const wrong = [...found].find(([visitor, isIn]) => isIn !== (visitor === "office/auditor"));
  if (wrong === undefined) return done(...describe(found));
  return missing(wrong[1] ? `${wrong[0]} still gets in` : `${wrong[0]} does not get in`);
}

function describe(found: ReadonlyMap<string, boolean>): readonly string[] {
  return [...found].map(([visitor, isIn]) => `a connection from inside ${visitor} is ${isIn ? "accepted" : "dropped"}`);
}
