/** What a demo runs: a web server and clients, a pod of each on every node, and the wait until they serve. */
import { isApiError } from "#api/api-error.ts";
import { type Deployment, deployment as deploymentKind } from "#api/kinds/deployment.ts";
import type { Container } from "#api/kinds/pod/container.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { DRAIN_ANNOTATION, DRAIN_PROGRAMMED } from "#api/programmed/drain.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { CliError } from "../cli-error.ts";

export const WEB = "web";
export const CLIENT = "client";
export const NAMESPACE = "default";

/** Resolves when all replicas of both serve. Those that are there already stay. */
export async function runWorkloads(client: ApiClient, replicas: number, signal: AbortSignal): Promise<void> {
  const wanted = [
    workload(WEB, replicas, {
      container: SERVER,
      graceSeconds: 20,
      annotations: { [DRAIN_ANNOTATION]: DRAIN_PROGRAMMED },
    }),
    workload(CLIENT, replicas, {
      container: { image: "busybox", command: ["sleep", "infinity"] },
      graceSeconds: 1,
    }),
  ];
  for (const each of wanted) {
    await client.create(deploymentKind, each, signal).catch((error: unknown) => {
      if (!isApiError(error, "AlreadyExists")) throw error;
    });
  }
  const trouble: unknown[] = [];
  await using deployments = createInformer({
    client,
    kind: deploymentKind,
    query: { namespace: NAMESPACE },
    onError: (error) => trouble.push(error),
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    if (wanted.every(({ metadata: { name } }) => isAvailable(deployments.get(NAMESPACE, name), replicas))) resolve();
  };
  const abort = (): void => reject(signal.reason);
  using _watch = deployments.subscribe({ onAdd: look, onUpdate: look });
  signal.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } catch (cause) {
    throw await notServing(client, trouble, cause);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * It is asked when it listens and not before, and drained before it ends. Then nodes send nobody any more, but who was
 * sent before may wait to be accepted, and on an overloaded machine for long: nginx resets that when it closes its socket.
 * So it stays for as long as clients wait.
 */
const SERVER = {
  image: "nginx",
  readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 },
  lifecycle: { preStop: { sleep: { seconds: 5 } } },
} as const;

interface Workload {
  readonly container: Omit<Container, "name">;
  readonly graceSeconds: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

function workload(name: string, replicas: number, { container, graceSeconds, annotations }: Workload) {
  const labels = { app: name };
  const spec = { terminationGracePeriodSeconds: graceSeconds, containers: [{ name, ...container }] };
  return {
    metadata: { namespace: NAMESPACE, name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels, ...(annotations !== undefined && { annotations }) }, spec },
    },
  };
}

function isAvailable(deployment: Deployment | undefined, replicas: number): boolean {
  const status = deployment?.status;
  return status?.availableReplicas === replicas && status.updatedReplicas === replicas;
}

const LAST_LOOK_MS = 5000;

/** With what the API says of the pods that do not run; an interruption stays one. */
async function notServing(client: ApiClient, trouble: readonly unknown[], cause: unknown): Promise<unknown> {
  if (cause instanceof CliError && cause.exitCode === 130) return cause;
  const { items } = await client.list(podKind, { namespace: NAMESPACE }, AbortSignal.timeout(LAST_LOOK_MS));
  const lines = items.flatMap(whyNotRunning);
  const evidence = [...lines, ...trouble.map(String)].join("\n") || "all pods run";
  const next = "look closer: kubectl describe pods; or take it down: podwire down";
  return new CliError("failed", { what: "The demo's pods do not all serve", evidence, next }, { cause });
}

function whyNotRunning({ metadata, status }: Pod): readonly string[] {
  const waiting = status?.containerStatuses?.flatMap(({ state }) => state?.waiting ?? []) ?? [];
  if (status?.phase === "Running" && waiting.length === 0) return [];
  const reasons = waiting.map(({ reason, message }) => `${reason}${message ? `: ${message}` : ""}`);
  return [`${metadata.name} is ${status?.phase}: ${reasons.join("; ") || "no container has a reason yet"}`];
}
