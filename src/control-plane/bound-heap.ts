/**
 * Keeps the heap near to what is in use. V8 is made for throughput: by default the space for new objects grows to
 * 128 MB, and the old ones may become several times as many before they are looked through. A control plane keeps
 * nearly all that it has; smaller limits cost it next to no time. Source: V8 flag definitions, `node --v8-options`.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** For new objects, both halves together: what the requests of some milliseconds make dies in there. */
const NEW_SPACE_BYTES = 32 * 1024 * 1024;
/** Growth of the old objects until the next full collection. */
const GROWTH_PERCENT = 60;

/**
 * For the whole process. V8 reads both flags whenever it decides about growth, so that they count at once; a limit of
 * the new space itself it reads only when it starts.
 */
export function boundHeap(): Disposable {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
  let factor = 2;
  // Collections are what changes the size: it doubles under load, and shrinks when the process has been idle.
  const observer = new PerformanceObserver(() => {
    const wanted = newSpaceBytes() < NEW_SPACE_BYTES ? 2 : 1;
    if (wanted === factor) return;
    factor = wanted;
    setFlagsFromString(`--semi-space-growth-factor=${factor}`);
  });
  observer.observe({ entryTypes: ["gc"] });
  return { [Symbol.dispose]: () => observer.disconnect() };
}

function newSpaceBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? 0;
}
