/** Scheduler and kubelets in one: gives pods a node, lets them live as the test says, and confirms their end. */
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { PodStatus } from "#api/kinds/pod/pod-status.ts";
import type { MemoryClient } from "#api-client/testing/memory-client.ts";
import { targetNode } from "../../daemon-set/daemon-pod.ts";
import { isPodFinished, isPodReady, isTerminating } from "../pod-state.ts";

export type PodFate = "ready" | "running" | "pending" | "succeeded" | "failed";

export interface FakeKubelet {
  /** What becomes of each pod by itself; undefined: it stays as it is. At first all become ready. */
  fate: (pod: Pod) => PodFate | undefined;
  /** Whether pods that are deleted end by themselves. */
  endsPods: boolean;
  /** Does what is to be done. False when there was nothing. */
  step(): boolean;
  /** Now, whatever its fate. */
  become(pod: Pod, fate: PodFate): void;
  /** Confirms its deletion. */
  end(pod: Pod): void;
}

export function createFakeKubelet(client: MemoryClient): FakeKubelet {
  const kubelet: FakeKubelet = {
    fate: () => "ready",
    endsPods: true,
    step() {
      let isBusy = false;
      for (const pod of client.all(podKind)) {
        if (isTerminating(pod)) {
          if (!kubelet.endsPods) continue;
          kubelet.end(pod);
        } else {
          const fate = kubelet.fate(pod);
          if (fate === undefined || isPodFinished(pod) || fateOf(pod) === fate) continue;
          kubelet.become(pod, fate);
        }
        isBusy = true;
      }
      return isBusy;
    },
    become(pod, fate) {
      const nodeName = fate === "pending" ? pod.spec.nodeName : (targetNode(pod) ?? "node-1");
      const spec = nodeName === undefined ? pod.spec : { ...pod.spec, nodeName };
      client.put(podKind, { ...pod, spec, status: statusOf(pod, fate) });
    },
    end: ({ metadata }) => client.remove(podKind, { namespace: metadata.namespace, name: metadata.name ?? "" }),
  };
  return kubelet;
}

function fateOf(pod: Pod): PodFate {
  if (isPodReady(pod)) return "ready";
  return pod.status?.phase === "Running" ? "running" : "pending";
}

const PHASES = {
  ready: "Running",
  running: "Running",
  pending: "Pending",
  succeeded: "Succeeded",
  failed: "Failed",
} as const;

function statusOf({ status }: Pod, fate: PodFate): PodStatus {
  const phase = PHASES[fate];
  const isReady = fate === "ready" ? "True" : "False";
  const before = status?.conditions?.find(({ type }) => type === "Ready");
  const time = `${new Date().toISOString().slice(0, 19)}Z`;
  const ready = {
    type: "Ready",
    status: isReady,
    lastTransitionTime: before?.status === isReady ? before.lastTransitionTime : time,
  } as const;
  return { ...status, phase, conditions: [ready] };
}
