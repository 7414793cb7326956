/** The agent's part that connects this node's pods with those of other nodes, put together. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Family, IpAddress } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import type { PerFamily } from "#dataplane/contract.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Host } from "#plugins/host.ts";
import type { Ledger } from "../ledger.ts";
import type { NatLoop } from "../loops/nat.ts";
import type { Cluster } from "../open-cluster.ts";
import { chooseUnderlay } from "./choose-underlay.ts";
import { CONFLIST_FILE, SUBNET_FILE } from "./network-files.ts";
import { startNetworkLoop } from "./network-loop.ts";
import { type NetworkReport, networkReport } from "./network-status.ts";
import { observeHostLinks } from "./observe-host-links.ts";
import { openSource, type SourceOptions } from "./open-source.ts";
import { createPlaneSet } from "./plane-set.ts";

export interface NetworkOptions {
  /** Name of the node's object. */
  readonly nodeName: string;
  readonly source: SourceOptions;
  /** Folder of network configurations. Default: /etc/cni/net.d */
  readonly confDir?: string | undefined;
  /** Default: /run/flannel/subnet.env */
  readonly subnetFile?: string | undefined;
  readonly iface?: string | undefined;
  readonly publicAddresses?: PerFamily<IpAddress> | undefined;
}

export interface NetworkDeps {
  readonly host: Pick<Host, "netns" | "nft">;
  readonly nat: Pick<NatLoop, "setPodNetworks">;
  readonly ledger: Ledger;
  /** Needed when the source is the Kubernetes API by a kubeconfig. */
  readonly cluster?: Cluster | undefined;
  readonly log: Log;
}

export interface AgentNetwork extends AsyncDisposable {
  report(): Promise<NetworkReport>;
}

export async function startNetwork(deps: NetworkDeps, options: NetworkOptions): Promise<AgentNetwork> {
  const { host, nat, ledger, cluster, log } = deps;
  const { nodeName, confDir = "/etc/cni/net.d", subnetFile = SUBNET_FILE, iface, publicAddresses = {} } = options;
  await using stack = new AsyncDisposableStack();
  // Its own: the loop's requests on threads must not meet the plugins'.
  const socket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: host.netns }));
  const kernel = { socket, netns: host.netns };
  const dirty = { mark: (): void => undefined };
  const ownAddresses = (families: readonly Family[]): PerFamily<IpAddress> => {
    const wishes = { families, iface, publicAddresses, internalAddresses: {} };
    const { underlay } = chooseUnderlay(wishes, observeHostLinks(socket));
    return { 4: underlay[4]?.publicAddress, 6: underlay[6]?.publicAddress };
  };
  const source = stack.use(
    openSource(options.source, { nodeName, cluster, subnetFile, ownAddresses, log }, { changed: () => dirty.mark() }),
  );
  const planes = stack.use(
    createPlaneSet({
      kernel,
      proxyWorkerUrl: proxyWorkerUrl(),
      onProxyEnd(cause) {
        log.error("udp proxy ended", { error: String(cause) });
        dirty.mark();
      },
    }),
  );
  const loop = stack.use(
    startNetworkLoop(
      { kernel, source, planes, nat, ledger, log },
      { iface, publicAddresses, subnetFile, conflistFile: join(confDir, CONFLIST_FILE) },
    ),
  );
  dirty.mark = () => loop.markDirty();
  const owned = stack.move();
  return {
    report: () =>
      loop.inspect((state) => networkReport(state, { nodeName, source, planes: planes.planes, socket, nft: host.nft })),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A bundle has the thread's program beside itself. */
function proxyWorkerUrl(): URL {
  const bundled = join(import.meta.dirname, "udp-proxy-worker.cjs");
  const source = join(import.meta.dirname, "../../dataplane/udp/proxy-worker.ts");
  return pathToFileURL(existsSync(bundled) ? bundled : source);
}
