/** Creates, updates and lists a second, one at a time and many at a time. */
import { type Operation, operations } from "./cases.ts";
import { type BenchContext, turnsOf } from "./context.ts";
import { startField } from "./field.ts";
import { type Block, readBlock } from "./load-protocol.ts";

export interface ThroughputBlock extends Block {
  readonly contestant: string;
  readonly operation: Operation;
  readonly lanes: number;
  readonly round: number;
}

const WARM_UP = { count: 400, lanes: 16 };

export async function runThroughputCase(context: BenchContext): Promise<readonly ThroughputBlock[]> {
  const { sizes, signal, progress } = context;
  await using resources = new AsyncDisposableStack();
  const runners = await startField(context, resources);
  const blocks: ThroughputBlock[] = [];
  for (const { contestant, load } of runners) {
    progress(`throughput: ${contestant.name}: warm-up`);
    for (const operation of operations) await load.ask({ do: "operate", operation, ...WARM_UP }, signal);
  }
  for (let round = 0; round < sizes.rounds; round++) {
    for (const { lanes, counts } of sizes.operations) {
      for (const operation of operations) {
        for (const { contestant, load } of turnsOf(runners, round)) {
          progress(`throughput: ${operation}, ${lanes} at a time, round ${round + 1}: ${contestant.name}`);
          const count = counts[operation];
          const block = readBlock(await load.ask({ do: "operate", operation, count, lanes }, signal));
          blocks.push({ contestant: contestant.name, operation, lanes, round, ...block });
        }
      }
    }
  }
  return blocks;
}
