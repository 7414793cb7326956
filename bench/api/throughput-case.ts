/** Creates, updates and lists a second, one at a time and many at a time. */
import { type Operation, operations } from "./cases.ts";
import { type BenchContext, turnsOf } from "./context.ts";
import { startField } from "./field.ts";
import { type Block, readBlock } from "./load-protocol.ts";
import { cpuMsOf } from "./process-usage.ts";

export interface ThroughputBlock extends Block {
  readonly contestant: string;
  readonly operation: Operation;
  readonly lanes: number;
  readonly round: number;
  /** Of the server, and of the etcd behind it, for all operations together. */
  readonly serverCpuMs: number;
}

const WARM_UP_LANES = 64;

export async function runThroughputCase(context: BenchContext): Promise<readonly ThroughputBlock[]> {
  const { sizes, signal, progress } = context;
  await using resources = new AsyncDisposableStack();
  const runners = await startField(context, resources);
  const blocks: ThroughputBlock[] = [];
  for (const { contestant, load } of runners) {
    progress(`throughput: ${contestant.name}: warm-up`);
    const warmUp = { do: "operate", count: sizes.warmUp, lanes: WARM_UP_LANES } as const;
    for (const operation of operations) await load.ask({ ...warmUp, operation }, signal);
  }
  for (let round = 0; round < sizes.rounds; round++) {
    for (const { lanes, counts } of sizes.operations) {
      for (const operation of operations) {
        for (const { contestant, load, serverPids } of turnsOf(runners, round)) {
          progress(`throughput: ${operation}, ${lanes} at a time, round ${round + 1}: ${contestant.name}`);
          const count = counts[operation];
          const before = cpuMsOf(serverPids);
          const block = readBlock(await load.ask({ do: "operate", operation, count, lanes }, signal));
          const serverCpuMs = cpuMsOf(serverPids) - before;
          blocks.push({ contestant: contestant.name, operation, lanes, round, ...block, serverCpuMs });
        }
      }
    }
  }
  return blocks;
}
