/**
 * From an object to the first packet that it decides. All sizes stand from the start and take turns, each change between
 * two transactions of one element on the same node. A packet that is forbidden goes before each that is allowed: only
 * the second one may arrive.
 */
import { addressBytes, parseAddress } from "#base/ip-address.ts";
import { createNftSocket, type NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { type BenchNodes, type PolicyNodeUnderTest, startBenchNodes } from "./bench-nodes.ts";
import { type FlowProbe, openFlowProbe } from "./flows.ts";
import { POLICY_PORT, samplePolicy } from "./sample-policies.ts";
import type { ChangeSamples, KindSamples, PolicyWorkerOptions } from "./worker-protocol.ts";

/** Rounds that do not count: V8 compiles what runs often. */
const WARM_UP_ROUNDS = 1;
const KEY = addressBytes(parseAddress("192.0.2.1"));
const BARE = { family: "inet", table: "bench" } as const;
const BARE_SET = { ...BARE, set: "addresses" } as const;

interface Contestant {
  readonly nodes: BenchNodes;
  readonly node: PolicyNodeUnderTest;
  readonly probe: FlowProbe;
  readonly nft: NftSocket;
  readonly samples: Samples;
}

type KindsOfSamples = Record<keyof KindSamples, number[]>;

interface Samples extends ChangeSamples {
  readonly label: KindsOfSamples;
  readonly policy: KindsOfSamples;
  readonly transactionMs: number[];
  readonly labelWallMs: number[];
  readonly labelCpuMs: number[];
}

export async function measureChanges(
  { sizes, rounds, each }: PolicyWorkerOptions,
  signal: AbortSignal,
): Promise<readonly ChangeSamples[]> {
  await using stack = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  for (const policies of sizes) contestants.push(await createContestant(policies, stack, signal));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const samples = round < 0 ? emptySamples(contestant.samples.policies) : contestant.samples;
      await measureRound({ ...contestant, samples }, each);
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
  const nft = stack.use(createNftSocket(node.node.netns));
  nft.commit(
    [
      { do: "add table", table: BARE },
      { do: "add set", set: { ...BARE_SET, key: ["ipv4_addr"] } },
    ],
    "make a set",
  );
  return { nodes, node, probe, nft, samples: emptySamples(policies) };
}

async function measureRound({ node, probe, nft, samples }: Contestant, each: number): Promise<void> {
  let number = 0;
  const forbidThenAllow = async (set: (isAllowed: boolean) => void, kind: KindsOfSamples) => {
    await programmed(node, () => set(false), kind.forbidToKernelMs);
    probe.send(++number);
    const startedMs = await programmed(node, () => set(true), kind.allowToKernelMs);
    probe.send(++number);
    const arrived = probe.receive();
    kind.allowToPacketMs.push(performance.now() - startedMs);
    if (arrived !== number) throw new Error("Cannot measure policies: a packet arrived that they forbid");
  };
  for (let change = 0; change < each; change++) {
    await forbidThenAllow((isAllowed) => node.setClient(isAllowed), samples.label);
    samples.transactionMs.push(bareTransaction(nft));
    const setPolicy = (isOpen: boolean) => node.setPolicy(samplePolicy(0, isOpen));
    await forbidThenAllow(setPolicy, samples.policy);
    samples.transactionMs.push(bareTransaction(nft));
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
async function programmed(node: PolicyNodeUnderTest, say: () => void, samples: number[]): Promise<number> {
  const done = node.programmed();
  const startedMs = performance.now();
  say();
  samples.push((await done) - startedMs);
  return startedMs;
}

function bareTransaction(nft: NftSocket): number {
  const startedMs = performance.now();
  nft.commit([{ do: "add elements", set: BARE_SET, elements: [{ key: KEY }] }], "add an element");
  const spentMs = performance.now() - startedMs;
  nft.commit([{ do: "delete elements", set: BARE_SET, elements: [{ key: KEY }] }], "delete an element");
  return spentMs;
}

function emptySamples(policies: number): Samples {
  const kind = (): KindsOfSamples => ({ allowToKernelMs: [], forbidToKernelMs: [], allowToPacketMs: [] });
  return { policies, label: kind(), policy: kind(), transactionMs: [], labelWallMs: [], labelCpuMs: [] };
}
