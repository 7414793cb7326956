/**
 * The node's name server as a program: follows the cluster, and serves its names at the cluster's DNS address, which is
 * an address of this node. After a crash, address and rules are still there and adopted; an end in order takes them away.
 */

import { randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createHttpClient } from "#api-client/http-client.ts";
import { inClusterConfig, loadKubeconfig } from "#api-client/kubeconfig.ts";
import { familyOf, type IpAddress } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import { startReconcileLoop } from "#base/reconcile-loop.ts";
import { createResponder } from "#dns/server/create-responder.ts";
import { createDnsCounters, formatMetrics, rcodeName } from "#dns/server/dns-counters.ts";
import { holdUntilReady } from "#dns/server/hold-until-ready.ts";
import { createUpstream } from "#dns/upstream/create-upstream.ts";
import { createClusterZone } from "#dns/zone/create-cluster-zone.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { ownNetns } from "#kernel/netns/netns.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { watchNft } from "#kernel/nfnetlink/watch-nft.ts";
import { watchRtnetlink } from "#kernel/rtnetlink/events.ts";
import { statePaths } from "../state-paths.ts";
import { createListeners } from "./create-listeners.ts";
import { decideServing, type Serving } from "./decide-serving.ts";
import { applyDnsAddresses, findDnsAddresses } from "./dns-addresses.ts";
import { type DnsStatus, serveDnsStatus } from "./dns-status.ts";
import { applyDnsTable, DNS_TABLE, removeDnsTable } from "./dns-table.ts";
import { followCluster } from "./follow-cluster.ts";
import { startNameAnswers } from "./name-answers.ts";

export interface DnsOptions {
  /** Absent: the account of the pod that it runs in. */
  readonly kubeconfig: string | undefined;
  /** Whose names it serves; absent: who asks what is programmed hears nothing of it. */
  readonly nodeName?: string | undefined;
  readonly domain: string;
  /** None: those of the Service kube-system/kube-dns. */
  readonly addresses: readonly IpAddress[];
  /** Name servers for all other names. */
  readonly upstream: readonly IpAddress[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

const PORT = 53;
/** At the end the API server may have gone, too. */
const LAST_WORD_MS = 1_000;
const LOOP = { minIntervalMs: 50, retryMs: 1_000, resyncMs: 5 * 60_000 } as const;

/** Runs until `signal`. */
export async function runDns(options: DnsOptions, signal: AbortSignal): Promise<void> {
  const { kubeconfig, domain, environment, log } = options;
  const cluster = kubeconfig === undefined ? inClusterConfig(environment) : loadKubeconfig(kubeconfig);
  if (cluster === undefined)
    throw new Error("Cannot serve DNS: no kubeconfig is given, and this is no pod with an account");
  const onError = (error: unknown): void => log.error("dns", { error: String(error) });
  await using stack = new AsyncDisposableStack();
  const netns = stack.use(ownNetns());
  const { runDir, dnsSocket } = statePaths(netns, environment);
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  const rtnetlink = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
  const nft = stack.use(createNftSocket(netns));

  const zone = createClusterZone({ domain, startedAt: Math.floor(Date.now() / 1000) });
  const counters = createDnsCounters();
  const servers = options.upstream.map((address) => ({ address, family: familyOf(address), port: PORT }));
  const clock = (): number => performance.now();
  const upstream =
    servers.length === 0 ? undefined : createUpstream({ servers, clock, random: (end) => randomInt(end) });
  const responder = holdUntilReady(createResponder({ zone, upstream, counters, onError }), { domain });

  let serving: Serving | undefined;
  let isSynced = false;
  let problem: string | undefined;
  const status = (): DnsStatus => ({
    pid: process.pid,
    state: serving?.state ?? "starting",
    reason: serving?.state === "off" ? serving.reason : undefined,
    addresses: serving?.state === "on" ? serving.addresses : [],
    domain,
    upstream: options.upstream,
    services: zone.size.services,
    endpointSlices: zone.size.slices,
    queries: { ...counters.queries },
    responses: Object.fromEntries([...counters.responses].map(([rcode, count]) => [rcodeName(rcode), count])),
    residentBytes: process.memoryUsage.rss(),
    problems: problem === undefined ? [] : [problem],
  });
  const metrics = (): string => formatMetrics({ counters, upstream: upstream?.counters, ...zone.size });
  stack.use(await serveDnsStatus(dnsSocket, { status, metrics }));

  const listeners = stack.use(createListeners({ port: PORT, responder, counters, onError }));
  const dirty = { mark: (): void => undefined };
  const client = stack.use(createHttpClient(cluster, { userAgent: "podwire-dns" }));
  const followed = stack.use(
    followCluster({ client, zone, onServiceChange: () => dirty.mark(), onChange: () => answers?.grown(), onError }),
  );
  const answers =
    options.nodeName === undefined
      ? undefined
      : stack.use(
          startNameAnswers({
            client,
            nodeName: options.nodeName,
            isServing: () => serving?.state === "on",
            programmed: followed.revisions,
            log,
          }),
        );
  followed.synced.then(
    () => {
      isSynced = true;
      responder.open();
      dirty.mark();
    },
    () => undefined, // closed before
  );

  /** The kernel as it should be for what is served. */
  async function apply(wanted: Serving): Promise<void> {
    const addresses = wanted.state === "on" ? wanted.addresses : [];
    zone.setServerAddresses(addresses);
    // Rules before the address: no query is ever tracked. The address before its sockets, which need it.
    const isNew = addresses.length > 0 && applyDnsTable(nft, addresses);
    const { add, remove } = applyDnsAddresses(rtnetlink, addresses);
    await listeners.set(addresses);
    if (addresses.length === 0) removeDnsTable(nft);
    if (isNew || add.length + remove.length > 0) {
      log.info("dns addresses", { added: add.join(","), removed: remove.join(","), rules: isNew ? "written" : "kept" });
    }
  }

  const loop = stack.use(
    startReconcileLoop({
      name: "dns",
      ...LOOP,
      onError(error) {
        problem = String(error);
        onError(error);
      },
      async sync() {
        const wanted = decide();
        if (wanted === undefined) return;
        await apply(wanted);
        problem = undefined;
        if (JSON.stringify(wanted) === JSON.stringify(serving)) return;
        serving = wanted;
        void answers?.announce();
        if (wanted.state === "on") log.info("dns ready", { addresses: wanted.addresses.join(",") });
        else log.info("dns off", { reason: wanted.reason });
      },
    }),
  );

  /** Before anything is known, only what an earlier run left on is served: its clients wait. */
  function decide(): Serving | undefined {
    if (isSynced) return decideServing({ addresses: options.addresses, ...followed.servingFacts() });
    const addresses = findDnsAddresses(rtnetlink);
    return addresses.length === 0 ? undefined : { state: "on", addresses };
  }

  dirty.mark = () => loop.markDirty();
  loop.markDirty();
  stack.use(
    watchNft(
      { netns, ignoredPortId: nft.netlink.portId },
      {
        changed({ changes }) {
          const isOurs = changes.some(({ family, table }) => family === DNS_TABLE.family && table === DNS_TABLE.table);
          if (isOurs) loop.markDirty();
        },
        lost: () => loop.markDirty(),
      },
    ),
  );
  stack.use(
    watchRtnetlink(
      { netns, groups: ["address"] },
      {
        event(event) {
          if (event.object === "address" && event.change === "deleted") loop.markDirty();
        },
        lost: () => loop.markDirty(),
      },
    ),
  );
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  log.info("dns stops");
  await loop[Symbol.asyncDispose]();
  serving = { state: "off", reason: "it ends" };
  await apply(serving);
  await answers?.announce(LAST_WORD_MS);
}
