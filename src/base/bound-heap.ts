/**
 * Keeps the heap near to what is in use. V8 is made for throughput: by default the space for new objects grows to
 * 128 MB, and the old ones may become several times as many before they are looked through. Control plane and agent keep
 * nearly all that they have; smaller limits cost them next to no time. Source: V8 flag definitions, `node --v8-options`.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

export interface HeapBounds {
  /** For new objects, both halves together. */
  readonly newSpaceBytes?: number;
}

/** What the requests of some milliseconds make dies in there. */
const NEW_SPACE_BYTES = 32 * 1024 * 1024;
/** Growth of the old objects until the next full collection: a small heap may double, a large one is looked through sooner. */
const GROWTH = { ofSmall: 100, ofLarge: 30 } as const;
const LARGE_HEAP_BYTES = 96 * 1024 * 1024;

/**
 * For the whole process. V8 reads both flags whenever it decides about growth, so that they count at once; a limit of
 * the new space itself it reads only when it starts.
 */
export function boundHeap({ newSpaceBytes = NEW_SPACE_BYTES }: HeapBounds = {}): Disposable {
  const growth = createFlag("heap-growing-percent");
  const factor = createFlag("semi-space-growth-factor");
  growth.set(GROWTH.ofSmall);
  // Collections are what changes the size: it doubles under load, and shrinks when the process has been idle.
  const observer = new PerformanceObserver(() => {
    const { newBytes, usedBytes } = readHeap();
    factor.set(newBytes < newSpaceBytes ? 2 : 1);
    growth.set(usedBytes < LARGE_HEAP_BYTES ? GROWTH.ofSmall : GROWTH.ofLarge);
  });
  observer.observe({ entryTypes: ["gc"] });
  return { [Symbol.dispose]: () => observer.disconnect() };
}

interface Flag {
  set(value: number): void;
}

function createFlag(name: string): Flag {
  let current: number | undefined;
  return {
    set(value) {
      if (value === current) return;
      current = value;
      setFlagsFromString(`--${name}=${value}`);
    },
  };
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
