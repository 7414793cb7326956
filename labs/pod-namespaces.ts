/** A pod is a few namespaces that its containers share; its network is one of them. */
import { answersIn, isReady, podsWith, readNetns } from "#lab/facts.ts";
import { done, type Lab, missing } from "#lab/lab.ts";

export const podNamespaces: Lab = {
  name: "pod-namespaces",
  title: "What a pod is made of",
  summary: "two containers, one network namespace",
  steps: [
    {
      title: "Two containers in one pod",
      text: `Make a pod "pair" with two containers, and see that they have one network: what one listens on, the other reaches at 127.0.0.1.

  kubectl apply -f - <<EOF
  apiVersion: v1
  kind: Pod
  metadata: {name: pair, labels: {run: pair}}
  spec:
    containers:
    - {name: web, image: nginx}
    - {name: shell, image: busybox, command: [sleep, infinity]}
  EOF
  kubectl exec pair -c shell -- wget -qO- http://127.0.0.1`,
      solution: `kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
metadata: {name: pair, labels: {run: pair}}
spec:
  containers:
  - {name: web, image: nginx}
  - {name: shell, image: busybox, command: [sleep, infinity]}
EOF
kubectl wait pod/pair --for=condition=Ready --timeout=120s
kubectl exec pair -c shell -- wget -qO- http://127.0.0.1 >/dev/null`,
      async check(world, signal) {
        const [pod] = (await podsWith(world, "run=pair", signal)).filter(isReady);
        if (pod === undefined) return missing("there is no ready pod with the label run=pair in the namespace default");
        const names = pod.object.spec.containers.map(({ name }) => name);
        if (names.length < 2) return missing(`pod ${pod.name} has one container: ${names.join()}`);
        return done(`pod ${pod.name} runs ${names.join(" and ")}`);
      },
    },
    {
      title: "Their network namespace",
      text: `A namespace has a number. Ask both containers for that of their network, and a process of the node for its own:

  kubectl exec pair -c web -- readlink /proc/self/ns/net
  kubectl exec pair -c shell -- readlink /proc/self/ns/net
  podwire node exec NODE -- readlink /proc/self/ns/net

Write the pod's number down: kubectl create configmap pair --from-literal=netns=4026…`,
      solution: `NUMBER=$(kubectl exec pair -c shell -- readlink /proc/self/ns/net | tr -dc 0-9)
kubectl create configmap pair --from-literal=netns="$NUMBER"`,
      async check(world, signal) {
        const [pod] = (await podsWith(world, "run=pair", signal)).filter(isReady);
        const path = pod?.place?.netnsPath;
        if (pod?.node?.netnsPath === undefined || path === undefined) return missing('there is no ready pod "pair"');
        const answer = (await answersIn(world, "pair", signal))?.["netns"];
        if (answer === undefined) return missing('there is no ConfigMap "pair" with a key netns yet');
        const { inode, links } = readNetns(path);
        if (answer !== String(inode))
          return missing(`netns is "${answer}": the kernel has another number for this pod`);
        return done(
          `the pod's network namespace is number ${inode}, with the links ${links.map(({ name }) => name).join(", ")}`,
          `its node's is number ${readNetns(pod.node.netnsPath).inode}`,
        );
      },
    },
  ],
  cleanup: `kubectl delete configmap pair --ignore-not-found
kubectl delete pod pair --ignore-not-found --grace-period=1 --wait --timeout=60s`,
};
