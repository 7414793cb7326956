/**
 * The pod network as etcd has it: the configuration in one key, and a lease for each node's subnets, as flanneld without
 * the Kubernetes API does it. A node keeps its lease alive while its agent runs, and for a day after.
 */
import type { Family, IpAddress, Prefix } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import { startReconcileLoop } from "#base/reconcile-loop.ts";
import { FAMILIES, type PerFamily } from "#dataplane/contract.ts";
import { type FlannelNetConf, NetConfError, parseNetConf } from "#dataplane/flannel-net-conf.ts";
import type { Announcement, ClusterNode, Snapshot, SourceListener, SubnetSource } from "../cluster-network.ts";
import { chooseSubnets, isPart } from "./choose-subnet.ts";
import type { EtcdGateway } from "./etcd-gateway.ts";
import { createEtcdLeases } from "./etcd-leases.ts";
import { followEtcd } from "./follow-etcd.ts";
import { configKey, formatLease, leaseKey, parseLease, parseLeaseKey } from "./lease-formats.ts";

export interface EtcdSourceOptions {
  readonly gateway: EtcdGateway;
  readonly prefix: string;
  /** Of this node, for what is derived from it. */
  readonly nodeName: string;
  /** The node's addresses that peers would send to, as far as there are any. */
  readonly ownAddresses: (families: readonly Family[]) => PerFamily<IpAddress>;
  /** Subnets of an earlier run. */
  readonly previous: () => PerFamily<Prefix>;
  readonly random: () => number;
  readonly log: Log;
}

interface OwnLease {
  readonly key: string;
  readonly subnets: PerFamily<Prefix>;
  readonly lease: string;
}

interface OtherLease extends ClusterNode {
  readonly key: string;
}

const RENEW_MS = 30 * 60_000;
const RETRY_MS = 1_000;
const RUN_TIMEOUT_MS = 30_000;

export function createEtcdSource(options: EtcdSourceOptions, listener: SourceListener): SubnetSource {
  const { gateway, prefix, nodeName, log } = options;
  const leases = createEtcdLeases(gateway);
  const stop = new AbortController();
  let lastError = "";
  let conf: FlannelNetConf | undefined;
  let isConfRead = false;
  let confText: string | undefined;
  let confProblem: string | undefined;
  let own: OwnLease | undefined;
  let keptAliveAtMs = Number.NEGATIVE_INFINITY;

  const follower = followEtcd({
    gateway,
    prefix,
    onChange() {
      lastError = "";
      readConfig();
      keeper.markDirty();
      listener.changed();
    },
    onError(error) {
      lastError = error instanceof Error ? error.message : String(error);
      log.error("pod network not followed", { error: lastError });
    },
  });

  /** What was valid last stays in use. */
  function readConfig(): void {
    const key = configKey(prefix);
    const text = follower.entries.get(key)?.value;
    if (isConfRead && text === confText) return;
    isConfRead = true;
    confText = text;
    try {
      if (text === undefined) throw new NetConfError("", `etcd has no key "${key}"`);
      conf = parseNetConf(text);
      confProblem = undefined;
    } catch (error) {
      if (!(error instanceof NetConfError)) throw error;
      confProblem = error.message;
    }
  }

  function allLeases(): readonly OtherLease[] {
    return [...follower.entries].flatMap(([key, { value }]): readonly OtherLease[] => {
      const podPrefixes = parseLeaseKey(prefix, key);
      if (podPrefixes === undefined) return [];
      const name = key.slice(`${prefix}/subnets/`.length);
      try {
        return [{ key, name, podPrefixes, announcement: parseLease(value) }];
      } catch (error) {
        return [{ key, name, podPrefixes, announcement: undefined, problem: String(error) }];
      }
    });
  }

  function isOwnAddress({ announcement }: ClusterNode, addresses: PerFamily<IpAddress>): boolean {
    return FAMILIES.some((family) => {
      const address = addresses[family];
      return address !== undefined && announcement?.publicAddresses[family] === address;
    });
  }

  /** Takes over, claims, or keeps alive. */
  async function keepLease(): Promise<void> {
    if (!follower.hasSynced() || conf === undefined) return;
    const { networks } = conf;
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(RUN_TIMEOUT_MS)]);
    const families = FAMILIES.filter((family) => networks[family]);
    const fits = (subnets: PerFamily<Prefix>): boolean =>
      families.every((family) => {
        const [subnet, network] = [subnets[family], networks[family]];
        return subnet !== undefined && network !== undefined && isPart(subnet, network);
      });
    if (own && follower.entries.has(own.key) && fits(own.subnets) && (await isKept(own.lease, signal))) return;
    const addresses = options.ownAddresses(families);
    const seenRevision = follower.revision();
    const all = allLeases();
    const mine = all.filter((lease) => isOwnAddress(lease, addresses) || lease.key === own?.key);
    const found = mine.find(({ podPrefixes }) => fits(podPrefixes));
    for (const { key } of mine) if (key !== found?.key) await leases.remove(key, signal);
    if (found) {
      const lease = follower.entries.get(found.key)?.lease ?? "0";
      if (await isKept(lease, signal)) {
        own = { key: found.key, subnets: found.podPrefixes, lease };
        listener.changed();
        return;
      }
    }
    const lost = own?.subnets;
    own = undefined;
    const subnets = chooseSubnets({
      networks,
      taken: all.filter(({ key }) => !mine.some((lease) => lease.key === key)).map(({ podPrefixes }) => podPrefixes),
      // Pods that are there have their addresses from what the node had last.
      previous: lost ?? options.previous(),
      random: options.random,
    });
    if (typeof subnets === "string") throw new Error(`Cannot get a subnet: ${subnets}`);
    if (FAMILIES.every((family) => addresses[family] === undefined)) {
      throw new Error("Cannot get a subnet: the node has no address that peers could send to");
    }
    const key = leaseKey(prefix, subnets);
    // Without the back end's data: nothing receives yet.
    const value = formatLease({
      backend: conf.backend.type,
      publicAddresses: addresses,
      receives: [conf.backend.type],
    });
    const lease = await leases.claim({ key, value, among: `${prefix}/subnets`, seenRevision }, signal);
    if (lease === undefined) throw new Error(`Cannot get subnet ${key}: another node was faster`);
    log.info("subnet leased", { key, lease });
    own = { key, subnets, lease };
    keptAliveAtMs = performance.now();
    listener.changed();
  }

  /** Asks etcd when it is time. */
  async function isKept(lease: string, signal: AbortSignal): Promise<boolean> {
    if (own?.lease === lease && performance.now() - keptAliveAtMs < RENEW_MS / 2) return true;
    if (!(await leases.keepAlive(lease, signal))) return false;
    keptAliveAtMs = performance.now();
    return true;
  }

  const keeper = startReconcileLoop({
    name: "etcd-lease",
    minIntervalMs: 100,
    retryMs: RETRY_MS,
    resyncMs: RENEW_MS,
    onError(error) {
      if (stop.signal.aborted) return;
      lastError = error instanceof Error ? error.message : String(error);
      log.error("subnet not leased", { error: lastError });
    },
    sync: keepLease,
  });

  return {
    description: `etcd ${prefix}`,
    snapshot(): Snapshot {
      const why = lastError === "" ? "" : `: ${lastError}`;
      if (!follower.hasSynced())
        return { state: "waiting", reason: `etcd's keys under ${prefix} are not here yet${why}` };
      if (conf === undefined) return { state: "waiting", reason: confProblem ?? "there is no configuration" };
      if (own === undefined) return { state: "waiting", reason: `this node has no subnet yet${why}` };
      const { key, subnets } = own;
      const all = allLeases();
      const announcement = all.find((lease) => lease.key === key)?.announcement;
      const others = all.filter((lease) => lease.key !== key);
      return {
        state: "complete",
        network: {
          conf,
          own: { name: nodeName, podPrefixes: subnets, announcement, internalAddresses: {}, publicAddresses: {} },
          others,
          problems: [...conf.warnings, ...(confProblem === undefined ? [] : [`${confProblem}; the last one is used`])],
        },
      };
    },
    async announce(announcement: Announcement, signal) {
      if (own === undefined) return [];
      const value = formatLease(announcement);
      if (follower.entries.get(own.key)?.value === value) return [];
      await leases.write(own.key, value, own.lease, signal);
      return [`put ${own.key}`];
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the agent stops"));
      await Promise.all([keeper[Symbol.asyncDispose](), follower[Symbol.asyncDispose]()]);
    },
  };
}
