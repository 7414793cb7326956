/**
 * Pods that start under default deny, with one policy that allows the client, and pods without policies, in turns: from
 * the moment when the runtime makes a sandbox's namespace until a packet of the client arrives in there.
 */
import { readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { IpAddress } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { type Netns, NetnsError, openNetns } from "#kernel/netns/netns.ts";
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import { waitForObjects } from "../../cluster/wait-for-objects.ts";
import type { StartKind, StartSamples } from "../worker-protocol.ts";
import { type PodEnd, podDraft } from "./cluster-pods.ts";
import { NAMESPACE, STARTS_GUARDED, startPolicies } from "./cluster-policies.ts";
import { openPacketWatch } from "./packet-watch.ts";
import type { ProgrammedWatch } from "./programmed-watch.ts";

export interface StartingCluster {
  readonly client: ApiClient;
  readonly programmed: ProgrammedWatch;
  readonly clientPod: PodEnd;
  /** Where the pods start, and the root of its file tree as seen from here. */
  readonly node: string;
  readonly rootPath: string;
}

const PORT = 9004;
const KINDS: readonly StartKind[] = ["no policy", "default deny"];
const LABELS: Readonly<Record<StartKind, Readonly<Record<string, string>>>> = {
  "no policy": { app: "starting" },
  "default deny": STARTS_GUARDED,
};

export async function measureStarts(
  cluster: StartingCluster,
  pods: number,
  signal: AbortSignal,
): Promise<StartSamples> {
  const { client, programmed } = cluster;
  const before = programmed.count();
  const policies = startPolicies(PORT);
  for (const one of policies) await client.create(networkPolicy, one, signal);
  await programmed.all(before + policies.length, signal);
  const samples: Record<StartKind, { sandboxToPacketMs: number[]; createToPacketMs: number[] }> = {
    "no policy": { sandboxToPacketMs: [], createToPacketMs: [] },
    "default deny": { sandboxToPacketMs: [], createToPacketMs: [] },
  };
  // The first ones do not count.
  for (let number = -1; number < pods; number++) {
    for (const kind of number % 2 === 0 ? KINDS : KINDS.toReversed()) {
      const { sandboxMs, createdMs, packetMs } = await measureStart(cluster, kind, signal);
      if (number < 0) continue;
      samples[kind].sandboxToPacketMs.push(packetMs - sandboxMs);
      samples[kind].createToPacketMs.push(packetMs - createdMs);
    }
  }
  for (const { metadata } of policies) await client.delete(networkPolicy, metadata, {}, signal);
  await programmed.all(before, signal);
  return samples;
}

async function measureStart(
  { client, clientPod, node, rootPath }: StartingCluster,
  kind: StartKind,
  signal: AbortSignal,
) {
  const folder = `${rootPath}/run/netns`;
  const known = new Set(readdirSync(folder));
  const createdMs = performance.now();
  await client.create(podKind, podDraft({ name: "starting", labels: LABELS[kind], node }), signal);
  const found = await poll(() => findNewNetns(folder, known), signal);
  const sandboxMs = performance.now();
  using netns = found;
  const address = await poll(() => findAddress(netns), signal);
  let packetMs: number;
  {
    using packets = openPacketWatch(clientPod, [{ netns, address }], PORT);
    [packetMs = Number.NaN] = await packets.until("allowed", signal);
  }
  const name = { namespace: NAMESPACE, name: "starting" };
  await client.delete(podKind, name, {}, signal);
  const query = { namespace: NAMESPACE, fieldSelector: "metadata.name=starting" };
  const isDone = ({ length }: readonly Pod[]): boolean => length === 0;
  await waitForObjects(client, { kind: podKind, query, what: "the pod is gone", isDone }, signal);
  return { createdMs, sandboxMs, packetMs };
}

/** Nothing tells of a namespace that is bound, nor of an address within it: both are looked for every millisecond. */
async function poll<T>(find: () => T | undefined, signal: AbortSignal): Promise<T> {
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    await delay(1, undefined, { signal });
  }
}

function findNewNetns(folder: string, known: ReadonlySet<string>): Netns | undefined {
  const name = readdirSync(folder).find((one) => !known.has(one));
  if (name === undefined) return undefined;
  try {
    return openNetns(`${folder}/${name}`);
  } catch (error) {
    if (error instanceof NetnsError) return undefined; // a file that nothing is bound to yet
    throw error;
  }
}

const LOOPBACK_IFINDEX = 1;

function findAddress(netns: Netns): IpAddress | undefined {
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  return listAddresses(socket, { family: 4 }).find(({ ifindex }) => ifindex !== LOOPBACK_IFINDEX)?.prefix.address;
}
