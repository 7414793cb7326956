/** One pod asks another one for a web page; the kernel of each counts the connection. */
import { isReady, podsWith, readSnmp } from "#lab/facts.ts";
import { done, type Lab, type LabWorld, missing } from "#lab/lab.ts";

export const podToPod: Lab = {
  name: "pod-to-pod",
  title: "From one pod to another",
  summary: "a request between two pods, as both of them see it",
  steps: [
    {
      title: "A sender and a receiver",
      text: `Start a pod that serves web pages and one that asks for them:

  kubectl run receiver --image=nginx
  kubectl run sender --image=busybox --command -- sleep infinity
  kubectl wait pod/sender pod/receiver --for=condition=Ready`,
      solution: `kubectl run receiver --image=nginx
kubectl run sender --image=busybox --command -- sleep infinity
kubectl wait pod/sender pod/receiver --for=condition=Ready --timeout=120s`,
      async check(world, signal) {
        for (const name of ["receiver", "sender"]) {
          const [pod] = await podsWith(world, `run=${name}`, signal);
          if (pod === undefined) return missing(`there is no pod "${name}" in the namespace default`);
          if (!isReady(pod)) return missing(`pod "${name}" is not ready`);
        }
        return done("both pods are ready");
      },
    },
    {
      title: "A page by address",
      text: `No name, no Service, no port of a node: the receiver's address is enough, wherever the two pods are.

  IP=$(kubectl get pod receiver -o jsonpath='{.status.podIP}')
  kubectl exec sender -- wget -qO- http://$IP
  kubectl logs receiver

The last command shows who asked, as the receiver sees it: the sender's own address. Nothing on the way has replaced it.`,
      solution: `IP=$(kubectl get pod receiver -o jsonpath='{.status.podIP}')
kubectl exec sender -- wget -qO- "http://$IP" >/dev/null`,
      async check(world, signal) {
        const opened = await tcpCounter(world, "sender", "ActiveOpens", signal);
        const accepted = await tcpCounter(world, "receiver", "PassiveOpens", signal);
        if (!(opened > 0)) return missing("the sender's kernel counters say that it has opened no TCP connection yet");
        if (!(accepted > 0))
          return missing("the receiver's kernel counters say that it has taken no TCP connection yet");
        return done(
          `sender: ActiveOpens ${opened} in /proc/net/snmp of its network namespace`,
          `receiver: PassiveOpens ${accepted} in that of its own`,
        );
      },
    },
  ],
  cleanup: "kubectl delete pod sender receiver --ignore-not-found --grace-period=1 --wait --timeout=60s",
};

async function tcpCounter(world: LabWorld, name: string, counter: string, signal: AbortSignal): Promise<number> {
  const [pod] = await podsWith(world, `run=${name}`, signal);
  const path = pod?.place?.netnsPath;
  return path === undefined ? 0 : readSnmp(path, "Tcp", counter);
}
