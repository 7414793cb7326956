/**
 * One policy is created, changed twice and deleted, and the client's labels are changed and changed back, through the
 * API: each time until packets are decided otherwise on all nodes. Between them, a transaction of one element in the
 * kernel of one of the nodes.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type NetworkPolicy, networkPolicy } from "#api/kinds/network-policy.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { cpuMsOf } from "../../api/process-usage.ts";
import type { BareTransaction } from "../bare-transaction.ts";
import type { ClusterChange, ClusterSamples } from "../worker-protocol.ts";
import { CHANGED, changedPolicy, FRIEND, NAMESPACE } from "./cluster-policies.ts";
import type { Decision, PacketWatch } from "./packet-watch.ts";
import type { ProgrammedWatch } from "./programmed-watch.ts";

export interface ChangedCluster {
  readonly client: ApiClient;
  readonly programmed: ProgrammedWatch;
  readonly policyPackets: PacketWatch;
  readonly labelPackets: PacketWatch;
  readonly agents: readonly number[];
  readonly transactions: readonly BareTransaction[];
}

export type GrowingSamples = {
  readonly policies: number;
  readonly changes: Readonly<Record<ClusterChange, Record<keyof ClusterSamples["changes"][ClusterChange], number[]>>>;
  readonly transactionMs: number[];
  readonly labelCpuMs: number[];
};

/** Agents write that they are ready at most every 20 ms: nothing of a change shall be left when the next one begins. */
const PAUSE_MS = 40;

export async function measureChanges(
  cluster: ChangedCluster,
  { samples, each }: { readonly samples: GrowingSamples; readonly each: number },
  signal: AbortSignal,
): Promise<void> {
  const { client, programmed, policyPackets, labelPackets, agents, transactions } = cluster;
  const name = { namespace: NAMESPACE, name: CHANGED };

  async function measure<T>(
    change: ClusterChange,
    { packets, decision, write }: { packets: PacketWatch; decision: Decision; write: () => Promise<T> },
  ): Promise<{ readonly written: T; readonly startedMs: number }> {
    const growing = samples.changes[change];
    await delay(PAUSE_MS, undefined, { signal });
    const startedMs = performance.now();
    const [written, decidedMs] = await Promise.all([
      write().finally(() => growing.answeredMs.push(performance.now() - startedMs)),
      packets.until(decision, signal),
    ]);
    growing.firstNodeMs.push(Math.min(...decidedMs) - startedMs);
    growing.enforcedMs.push(Math.max(...decidedMs) - startedMs);
    return { written, startedMs };
  }

  async function changePolicy(change: ClusterChange, decision: Decision, write: () => Promise<NetworkPolicy>) {
    const { written, startedMs } = await measure(change, { packets: policyPackets, decision, write });
    const saidMs = await programmed.one(CHANGED, written.metadata.generation ?? 0, signal);
    samples.changes[change].programmedMs.push(saidMs - startedMs);
  }

  function changeTo(isOpen: boolean): Promise<NetworkPolicy> {
    const { spec } = changedPolicy(isOpen);
    return client.patch(networkPolicy, name, { type: "merge", body: { spec } }, signal);
  }

  function setFriend(isFriend: boolean) {
    const labels = isFriend ? FRIEND : Object.fromEntries(Object.keys(FRIEND).map((key) => [key, null]));
    const patch = { type: "merge", body: { metadata: { labels } } } as const;
    return client.patch(podKind, { namespace: NAMESPACE, name: "client" }, patch, signal);
  }

  for (let done = 0; done < each; done++) {
    await changePolicy("policy created", "allowed", () => client.create(networkPolicy, changedPolicy(true), signal));
    await changePolicy("policy closes", "denied", () => changeTo(false));
    await changePolicy("policy opens", "allowed", () => changeTo(true));
    const write = (): Promise<void> => client.delete(networkPolicy, name, {}, signal);
    await measure("policy deleted", { packets: policyPackets, decision: "denied", write });
    for (const transaction of transactions) samples.transactionMs.push(transaction.measure());
  }
  const cpuMs = cpuMsOf(agents);
  for (let done = 0; done < each; done++) {
    await measure("label allows", { packets: labelPackets, decision: "allowed", write: () => setFriend(true) });
    await measure("label forbids", { packets: labelPackets, decision: "denied", write: () => setFriend(false) });
  }
  samples.labelCpuMs.push((cpuMsOf(agents) - cpuMs) / (2 * each * agents.length));
}
