/**
 * Keeps the heap near to what is in use. V8 is made for throughput: by default the space for new objects grows to
 * 128 MB, and the old ones may become several times as many before they are looked through. Control plane and agent keep
 * nearly all that they have; smaller limits cost them next to no time. Source: V8 flag definitions, `node --v8-options`.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics } from "node:v8";
import { setV8Flag } from "./v8-flags.ts";

export interface HeapBounds {
  /** For new objects, both halves together. */
  readonly newSpaceBytes?: number;
}

/** What the requests of some milliseconds make dies in there. */
const NEW_SPACE_BYTES = 32 * 1024 * 1024;
/**
 * Growth of the old objects until the next full collection, in percent, by how many there are at least: a heap may double,
 * a large one is looked through sooner. With a small one V8 is left alone (0), also because it takes no bytecode that was
 * made before, not even that of Node's own modules, as long as a flag is another one than at its start.
 */
const GROWTH = [
  { fromBytes: 96 * 1024 * 1024, percent: 30 },
  { fromBytes: 32 * 1024 * 1024, percent: 100 },
  { fromBytes: 0, percent: 0 },
] as const;

/**
 * For the whole process. V8 reads both flags whenever it decides about growth, so that they count at once; a limit of
 * the new space itself it reads only when it starts.
 */
export function boundHeap({ newSpaceBytes = NEW_SPACE_BYTES }: HeapBounds = {}): Disposable {
  // Collections are what changes the size: it doubles under load, and shrinks when the process has been idle.
  const observer = new PerformanceObserver(() => {
    const { newBytes, usedBytes } = readHeap();
    setV8Flag("semi-space-growth-factor", { value: newBytes < newSpaceBytes ? 2 : 1, initial: 2 });
    const growth = GROWTH.find(({ fromBytes }) => usedBytes >= fromBytes);
    setV8Flag("heap-growing-percent", { value: growth?.percent ?? 0, initial: 0 });
  });
  observer.observe({ entryTypes: ["gc"] });
  return { [Symbol.dispose]: () => observer.disconnect() };
}

function readHeap(): { readonly newBytes: number; readonly usedBytes: number } {
  let newBytes = 0;
  let usedBytes = 0;
  for (const { space_name, space_size, space_used_size } of getHeapSpaceStatistics()) {
    if (space_name === "new_space") newBytes = space_size;
    else usedBytes += space_used_size;
  }
  return { newBytes, usedBytes };
}
