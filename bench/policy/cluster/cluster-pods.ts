/**
 * Pods of a cluster whose packets are watched: a server on each node and one client, and others that policies select.
 * Their namespaces are entered from here, so that nothing runs in them but a sleep.
 */
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { IpAddress } from "#base/ip-address.ts";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import { type Netns, openNetns } from "#kernel/netns/netns.ts";
import { waitForObjects } from "../../cluster/wait-for-objects.ts";
import { FILLERS_PER_NODE, fillerLabels, NAMESPACE } from "./cluster-policies.ts";

export interface PodEnd {
  readonly netns: Netns;
  readonly address: IpAddress;
}

export interface ClusterPods extends Disposable {
  readonly client: PodEnd;
  /** One on each node. */
  readonly servers: readonly PodEnd[];
}

/** Ends when it is told to, as a good container does. */
const COMMAND = ["sh", "-c", "trap 'exit 0' TERM; sleep 2147483647 & wait"];

export interface PlacedPod {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly node: string;
}

export function podDraft({ name, labels, node }: PlacedPod) {
  return {
    metadata: { namespace: NAMESPACE, name, labels },
    spec: {
      nodeSelector: { "kubernetes.io/hostname": node },
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "main", image: "busybox", imagePullPolicy: "IfNotPresent", command: COMMAND }],
    },
  } as const;
}

export async function startClusterPods(
  client: ApiClient,
  { cluster, nodes }: { readonly cluster: string; readonly nodes: readonly string[] },
  signal: AbortSignal,
): Promise<ClusterPods> {
  const [first = ""] = nodes;
  const wanted: readonly PlacedPod[] = [
    { name: "client", labels: { app: "client" }, node: first },
    ...nodes.map((node, index) => ({ name: `server-${index}`, labels: { app: "server" }, node })),
    ...nodes.flatMap((node, index) =>
      Array.from({ length: FILLERS_PER_NODE }, (_, place) => {
        const number = index * FILLERS_PER_NODE + place;
        return { name: `filler-${number}`, labels: fillerLabels(number), node };
      }),
    ),
  ];
  await Promise.all(wanted.map((one) => client.create(podKind, podDraft(one), signal)));
  const isDone = (pods: readonly Pod[]): boolean => pods.length === wanted.length && pods.every(isReady);
  const query = { namespace: NAMESPACE };
  await waitForObjects(client, { kind: podKind, query, what: `${wanted.length} pods are ready`, isDone }, signal);
  const { pods } = await openClusterAccess(cluster, signal);
  using stack = new DisposableStack();
  const end = (name: string): PodEnd => {
    const found = pods.find((one) => one.namespace === NAMESPACE && one.name === name);
    const [address] = found?.ips ?? [];
    if (found?.netnsPath === undefined || address === undefined)
      throw new Error(`Cannot measure: no sandbox of ${name}`);
    return { netns: stack.use(openNetns(found.netnsPath)), address };
  };
  const ends = { client: end("client"), servers: nodes.map((_, index) => end(`server-${index}`)) };
  const owned = stack.move();
  return { ...ends, [Symbol.dispose]: () => owned.dispose() };
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}
