/** udp as a data plane; see plan.ts for the packet's path. What of it is no kernel state, the proxy, is kept here. */
import { findLinkIndex } from "#kernel/rtnetlink/link-ioctl.ts";
import type { Connectivity, DesiredNetwork } from "../contract.ts";
import { describeOperation, type KernelOperation } from "../kernel-operation.ts";
import { ownRoutes } from "../peer-routes.ts";
import { observePaths, observeRouteTable } from "../route-table.ts";
import { type NodeKernel, runOperations } from "../run-operations.ts";
import { observeUnderlay, podMtu } from "../underlay.ts";
import { observeUdp } from "./observe.ts";
import { describeTable } from "./peer-table.ts";
import { planUdp, TUN_LINK, UDP_OVERHEAD_BYTES, type UdpPlan } from "./plan.ts";
import { type ProxyThread, startProxyThread } from "./proxy-thread.ts";

const BACKEND = "udp";

export interface UdpOptions {
  /** Default: 8285. */
  readonly port?: number | undefined;
  /** Where the proxy's program is; a bundle says so. */
  readonly workerUrl?: URL | undefined;
  /** The proxy ended by itself: apply again. */
  readonly onProxyEnd?: ((cause: unknown) => void) | undefined;
}

export function createUdp(kernel: NodeKernel, options: UdpOptions = {}): Connectivity {
  const { socket } = kernel;
  const { port = 8285, onProxyEnd = () => undefined } = options;
  const workerUrl = options.workerUrl ?? new URL("./proxy-worker.ts", import.meta.url);
  const plan = (desired: DesiredNetwork): UdpPlan => planUdp(desired, port, observeUdp(kernel, desired));
  let proxy: ProxyThread | undefined;

  async function stopProxy(): Promise<void> {
    const running = proxy;
    proxy = undefined;
    await running?.[Symbol.asyncDispose]();
  }

  const needsStart = ({ proxy: settings }: UdpPlan): boolean =>
    !proxy?.isRunning ||
    proxy.ifindex !== findLinkIndex(socket, TUN_LINK) ||
    JSON.stringify(proxy.settings) !== JSON.stringify(settings);

  const describeProxy = (wanted: UdpPlan): readonly string[] => {
    if (needsStart(wanted)) return [`start proxy on udp port ${port} for ${wanted.table.length} prefixes`];
    if (proxy?.table === describeTable(wanted.table)) return [];
    return [`give proxy ${wanted.table.length} prefixes`];
  };

  async function applyProxy(wanted: UdpPlan, signal: AbortSignal): Promise<readonly string[]> {
    const changes = describeProxy(wanted);
    if (needsStart(wanted)) {
      await stopProxy();
      const { proxy: settings } = wanted;
      proxy = await startProxyThread({ kernel, link: TUN_LINK, settings, workerUrl, onEnd: onProxyEnd }, signal);
    }
    if (changes.length > 0) await proxy?.program(wanted.table, signal);
    return changes;
  }

  return {
    backend: BACKEND,
    podMtuBytes: (local) => podMtu(observeUnderlay(socket, local), UDP_OVERHEAD_BYTES),
    async apply(desired, signal) {
      const wanted = plan(desired);
      const links = wanted.operations.filter((operation) => !("route" in operation));
      const routes = wanted.operations.filter((operation) => "route" in operation);
      const changes = await runOperations(kernel, links, signal);
      // A route leads nowhere before the proxy knows the peer.
      const started = await applyProxy(wanted, signal);
      return {
        changes: [...changes, ...started, ...(await runOperations(kernel, routes, signal))],
        problems: wanted.problems,
      };
    },
    drift(desired) {
      const wanted = plan(desired);
      return {
        changes: [...wanted.operations.map(describeOperation), ...describeProxy(wanted)],
        problems: wanted.problems,
      };
    },
    observe: () => observePaths(socket, BACKEND, [TUN_LINK]),
    [Symbol.asyncDispose]: stopProxy,
    async remove(signal) {
      const table = observeRouteTable(socket);
      const hasTun = table.links.some(({ name, kind }) => name === TUN_LINK && kind?.type === "tun");
      const routes = ownRoutes(table, { backend: BACKEND, ownLinks: [TUN_LINK] });
      const operations: readonly KernelOperation[] = [
        ...routes.map((route) => ({ do: "delete route", route }) as const),
        ...(hasTun ? [{ do: "delete link", link: TUN_LINK } as const] : []),
      ];
      await stopProxy();
      await runOperations(kernel, operations, signal);
    },
  };
}
