/** A connection that was there before the policy: what becomes of it, and what brings it back. */
import { done, type Finding, type Lab, type LabWorld, missing } from "#lab/lab.ts";
import { establishedSockets, placeOf } from "#lab/network-facts.ts";

const PORT = 7000;
/** Waits for what /proc/net/tcp says of retransmissions (its seventh field) on an established connection. */
const UNTIL = (condition: string): string =>
  `kubectl exec talker -- timeout 30 sh -c 'until awk "\\$4 == \\"01\\" && \\$7 ${condition} \\"00000000\\" { found = 1 } END { exit !found }" /proc/net/tcp; do sleep 0.2; done'`;

const DENY = `kubectl apply -f - <<EOF
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: silence}
spec:
  podSelector: {matchLabels: {run: listener}}
  policyTypes: [Ingress]
EOF`;

export const openConnection: Lab = {
  name: "open-connection",
  title: "The connection that stayed open",
  summary: "a policy comes when the connection is already there",
  prepare: `kubectl get pod listener >/dev/null 2>&1 || kubectl run listener --image=busybox --command -- nc -ll -p ${PORT} -e cat
kubectl get pod talker >/dev/null 2>&1 || kubectl run talker --image=busybox --command -- sleep infinity
kubectl wait pod/listener pod/talker --for=condition=Ready --timeout=120s`,
  steps: [
    {
      title: "A connection",
      text: `Let "talker" send the time to "listener", which sends it back, five times a second, over one connection that stays:

  IP=$(kubectl get pod listener -o jsonpath='{.status.podIP}')
  kubectl exec talker -- sh -c "{ while :; do date; sleep 0.2; done | nc $IP ${PORT}; } </dev/null >/dev/null 2>&1 &"
  kubectl exec talker -- cat /proc/net/tcp

State 01 is an established connection; tx_queue is what was sent and not acknowledged yet.`,
      solution: `IP=$(kubectl get pod listener -o jsonpath='{.status.podIP}')
kubectl exec talker -- sh -c "{ while :; do date; sleep 0.2; done | nc $IP ${PORT}; } </dev/null >/dev/null 2>&1 &"
${UNTIL("==")}`,
      check: (world, signal) => checkConnection(world, "flows", signal),
    },
    {
      title: "It is not allowed any more",
      text: `Let nobody reach "listener":

${DENY.replaceAll(/^/gm, "  ")}
  podwire wait policy default/silence
  kubectl exec talker -- cat /proc/net/tcp

New connections are dropped. And the old one? Rules that let through what belongs to an established connection never look at it again: on such a network it stays open for as long as it likes, also after the policy that was to stop an intruder. Here its entry in the connection table is taken away when no policy allows it any more, and its next packet is judged as if it were the first. (podwire up --established keep is the other way.)
tx_queue grows: the kernel sends again and again, and nobody answers.`,
      solution: `${DENY}
podwire wait policy default/silence
${UNTIL("!=")}`,
      check: (world, signal) => checkConnection(world, "hangs", signal),
    },
    {
      title: "It goes on",
      text: `Nobody has told the two ends that they were cut off. Take the policy away, and look what becomes of the connection:

  kubectl delete networkpolicy silence
  kubectl exec talker -- cat /proc/net/tcp

What the kernel sends again arrives now, and nothing is lost. (After a quarter of an hour it would have given up.)`,
      solution: `kubectl delete networkpolicy silence
${UNTIL("==")}`,
      check: (world, signal) => checkConnection(world, "flows", signal),
    },
  ],
  cleanup: `kubectl delete networkpolicy silence --ignore-not-found
kubectl delete pod listener talker --ignore-not-found --grace-period=1 --wait --timeout=60s`,
};

async function checkConnection(world: LabWorld, wanted: "flows" | "hangs", signal: AbortSignal): Promise<Finding> {
  const [talker, listener] = [await placeOf(world, "talker", signal), await placeOf(world, "listener", signal)];
  if (talker === undefined || listener === undefined) return missing('pods "talker" and "listener" are not ready');
  const connection = establishedSockets(talker.netnsPath).find(
    ({ destination }) => destination.address === listener.address && destination.port === PORT,
  );
  if (connection === undefined)
    return missing(`"talker" has no established connection to ${listener.address} port ${PORT}`);
  const { localPort, unacknowledged, retransmits } = connection;
  const state = `port ${localPort} → ${listener.address}:${PORT}: ${unacknowledged} bytes not acknowledged, sent again ${retransmits} times`;
  if (wanted === "flows") {
    return retransmits === 0 ? done(state) : missing(`the connection hangs: ${state}`);
  }
  if (retransmits === 0) return missing(`the connection goes on: ${state}`);
  return done(state);
}
