/**
 * One node as the API sees it: a Node, a Lease that is renewed, and pods bound to it that start, end and go away. It acts
 * as system:node:NAME, so node authorization is on its way.
 */
import type { KubeObject } from "#api/kind.ts";
import { lease } from "#api/kinds/lease.ts";
import { type Node, node } from "#api/kinds/node.ts";
import { type Pod, pod } from "#api/kinds/pod/pod.ts";
import { createEventRecorder } from "#api-client/create-event-recorder.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import type { Cluster } from "#api-client/kubeconfig.ts";
import type { JsonObject } from "#base/json.ts";
import { fateOf, planPodStatus } from "./plan-pod-status.ts";

export interface NodeMarks {
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: NonNullable<NonNullable<Node["spec"]>["taints"]>;
}

export interface FakeNodeOptions extends NodeMarks {
  readonly name: string;
  /** With the node's own certificate. */
  readonly cluster: Cluster;
  readonly kubeletPort: number;
  /** Its pods get 10.244.INDEX.1 and so on. */
  readonly index: number;
  onError(error: unknown): void;
  onGone(pod: Pod): void;
}

export interface FakeNode extends AsyncDisposable {
  find(namespace: string, name: string): Pod | undefined;
  /** Its process has ended well. */
  complete(pod: Pod): Promise<void>;
}

/** A pod with this label takes all of its grace period to end: for ever, here. */
export const STUBBORN = "stubborn";
const HEARTBEAT_MS = 5_000;
const HOST_IP = "127.0.0.1";

export async function startFakeNode(options: FakeNodeOptions): Promise<FakeNode> {
  const { name, cluster, index, onError } = options;
  await using stack = new AsyncDisposableStack();
  const client = stack.use(createHttpClient(cluster, { userAgent: "kubelet/test" }));
  const events = stack.use(createEventRecorder({ client, component: "kubelet", host: name, onError }));
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  const { signal } = stop;
  const background = (work: Promise<unknown>): void => {
    work.catch((error: unknown) => {
      if (!signal.aborted && !isOver(error)) onError(error);
    });
  };
  const registered = await client.create(node, plannedNode(options), signal);
  stack.use(await startHeartbeat(registered));

  let pods = 0;
  const started = new Set<string>();
  const leaving = new Set<string>();
  const writeStatus = (object: Pod, status: JsonObject): Promise<Pod> =>
    client.patch(pod, nameOf(object), { type: "strategic", subresource: "status", body: { status } }, signal);
  const start = async (object: Pod): Promise<void> => {
    pods += 1;
    const now = new Date().toISOString().replace(/\.\d+/, "");
    await writeStatus(object, planPodStatus(object, { podIp: `10.244.${index}.${pods}`, hostIp: HOST_IP, now }));
    for (const { name, image } of object.spec.containers) {
      if (fateOf(object) === "never") {
        events.record(object, { type: "Warning", reason: "Failed", message: "Error: ImagePullBackOff" });
        continue;
      }
      events.record(object, {
        type: "Normal",
        reason: "Pulled",
        message: `Container image "${image}" already present`,
      });
      events.record(object, { type: "Normal", reason: "Started", message: `Started container ${name}` });
    }
  };
  const see = (object: Pod): void => {
    const { uid = "", deletionTimestamp, labels = {} } = object.metadata;
    if (deletionTimestamp !== undefined) {
      if (labels[STUBBORN] === undefined && !leaving.has(uid)) {
        leaving.add(uid);
        background(client.delete(pod, nameOf(object), { gracePeriodSeconds: 0, uid }, signal));
      }
    } else if (!started.has(uid)) {
      started.add(uid);
      background(start(object));
    }
  };
  const query = { fieldSelector: `spec.nodeName=${name}` };
  const informer = stack.use(createInformer({ client, kind: pod, query, onError }));
  informer.subscribe({ onAdd: see, onUpdate: see, onDelete: options.onGone });
  await informer.synced;

  async function startHeartbeat(owner: KubeObject): Promise<Disposable> {
    const { uid = "" } = owner.metadata;
    const renewal = () => ({ holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime(new Date()) });
    const ownerReferences = [{ apiVersion: "v1", kind: "Node", name, uid }];
    const place = { namespace: "kube-node-lease", name };
    await client.create(lease, { metadata: { ...place, ownerReferences }, spec: renewal() }, signal);
    const timer = setInterval(
      () => background(client.patch(lease, place, { type: "merge", body: { spec: renewal() } }, signal)),
      HEARTBEAT_MS,
    );
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  const open = stack.move();
  return {
    find: (namespace, podName) => informer.get(namespace, podName),
    async complete(object) {
      const now = new Date().toISOString().replace(/\.\d+/, "");
      const as = { ...object, spec: { ...object.spec, containers: object.spec.containers.map(once) } };
      const status = planPodStatus(as, { podIp: object.status?.podIP ?? "", hostIp: HOST_IP, now });
      await writeStatus(object, status);
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

function once<C extends { readonly image: string }>(container: C): C {
  return { ...container, image: "app:once" };
}

function nameOf({ metadata: { namespace, name = "" } }: Pod) {
  return { namespace, name };
}

/** Somebody else removed or changed it meanwhile. A node may do nothing with a pod that it does not have any more. */
function isOver(error: unknown): boolean {
  return error instanceof Error && "code" in error && [403, 404, 409].includes(Number(error.code));
}

function microTime(date: Date): string {
  return date.toISOString().replace("Z", "000Z");
}

function plannedNode({ name, labels, taints, kubeletPort }: FakeNodeOptions) {
  const now = new Date().toISOString().replace(/\.\d+/, "");
  const condition = (type: string, status: "True" | "False", reason: string, message: string) => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  const resources = { cpu: "8", memory: "16Gi", pods: "110", "ephemeral-storage": "100Gi" };
  return {
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        ...labels,
      },
    },
    ...(taints !== undefined && { spec: { taints } }),
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
      ],
      addresses: [
        { type: "InternalIP", address: HOST_IP },
        { type: "Hostname", address: name },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
      nodeInfo: {
        machineID: "0123456789abcdef0123456789abcdef",
        systemUUID: "01234567-89ab-cdef-0123-456789abcdef",
        bootID: "fedcba98-7654-3210-fedc-ba9876543210",
        kernelVersion: "6.1.0",
        osImage: "Test Linux 12",
        containerRuntimeVersion: "containerd://1.7.0",
        kubeletVersion: "v1.32.4",
        kubeProxyVersion: "",
        operatingSystem: "linux",
        architecture: "amd64",
      },
    },
  } as const;
}
