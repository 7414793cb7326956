/** The agent's part that translates Services on this node, put together. */

import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { type Service, service as serviceKind } from "#api/kinds/service/service.ts";
import { formatServiceAnswer, serviceAnswerName } from "#api/programmed/service-answer.ts";
import type { Prefix } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import type { PodNetworks } from "#dataplane/nat/pod-networks.ts";
import type { ServiceProxyName } from "#dataplane/services/contract.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { createConntrackSocket } from "#kernel/nfnetlink/conntrack.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { watchNft } from "#kernel/nfnetlink/watch-nft.ts";
import { startAnswers } from "../answer-question.ts";
import type { Cluster } from "../open-cluster.ts";
import { concernsForeignProxy, findForeignProxy, findOwnIptables } from "./foreign-proxy.ts";
import { createFlowTable } from "./forget-flows.ts";
import { createHealthCheckServers } from "./health-check-servers.ts";
import { type OpenServiceProxy, openServiceProxy, ServiceProxyError } from "./open-service-proxy.ts";
import { proxyNodeOf, serviceNodeOf } from "./proxy-node.ts";
import { type ServicesLoop, startServicesLoop } from "./services-loop.ts";
import { type ServicesStatus, servicesStatus } from "./services-status.ts";
import { sweepOtherProxies } from "./sweep-other-proxies.ts";

const ANSWER_INTERVAL_MS = 50;

export interface ServicesOptions {
  readonly nodeName: string;
  readonly proxy: ServiceProxyName;
  /** Where clusterIPs are. */
  readonly serviceNetworks: readonly Prefix[];
  /** See ServiceProxyNode. */
  readonly nodePortAddresses: readonly Prefix[];
  /** Work also where kube-proxy does. */
  readonly besideKubeProxy: boolean;
}

export interface ServicesDeps {
  readonly cluster: Cluster;
  readonly netns: Netns;
  readonly log: Log;
  /** Default: by the option. */
  readonly openProxy?: OpenServiceProxy;
  /** How long to wait for the pod networks. Default: 5 s. */
  readonly podNetworksTimeoutMs?: number;
}

export interface AgentServices extends AsyncDisposable {
  /** Where pods are, as soon as that is known. */
  setPodNetworks(networks: PodNetworks): void;
  report(): Promise<{ readonly services: ServicesStatus }>;
}

/** The pod network is ready long before, or has a problem of its own: Services then work by what the node says. */
const POD_NETWORKS_TIMEOUT_MS = 5_000;
const NO_POD_NETWORKS = "pods of other nodes count as the outside: the pod networks are not known";

export async function startServices(deps: ServicesDeps, options: ServicesOptions): Promise<AgentServices> {
  const { cluster, netns, log, openProxy = openServiceProxy, podNetworksTimeoutMs = POD_NETWORKS_TIMEOUT_MS } = deps;
  await using stack = new AsyncDisposableStack();
  const nft = stack.use(createNftSocket(netns));
  const { proxy, isOurs } = await openProxy(options.proxy, { nft, netns });
  stack.use(proxy);
  const informers = {
    services: cluster.informer<Service>(serviceKind),
    slices: cluster.informer<EndpointSlice>(endpointSlice),
    nodes: cluster.informer<Node>(nodeKind),
  };
  const findForeign = (): string | undefined => (options.besideKubeProxy ? undefined : findForeignProxy(nft));
  const rival = options.proxy === "iptables" && options.besideKubeProxy ? findForeignProxy(nft) : undefined;
  if (rival !== undefined)
    throw new ServiceProxyError("iptables", `${rival} is kube-proxy's, and ours has the same names`);

  let foreign = findForeign();
  let loop: ServicesLoop | undefined;
  let podNetworks: PodNetworks | undefined;
  const healthChecks = stack.use(
    createHealthCheckServers({ isHealthy: () => loop?.state().lastError === undefined, log }),
  );
  const flows = createFlowTable(stack.use(createConntrackSocket(netns)));
  const answers = stack.use(
    startAnswers({
      client: cluster.client,
      name: serviceAnswerName(options.nodeName),
      format: (question) =>
        formatServiceAnswer({
          node: options.nodeName,
          nodeUid: informers.nodes.get(undefined, options.nodeName)?.metadata.uid,
          question,
          // Undefined while ours does not work here.
          proxy: loop === undefined ? undefined : options.proxy,
          programmed: loop?.programmed() ?? { services: 0, endpointSlices: 0 },
        }),
      minIntervalMs: ANSWER_INTERVAL_MS,
      log,
    }),
  );

  let isSwept = false;
  function sweepOthers(): void {
    if (isSwept) return;
    isSwept = true;
    sweepOtherProxies(options.proxy, { nft, netns, log, openProxy }).catch((error: unknown) => {
      log.error("rules of another service proxy stay", { error: String(error) });
    });
  }

  function start(): void {
    loop = startServicesLoop({
      ...informers,
      proxy,
      flows,
      healthChecks,
      log,
      onProgrammed() {
        answers.grown();
        sweepOthers();
      },
    });
    setNode();
  }

  /** Once all lists are complete. */
  let isComplete = false;
  function setNode(): void {
    const node = informers.nodes.get(undefined, options.nodeName);
    if (!isComplete || node === undefined) return;
    loop?.setNode(serviceNodeOf(node), proxyNodeOf(node, podNetworks, options));
  }

  function lookForForeign(): void {
    const found = findForeign();
    // One that comes later has to be complete before ours could go: ours stays until the agent starts anew.
    if (found !== undefined && loop !== undefined && foreign === undefined) {
      log.error("another service proxy has come", { evidence: found });
    }
    const isGone = foreign !== undefined && found === undefined;
    foreign = found;
    if (isGone && loop === undefined) {
      log.info("the other service proxy has gone");
      start();
    }
  }

  if (foreign === undefined) start();
  else {
    // By iptables kube-proxy's chains have the names of ours.
    if (options.proxy !== "iptables" || findOwnIptables(nft) !== undefined) await proxy.remove();
    log.info("services are left to another proxy", { evidence: foreign });
  }
  stack.defer(() => loop?.[Symbol.asyncDispose]());
  stack.use(
    watchNft(
      { netns, ignoredPortId: nft.netlink.portId },
      {
        changed({ changes }) {
          if (changes.some(isOurs)) loop?.markDirty();
          if (changes.some(concernsForeignProxy)) lookForForeign();
        },
        lost() {
          loop?.markDirty();
          lookForForeign();
        },
      },
    ),
  );
  const setIfOwn = ({ metadata }: Node): void => {
    if (metadata.name === options.nodeName) setNode();
  };
  stack.use(informers.nodes.subscribe({ onAdd: setIfOwn, onUpdate: setIfOwn }));
  const networksKnown = Promise.withResolvers<void>();
  const timer = setTimeout(networksKnown.resolve, podNetworksTimeoutMs);
  stack.defer(() => clearTimeout(timer));
  const lists = Object.values(informers).map(({ synced }) => synced);
  Promise.all([...lists, networksKnown.promise]).then(
    () => {
      isComplete = true;
      if (podNetworks === undefined) log.info("services work without the pod networks", { reason: NO_POD_NETWORKS });
      setNode();
    },
    () => undefined, // closed
  );
  const owned = stack.move();
  return {
    setPodNetworks(networks) {
      podNetworks = networks;
      networksKnown.resolve();
      setNode();
    },
    report: async () => ({
      services: await servicesStatus({
        options,
        foreign,
        state: loop?.state(),
        programmed: loop?.programmed(),
        waitingFor: Object.entries(informers).flatMap(([name, informer]) => (informer.hasSynced() ? [] : [name])),
        problems: [...(isComplete && podNetworks === undefined ? [NO_POD_NETWORKS] : []), ...healthChecks.problems()],
        drift: async () => (await loop?.drift()) ?? [],
      }),
    }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
