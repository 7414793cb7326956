/** What policies cost the traffic that they allow: pairs of pods with and without them take turns. */
import type { Netns } from "#kernel/netns/netns.ts";
import { matchCtState, rule, verdict } from "#kernel/nfnetlink/statements.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { turnsOf } from "../api/context.ts";
import { measureIperf } from "../cluster/throughput/iperf.ts";
import type { PodPair } from "../cluster/throughput/paths.ts";
import { median } from "../statistics.ts";
import { startBenchNodes } from "./bench-nodes.ts";
import { type FlowProbe, openFlowProbe } from "./flows.ts";
import { POLICY_PORT } from "./sample-policies.ts";
import type { PolicyWorkerOptions, TrafficContestant, TrafficSamples } from "./worker-protocol.ts";

const TRACKING = { family: "inet", table: "bench" } as const;
const WARM_UP_CONNECTIONS = 200;
/** TCP only; the other protocol's payload is not sent. */
const UDP_PAYLOAD_BYTES = 1200;

interface Contestant {
  readonly contestant: TrafficContestant;
  readonly pair: PodPair;
  readonly probe: FlowProbe;
  readonly gigabitsPerSecond: number[];
  readonly cpuSecondsPerGigabyte: number[];
  readonly connectUs: number[];
}

export async function measureTraffic(
  { sizes, rounds, each, seconds }: PolicyWorkerOptions,
  signal: AbortSignal,
): Promise<readonly TrafficSamples[]> {
  await using stack = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  for (const contestant of ["no table", "tracking", ...sizes] as const) {
    const policies = typeof contestant === "number" ? contestant : undefined;
    const nodes = stack.use(await startBenchNodes(policies, signal));
    const { client, server } = nodes;
    if (contestant === "tracking") for (const { node } of [client, server]) trackConnections(node.netns);
    const pair: PodPair = {
      clientNetnsPath: client.netns.path,
      serverNetnsPath: server.netns.path,
      serverAddress: server.addresses[4],
      [Symbol.asyncDispose]: async () => {},
    };
    const from = { netns: client.netns, address: client.addresses[4] };
    const to = { netns: server.netns, address: server.addresses[4] };
    const probe = stack.use(openFlowProbe(from, to, POLICY_PORT));
    for (let done = 0; done < WARM_UP_CONNECTIONS; done++) probe.connect();
    contestants.push({ contestant, pair, probe, gigabitsPerSecond: [], cpuSecondsPerGigabyte: [], connectUs: [] });
  }
  for (let round = 0; round < rounds; round++) {
    // Who begins moves on: what disturbs the machine for a while disturbs all.
    for (const { pair, probe, gigabitsPerSecond, cpuSecondsPerGigabyte, connectUs } of turnsOf(contestants, round)) {
      connectUs.push(median(Array.from({ length: each }, () => probe.connect())));
      const options = { protocol: "tcp", seconds, udpPayloadBytes: UDP_PAYLOAD_BYTES } as const;
      const measured = await measureIperf(pair, options, signal);
      gigabitsPerSecond.push(measured.gigabitsPerSecond);
      cpuSecondsPerGigabyte.push(measured.ownCpuSecondsPerGigabyte);
      signal.throwIfAborted();
    }
  }
  return contestants.map(({ contestant, gigabitsPerSecond, cpuSecondsPerGigabyte, connectUs }) => ({
    contestant,
    gigabitsPerSecond,
    cpuSecondsPerGigabyte,
    connectUs,
  }));
}

/** What any firewall with state has, and nothing else: the kernel tracks connections once a rule asks for their state. */
function trackConnections(netns: Netns): void {
  using nft = createNftSocket(netns);
  const base = { type: "filter", hook: "forward", priority: 0 } as const;
  const expressions = rule(matchCtState("established", "related"), verdict("accept"));
  nft.commit(
    [
      { do: "add table", table: TRACKING },
      { do: "add chain", chain: { ...TRACKING, chain: "forward", base } },
      { do: "add rule", rule: { ...TRACKING, chain: "forward", expressions } },
    ],
    "track connections",
  );
}
