/**
 * The data planes of one node, as many as are needed at the moment. What is no longer needed is cleared after those that
 * take its place were applied; what an earlier process left of it, too.
 */
import { applyPlanes } from "#dataplane/apply-planes.ts";
import {
  type Applied,
  BACKENDS,
  type Backend,
  type Connectivity,
  type DesiredNetwork,
  FAMILIES,
} from "#dataplane/contract.ts";
import type { FlannelBackend } from "#dataplane/flannel-net-conf.ts";
import { createHostGw } from "#dataplane/host-gw/apply.ts";
import type { KernelOperation } from "#dataplane/kernel-operation.ts";
import { type NodeKernel, runOperations } from "#dataplane/run-operations.ts";
import { createUdp } from "#dataplane/udp/apply.ts";
import { createVxlan } from "#dataplane/vxlan/apply.ts";
import { vxlanLinkName } from "#dataplane/vxlan/vxlan-options.ts";
import { listLinks } from "#kernel/rtnetlink/link.ts";

export interface PlaneSetOptions {
  readonly kernel: NodeKernel;
  /** File of the udp proxy's thread. */
  readonly proxyWorkerUrl: URL;
  /** Apply again. */
  readonly onProxyEnd: (cause: unknown) => void;
}

export interface PlaneSet extends AsyncDisposable {
  /** Those that run, in the order of their making. */
  readonly planes: readonly Connectivity[];
  apply(wanted: WantedPlanes, desired: DesiredNetwork, signal: AbortSignal): Promise<Applied>;
}

export interface WantedPlanes {
  readonly backends: readonly Backend[];
  /** Settings of its own back end; others have their defaults. */
  readonly settings: FlannelBackend;
}

interface RunningPlane {
  readonly plane: Connectivity;
  /** Its settings as text. */
  readonly key: string;
}

export function createPlaneSet(options: PlaneSetOptions): PlaneSet {
  const running = new Map<Backend, RunningPlane>();
  /** Whose traces, an earlier process's too, are cleared. */
  const cleared = new Set<Backend>();

  async function ensure(backend: Backend, settings: FlannelBackend): Promise<Connectivity> {
    const own = settings.type === backend ? settings : undefined;
    const key = JSON.stringify(own ?? {});
    const present = running.get(backend);
    if (present?.key === key) return present.plane;
    // What it has in the kernel is the next one's to correct.
    await present?.plane[Symbol.asyncDispose]();
    const plane = createPlane(backend, own, options);
    running.set(backend, { plane, key });
    cleared.delete(backend);
    return plane;
  }

  async function clear(backend: Backend, signal: AbortSignal): Promise<void> {
    if (cleared.has(backend)) return;
    const plane = running.get(backend)?.plane ?? createPlane(backend, undefined, options);
    running.delete(backend);
    await plane.remove(signal);
    await plane[Symbol.asyncDispose]();
    cleared.add(backend);
  }

  return {
    get planes() {
      return [...running.values()].map(({ plane }) => plane);
    },
    async apply({ backends, settings }, desired, signal) {
      const planes: Connectivity[] = [];
      for (const backend of backends) planes.push(await ensure(backend, settings));
      const applied = await applyPlanes(planes, desired, signal);
      for (const backend of BACKENDS) if (!backends.includes(backend)) await clear(backend, signal);
      const vni = (settings.type === "vxlan" ? settings.vni : undefined) ?? 1;
      const swept = await runOperations(options.kernel, staleVteps(options.kernel, vni), signal);
      return { ...applied, changes: [...applied.changes, ...swept] };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...running.values()].map(({ plane }) => plane[Symbol.asyncDispose]()));
    },
  };
}

function createPlane(backend: Backend, settings: FlannelBackend | undefined, options: PlaneSetOptions): Connectivity {
  const { kernel, proxyWorkerUrl: workerUrl, onProxyEnd } = options;
  switch (backend) {
    case "vxlan":
      return createVxlan(kernel, settings?.type === "vxlan" ? settings : {});
    case "host-gw":
      return createHostGw(kernel);
    case "udp":
      return createUdp(kernel, { workerUrl, onProxyEnd, ...(settings?.type === "udp" && { port: settings.port }) });
  }
}

/** Links of a VNI that net-conf.json named earlier. */
function staleVteps({ socket }: NodeKernel, vni: number): readonly KernelOperation[] {
  const current = FAMILIES.map((family) => vxlanLinkName(family, vni));
  return listLinks(socket, { kind: "vxlan" })
    .filter(({ name }) => /^flannel(-v6)?\.\d+$/.test(name) && !current.includes(name))
    .map(({ name }) => ({ do: "delete link", link: name }));
}
