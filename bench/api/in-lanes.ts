/** Keeps a number of operations under way until all are done, and times each of them. */
import type { Block } from "./load-protocol.ts";

/** `work` gets the number of the operation and of its lane. The first error ends all lanes. */
export async function inLanes(
  count: number,
  lanes: number,
  work: (index: number, lane: number) => Promise<void>,
): Promise<Block> {
  const samplesMs: number[] = [];
  let next = 0;
  let isFailed = false;
  async function run(lane: number): Promise<void> {
    while (next < count && !isFailed) {
      const start = performance.now();
      await work(next++, lane);
      samplesMs.push(performance.now() - start);
    }
  }
  const start = performance.now();
  try {
    await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
  } finally {
    isFailed = true;
  }
  return { samplesMs, wallMs: performance.now() - start };
}
