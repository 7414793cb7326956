/**
 * The kubelet of one node: its parts built in the order in which they need each other, stopped in reverse.
 *
 *   API server → informer of the node's pods → pod workers → CRI → containerd
 *   containerd's events → pod workers → status writer → API server
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { createEventRecorder } from "#api-client/create-event-recorder.ts";
import { createInformer } from "#api-client/create-informer.ts";
import type { RecordedEvent } from "#api-client/event-recorder.ts";
import { createCriClient } from "#cri/cri-client.ts";
import { parseResolvConf } from "./container/pod-dns.ts";
import { createContainerEvents } from "./container-events.ts";
import { followPods } from "./follow-pods.ts";
import { followRuntime } from "./follow-runtime.ts";
import { createCredentialReader } from "./images/create-credential-reader.ts";
import { createImagePuller } from "./images/create-image-puller.ts";
import { startImageGarbage } from "./images/start-image-garbage.ts";
import type { Kubelet, KubeletOptions } from "./kubelet-options.ts";
import { createLimit } from "./limit.ts";
import { createLogRotator, DEFAULT_LOG_LIMITS } from "./logs/create-log-rotator.ts";
import { podLogs } from "./logs/log-files.ts";
import { createRuntimeHealth } from "./node/create-runtime-health.ts";
import { readMachineFacts } from "./node/machine-facts.ts";
import { capacityOf, nodeLabels } from "./node/node-status.ts";
import { createNodeObserver } from "./node/observe-node.ts";
import { startNodeLoop } from "./node/start-node-loop.ts";
import { createPodWorkers, type PodIdentity, type PodWorkers } from "./pod-worker/create-pod-workers.ts";
import { createPodFiles } from "./pod-worker/pod-files.ts";
import type { PodSettings } from "./pod-worker/pod-settings.ts";
import { lastWords } from "./pod-worker/termination-message.ts";
import { createProber } from "./probes/create-prober.ts";
import { runHandler } from "./probes/run-handler.ts";
import { startKubeletServer } from "./server/start-kubelet-server.ts";
import { createStatusWriter } from "./status/create-status-writer.ts";
import { podStatus } from "./status/pod-status.ts";
import { createConfigReader } from "./volumes/create-config-reader.ts";
import { createConfigWatcher } from "./volumes/create-config-watcher.ts";
import { podDirectories } from "./volumes/pod-volumes.ts";

const DEFAULT_PULLS = 2;
const CNI_CONF_DIR = "/etc/cni/net.d";

/** Resolves when the kubelet serves; the node may not be registered yet. */
export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { client, criSocket, nodeName, nodeIps, stateRoot, logRoot, log } = options;
  const onError = (what: string, error: unknown): void => log.error(what, { error: String(error) });
  await using stack = new AsyncDisposableStack();
  await mkdir(join(stateRoot, "pods"), { recursive: true, mode: 0o750 });
  const machine = await readMachineFacts(stateRoot);
  const settings: PodSettings = {
    nodeName,
    hostIps: nodeIps,
    dns: {
      clusterServers: options.clusterDns,
      clusterDomain: options.clusterDomain,
      node: parseResolvConf(await readFile("/etc/resolv.conf", "utf8").catch(() => "")),
    },
    cgroupParent: options.cgroupParent,
    logRoot,
    stateRoot,
    allocatable: capacityOf({ machine, maxPods: options.maxPods }),
    memoryBytes: machine.memoryBytes,
  };

  const cri = stack.use(createCriClient(criSocket));
  const recorder = stack.use(
    createEventRecorder({
      client,
      component: "kubelet",
      host: nodeName,
      onError: (error) => onError("event dropped", error),
    }),
  );
  const tell: Parameters<typeof createPodWorkers>[0]["tell"] = (pod, event) => {
    if (pod !== undefined) recorder.record(pod, event);
  };
  const statusWriter = stack.use(createStatusWriter(client, (uid, error) => onError(`status of pod ${uid}`, error)));
  const services = stack.use(
    createInformer({ client, kind: serviceKind, onError: (error) => onError("services", error) }),
  );
  const pods = createInformer({
    client,
    kind: podKind,
    query: { fieldSelector: `spec.nodeName=${nodeName}` },
    onError: (error) => onError("pods", error),
  });
  /** Uids by id of container or sandbox. */
  const owners = new Map<string, string>();

  const nodeReference = { apiVersion: "v1", kind: "Node", metadata: { name: nodeName, uid: nodeName } };
  const tellOfNode = (event: RecordedEvent): void => recorder.record(nodeReference, event);
  const containerEvents = createContainerEvents();
  const logs = stack.use(
    createLogRotator({
      cri,
      limits: options.containerLogs ?? DEFAULT_LOG_LIMITS,
      onRotated: containerEvents.tell,
      onError: (id, error) => onError(`log of container ${id}`, error),
    }),
  );
  const configs = stack.use(createConfigWatcher({ client, onChange: (uid) => workers.refresh(uid), onError }));
  const imageGarbage =
    options.imageGarbage &&
    stack.use(startImageGarbage({ cri, limits: options.imageGarbage, tell: tellOfNode, onError }));
  const puller = createImagePuller({
    cri,
    limit: createLimit(options.parallelPulls ?? DEFAULT_PULLS),
    credentials: createCredentialReader(client),
    now: Date.now,
    onPulled: () => imageGarbage?.wake(),
  });
  const prober = stack.use(
    createProber({
      check: ({ container, instance, ip }, probe, signal) => {
        const target = { container: container.spec, containerId: instance.id, ip };
        return runHandler(cri, probe, target, { timeoutMs: (probe.timeoutSeconds ?? 1) * 1000, signal });
      },
      onChange: (uid) => workers.wake(uid),
      tell,
    }),
  );
  const workers: PodWorkers = stack.use(
    createPodWorkers({
      cri,
      puller,
      networkProblem: (signal) => health.networkProblem(signal),
      logs,
      configs,
      files: createPodFiles(settings, createConfigReader(client, Date.now)),
      settings,
      limit: createLimit(options.parallelStarts),
      services: () => services.list(),
      tell,
      prober,
      lastWords,
      report: (view, pod, isOver) => statusWriter.set(pod, podStatus(view, pod, { ips: settings.hostIps }), isOver),
      learn(uid, { sandboxes, containers }) {
        for (const { id } of [...sandboxes, ...containers]) owners.set(id, uid);
      },
      forget(uid) {
        for (const [id, owner] of owners) if (owner === uid) owners.delete(id);
        statusWriter.forget(uid);
      },
      onError: (uid, error) => onError(`pod ${uid}`, error),
    }),
  );
  const server = stack.use(
    await startKubeletServer({
      ...options.server,
      cri,
      log,
      containerEnds: containerEvents,
      isRotating: logs.isRotating,
      waitingReason(namespace, name, container) {
        const pod = pods.get(namespace, name);
        if (pod === undefined) return undefined;
        const status = statusWriter.last(pod.metadata.uid ?? "");
        const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
        return all.find((each) => each.name === container)?.state?.waiting?.reason ?? "ContainerCreating";
      },
    }),
  );
  const nodeInput = { nodeName, ips: nodeIps, machine, maxPods: options.maxPods, kubeletPort: server.port };
  const node = stack.use(
    startNodeLoop({
      client,
      nodeName,
      labels: nodeLabels(nodeInput),
      status: createNodeObserver({ cri }, { ...nodeInput, kubeletVersion: options.version }),
      tell: tellOfNode,
      onError,
    }),
  );
  const health = stack.use(
    await createRuntimeHealth({
      cri,
      confDir: options.cniConfDir ?? CNI_CONF_DIR,
      onChange() {
        node.wake();
        workers.retrySandboxes();
        // Those that could not be removed without a network wait, too.
        for (const uid of workers.uids()) workers.wake(uid);
      },
      onError,
    }),
  );
  stack.use(pods);
  stack.use(followPods({ pods, workers }));
  // Without the services a container would lack the variables that lead to them, for all its life.
  void Promise.all([pods.synced, services.synced]).then(
    async () => {
      for (const pod of pods.list()) workers.set(pod);
      for (const uid of await podDirectories(join(stateRoot, "pods"))) removeUnknown(uid, undefined);
      for (const { uid, ...identity } of await podLogs(logRoot)) removeUnknown(uid, identity);
      if (!stopped.signal.aborted) following = followRuntime(runtimeOptions);
    },
    () => undefined,
  );
  const stopped = new AbortController();
  let following: AsyncDisposable | undefined;
  stack.defer(async () => {
    stopped.abort();
    await following?.[Symbol.asyncDispose]();
  });
  function removeUnknown(uid: string, identity: PodIdentity | undefined): void {
    if (!pods.list().some(({ metadata }) => metadata.uid === uid)) workers.remove(uid, identity);
  }
  const runtimeOptions = {
    criSocket,
    cri,
    onTask(id: string) {
      const uid = owners.get(id);
      if (uid !== undefined) workers.wake(uid);
      containerEvents.tell(id);
    },
    onLost: () => node.wake(),
    onRelist(found: readonly (PodIdentity & { readonly uid: string })[]) {
      health.refresh();
      containerEvents.tellAll();
      for (const { uid, ...identity } of found) removeUnknown(uid, identity);
      for (const uid of workers.uids()) workers.wake(uid);
    },
    onError,
  };
  const parts = stack.move();
  return { port: server.port, registered: node.registered, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
