/**
 * From a create to the watch event of it, with few and with many watchers. One event at a time: the next object is
 * made when all watchers have the event of the last, so that nothing is told together.
 */
import type { BenchContext } from "./context.ts";
import { turnsOf } from "./context.ts";
import { type Runner, startField } from "./field.ts";
import { readBlock } from "./load-protocol.ts";
import { cpuMsOf } from "./process-usage.ts";

export interface LatencyBlock {
  readonly contestant: string;
  readonly watchers: number;
  readonly round: number;
  readonly events: number;
  /** One for each event and watcher. */
  readonly samplesMs: readonly number[];
  /** Of the server, and of the etcd behind it, for all events together. */
  readonly serverCpuMs: number;
}

const WARM_UP_EVENTS = 300;
const WARM_UP_WATCHERS = 10;

export async function runLatencyCase(context: BenchContext): Promise<readonly LatencyBlock[]> {
  await using resources = new AsyncDisposableStack();
  const runners = await startField(context, resources);
  const blocks: LatencyBlock[] = [];
  for (const runner of runners) {
    context.progress(`latency: ${runner.contestant.name}: warm-up`);
    await measure(runner, { watchers: WARM_UP_WATCHERS, count: WARM_UP_EVENTS }, context.signal);
  }
  for (const { watchers, count } of context.sizes.events) {
    for (let round = 0; round < context.sizes.rounds; round++) {
      for (const runner of turnsOf(runners, round)) {
        const { name } = runner.contestant;
        context.progress(`latency: ${watchers} watchers, round ${round + 1}: ${name}`);
        const measured = await measure(runner, { watchers, count }, context.signal);
        blocks.push({ contestant: name, watchers, round, events: count, ...measured });
      }
    }
  }
  return blocks;
}

interface Events {
  readonly watchers: number;
  readonly count: number;
}

async function measure({ load, serverPids }: Runner, { watchers, count }: Events, signal: AbortSignal) {
  await load.ask({ do: "watch", watchers }, signal);
  const before = cpuMsOf(serverPids);
  const { samplesMs } = readBlock(await load.ask({ do: "events", count }, signal));
  const serverCpuMs = cpuMsOf(serverPids) - before;
  await load.ask({ do: "unwatch" }, signal);
  if (samplesMs.length !== watchers * count) {
    throw new Error(`${samplesMs.length} events were told instead of ${watchers * count}`);
  }
  return { samplesMs, serverCpuMs };
}
