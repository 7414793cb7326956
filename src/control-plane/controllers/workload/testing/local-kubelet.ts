/** Scheduler and kubelets over any API: binds pods, reports them as ready or succeeded, confirms their end. */
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createWorkQueue } from "#api-client/create-work-queue.ts";
import type { Informer } from "#api-client/informer.ts";
import { keyOf } from "#api-client/object-cache.ts";
import { timeText } from "../../../resources/stored-object.ts";
import { targetNode } from "../../daemon-set/daemon-pod.ts";
import { splitKey } from "../../split-key.ts";
import { isPodFinished, isPodReady, isTerminating } from "../pod-state.ts";

export function startLocalKubelet(client: ApiClient, pods: Informer<Pod>): AsyncDisposable {
  const queue = createWorkQueue({
    name: "kubelet",
    workers: 4,
    async work(key, signal) {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(namespace, name);
      if (pod !== undefined) await tend(client, pod, signal);
    },
    onError: () => undefined,
  });
  const tell = (pod: Pod): void => queue.add(keyOf(pod));
  const subscription = pods.subscribe({ onAdd: tell, onUpdate: tell });
  return {
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      await queue[Symbol.asyncDispose]();
    },
  };
}

async function tend(client: ApiClient, pod: Pod, signal: AbortSignal): Promise<void> {
  const name = { namespace: pod.metadata.namespace, name: pod.metadata.name ?? "" };
  const { uid = "" } = pod.metadata;
  if (isTerminating(pod)) return await client.delete(podKind, name, { gracePeriodSeconds: 0, uid }, signal);
  if ((pod.spec.nodeName ?? "") === "") {
    const target = { apiVersion: "v1", kind: "Node", name: targetNode(pod) ?? "n1" };
    await client.createSubresource(podKind, name, "binding", { metadata: { name: name.name }, target }, signal);
    return;
  }
  if (isPodFinished(pod) || isPodReady(pod)) return;
  const time = timeText(new Date());
  const isTask = pod.spec.restartPolicy === "Never";
  const ready = { type: "Ready", status: isTask ? "False" : "True", lastTransitionTime: time } as const;
  const others = pod.status?.conditions?.filter(({ type }) => type !== "Ready") ?? [];
  const phase = isTask ? "Succeeded" : "Running";
  await client.updateStatus(
    podKind,
    { ...pod, status: { ...pod.status, phase, startTime: time, conditions: [...others, ready] } },
    signal,
  );
}
