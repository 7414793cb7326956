/**
 * A cluster from nothing to running programs: the underlay, then control plane and nodes side by side. What was started
 * goes down in reverse, whether all of it came up or not.
 */
import type { Node } from "#api/kinds/node.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { Informer } from "#api-client/informer.ts";
import { parsePrefix } from "#base/ip-address.ts";
import { createNodeDisks } from "../node-disks.ts";
import { type Registry, startRegistry } from "../registry/registry.ts";
import { startUnderlay, type Underlay } from "../underlay/underlay.ts";
import { type ClusterNode, createClusterNode } from "./cluster-node.ts";
import { isDualStack, nodeNames } from "./cluster-spec.ts";
import type { Progress } from "./progress.ts";
import { apiServerUrl, type ControlPlaneOptions, prepareControlPlane, startControl } from "./start-control.ts";
import type { Supervised } from "./supervise.ts";

export interface ClusterOptions extends Omit<ControlPlaneOptions, "address"> {
  /** Podwire as it is installed for nodes: their /opt/cni/bin. */
  readonly binDir: string;
  readonly imageDir: string;
  /** What kubelets call themselves. */
  readonly version: string;
}

export interface Cluster extends AsyncDisposable {
  readonly server: string;
  readonly underlay: Underlay;
  readonly registry: Registry;
  readonly client: ApiClient;
  readonly control: readonly Supervised[];
  readonly nodes: readonly ClusterNode[];
  /** The nodes as the API has them. */
  readonly nodeObjects: Informer<Node>;
}

/** Resolves when every program runs; nodes may not be ready yet. */
export async function startCluster(options: ClusterOptions, progress: Progress, signal: AbortSignal): Promise<Cluster> {
  const { spec, paths, log } = options;
  await using cleanup = new AsyncDisposableStack();
  const failed = new AbortController();
  const starting = AbortSignal.any([signal, failed.signal]);
  const underlay = await progress.run("underlay: bridge, router, outside, link to the host", async () => {
    const network = {
      dualStack: isDualStack(spec),
      mtuBytes: spec.mtuBytes,
      isHostJoined: true,
      hasUplink: spec.uplink,
      loadBalancerPools: spec.loadBalancerPools.map(parsePrefix),
    };
    return cleanup.use(await startUnderlay({ clusterName: spec.name, ...network }, starting));
  });
  const registry = cleanup.use(
    await startRegistry({
      netnsPath: underlay.netnsPath,
      address: underlay.gatewayAddresses[4],
      cacheDir: options.imageDir,
      loadedDir: paths.images,
    }),
  );
  const address = underlay.hostAddresses?.[4];
  if (address === undefined) throw new Error("Cannot reach the underlay: the host has no address there");
  const controlOptions: ControlPlaneOptions = { ...options, address };
  const server = apiServerUrl(address);

  const pki = prepareControlPlane(controlOptions);
  const control = pki.then((made) =>
    progress.run("control plane: API, scheduler, controllers", () => startControl(controlOptions, made, starting)),
  );
  // Told by `control`; nodes may not wait for them yet, and an end that nobody waits for would be the keeper's.
  for (const early of [pki, control]) early.catch(() => undefined);
  cleanup.defer(async () => await (await control.catch(() => undefined))?.[Symbol.asyncDispose]());
  const disks = cleanup.use(createNodeDisks(paths.disks));
  const nodes = nodeNames(spec).map((name, index) =>
    createClusterNode({
      name,
      index,
      clusterName: spec.name,
      stateDir: paths.nodes,
      disks,
      binDir: options.binDir,
      logDir: paths.logs,
      version: options.version,
      spec,
      underlay,
      registryUrl: registry.url,
      pki,
      server,
      apiServing: control,
      log,
    }),
  );
  cleanup.defer(async () => void (await Promise.all(nodes.map((node) => node.stop("crash")))));
  const count = `${spec.nodes} ${spec.nodes === 1 ? "node" : "nodes"}`;
  const started = progress.run(`${count}: namespaces, containerd, agent, kubelet`, () =>
    Promise.all(nodes.map((node) => node.start(starting))),
  );
  try {
    const [{ parts, client, nodes: nodeObjects }] = await Promise.all([control, started]);
    const owned = cleanup.move();
    const dispose = (): Promise<void> => owned.disposeAsync();
    const running = { server, underlay, registry, client, control: parts, nodes, nodeObjects };
    return { ...running, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    // The first failure ends what the others wait for.
    failed.abort(error);
    await Promise.allSettled([control, started]);
    throw error;
  }
}
