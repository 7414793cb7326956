/**
 * From an object to the first packet that it decides. All sizes stand from the start and take turns, each change between
 * two transactions of one element on the same node. A packet that is forbidden goes before each that is allowed: only
 * the second one may arrive.
 */
import { type BareTransaction, openBareTransaction } from "./bare-transaction.ts";
import { type BenchNodes, type PolicyNodeUnderTest, startBenchNodes } from "./bench-nodes.ts";
import { type FlowProbe, openFlowProbe } from "./flows.ts";
import { POLICY_PORT, samplePolicy } from "./sample-policies.ts";
import type { KindSamples, LoopSamples, PolicyWorkerOptions } from "./worker-protocol.ts";

/** Rounds that do not count: V8 compiles what runs often. */
const WARM_UP_ROUNDS = 1;

interface Contestant {
  readonly nodes: BenchNodes;
  readonly node: PolicyNodeUnderTest;
  readonly probe: FlowProbe;
  readonly transaction: BareTransaction;
  readonly samples: Samples;
}

type KindsOfSamples = Record<keyof KindSamples, number[]>;

interface Samples extends LoopSamples {
  readonly label: KindsOfSamples;
  readonly policy: KindsOfSamples;
  readonly transactionMs: number[];
  readonly labelWallMs: number[];
  readonly labelCpuMs: number[];
}

export async function measureLoop(
  { sizes, rounds, each }: PolicyWorkerOptions,
  signal: AbortSignal,
): Promise<readonly LoopSamples[]> {
  await using stack = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  for (const policies of sizes) contestants.push(await createContestant(policies, stack, signal));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const samples = round < 0 ? emptySamples(contestant.samples.policies) : contestant.samples;
      measureRound({ ...contestant, samples }, each);
      signal.throwIfAborted();
    }
  }
  return contestants.map(({ samples }) => samples);
}

async function createContestant(
  policies: number,
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Contestant> {
  const nodes = stack.use(await startBenchNodes(policies, signal));
  const { client, server, serverNode: node } = nodes;
  if (node === undefined) throw new Error("Cannot measure policies: no node enforces them");
  const ends = [client, server].map(({ netns, addresses }) => ({ netns, address: addresses[4] }));
  const [from, to] = ends;
  if (from === undefined || to === undefined) throw new Error("Cannot measure policies: there are no pods");
  const probe = stack.use(openFlowProbe(from, to, POLICY_PORT));
  const transaction = stack.use(openBareTransaction(node.node.netns));
  return { nodes, node, probe, transaction, samples: emptySamples(policies) };
}

function measureRound({ node, probe, transaction, samples }: Contestant, each: number): void {
  let number = 0;
  const forbidThenAllow = (set: (isAllowed: boolean) => void, kind: KindsOfSamples) => {
    write(node, () => set(false), kind.forbidToKernelMs);
    probe.send(++number);
    const startedMs = write(node, () => set(true), kind.allowToKernelMs);
    probe.send(++number);
    const arrived = probe.receive();
    kind.allowToPacketMs.push(performance.now() - startedMs);
    if (arrived !== number) throw new Error("Cannot measure policies: a packet arrived that they forbid");
  };
  for (let change = 0; change < each; change++) {
    forbidThenAllow((isAllowed) => node.setClient(isAllowed), samples.label);
    samples.transactionMs.push(transaction.measure());
    const setPolicy = (isOpen: boolean) => node.setPolicy(samplePolicy(0, isOpen));
    forbidThenAllow(setPolicy, samples.policy);
    samples.transactionMs.push(transaction.measure());
  }
  const cpu = process.threadCpuUsage();
  const startedMs = performance.now();
  for (let change = 0; change < each; change++) {
    for (const isAllowed of [false, true]) {
      node.setClient(isAllowed);
      node.loop.flush();
    }
  }
  const changes = 2 * each;
  samples.labelWallMs.push((performance.now() - startedMs) / changes);
  const { user, system } = process.threadCpuUsage(cpu);
  samples.labelCpuMs.push((user + system) / 1000 / changes);
}

/** Answers when it began. */
function write(node: PolicyNodeUnderTest, say: () => void, samples: number[]): number {
  const startedMs = performance.now();
  say();
  node.loop.flush();
  samples.push(performance.now() - startedMs);
  return startedMs;
}

function emptySamples(policies: number): Samples {
  const kind = (): KindsOfSamples => ({ allowToKernelMs: [], forbidToKernelMs: [], allowToPacketMs: [] });
  return { policies, label: kind(), policy: kind(), transactionMs: [], labelWallMs: [], labelCpuMs: [] };
}
