/** A node whose CNI configuration names a plugin that is not there: what is seen, where to look, how to mend it. */
import { existsSync } from "node:fs";
import { event as eventKind } from "#api/kinds/event.ts";
import { answersIn, isReady, podsWith } from "#lab/facts.ts";
import { done, type Lab, missing } from "#lab/lab.ts";

const BROKEN = "/etc/cni/net.d/00-broken.conflist";

export const cniFailure: Lab = {
  name: "cni-failure",
  title: "A network that cannot be set up",
  summary: "a pod stays in ContainerCreating: find out why, and mend the node",
  prepare: `podwire node exec 1 -- sh -c 'cat > ${BROKEN}' <<EOF
{"cniVersion":"1.0.0","name":"broken","plugins":[{"type":"brigde","bridge":"cni0"}]}
EOF
kubectl get pod stuck >/dev/null 2>&1 || kubectl run stuck --image=busybox --overrides='{"spec":{"nodeName":"'"$NODE1"'"}}' --command -- sleep infinity
kubectl wait pod/stuck --for=jsonpath='{.status.phase}'=Pending --timeout=30s`,
  steps: [
    {
      title: "What is wrong",
      text: `Pod "stuck" does not start. The kubelet says why, in events:

  kubectl get pod stuck
  kubectl describe pod stuck

Look for FailedCreatePodSandBox: the message names the plugin that was looked for, and where. Write its type down as you would search for it:

  kubectl create configmap stuck --from-literal=plugin=NAME`,
      solution: `kubectl wait --for=jsonpath='{.reason}'=FailedCreatePodSandBox event --field-selector involvedObject.name=stuck,reason=FailedCreatePodSandBox --timeout=30s >/dev/null 2>&1 || true
kubectl create configmap stuck --from-literal=plugin=brigde`,
      async check(world, signal) {
        const { items } = await world.client.list(eventKind, { namespace: "default" }, signal);
        const failure = items.find(
          ({ reason, involvedObject }) => reason === "FailedCreatePodSandBox" && involvedObject?.name === "stuck",
        );
        const answer = (await answersIn(world, "stuck", signal))?.["plugin"];
        if (answer === undefined) return missing('there is no ConfigMap "stuck" with a key plugin yet');
        if (failure === undefined) return missing("the kubelet has not reported the failure yet");
        if (!failure.message?.includes(`"${answer}"`))
          return missing(`the event's message names no plugin "${answer}"`);
        return done(failure.message);
      },
    },
    {
      title: "Mend it",
      text: `containerd takes the first configuration of /etc/cni/net.d by name. Find the one that is not ours on node 1, and take it away:

  podwire node shell 1
  ls /etc/cni/net.d

The kubelet tries again by itself; the pod starts within a minute.`,
      solution: `podwire node exec 1 -- rm ${BROKEN}
kubectl wait pod/stuck --for=condition=Ready --timeout=120s`,
      async check(world, signal) {
        const [node] = (await world.access(signal)).nodes;
        if (node !== undefined && existsSync(world.nodeFile(node.name, BROKEN)))
          return missing(`${BROKEN} is still there on ${node.name}`);
        const [pod] = (await podsWith(world, "run=stuck", signal)).filter(isReady);
        if (pod === undefined) return missing('pod "stuck" is not ready yet');
        return done(`pod "stuck" is ready, with the address ${pod.object.status?.podIP}`);
      },
    },
  ],
  cleanup: `podwire node exec 1 -- rm -f ${BROKEN}
kubectl delete configmap stuck --ignore-not-found
kubectl delete pod stuck --ignore-not-found --grace-period=1 --wait --timeout=60s`,
};
