/**
 * Attaches pods and detaches them again. Namespaces are made before and removed after; whether the pod really has its
 * interface, and no longer has it, is looked up after the clock has stopped.
 */
import { setImmediate as turn } from "node:timers/promises";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { findLink } from "#kernel/rtnetlink/link.ts";
import type { BenchCase } from "./cases.ts";
import type { BenchHost } from "./host.ts";
import type { Mode } from "./plan.ts";
import { type BenchPod, createPod, POD_IFNAME } from "./pod.ts";
import type { PodDriver } from "./pod-driver.ts";
import type { Block, Measured } from "./worker-protocol.ts";

export interface MeasureOptions {
  readonly case: BenchCase;
  readonly mode: Mode;
  readonly pods: number;
  /** Pods at a time when the mode is `concurrent`. */
  readonly lanes: number;
  /** Number of the first pod. */
  readonly firstPod: number;
  readonly signal: AbortSignal;
}

export async function measure(host: BenchHost, driver: PodDriver, options: MeasureOptions): Promise<Measured> {
  const { case: benchCase, mode, signal } = options;
  const pods: BenchPod[] = [];
  const attached = new Set<BenchPod>();
  try {
    for (let index = 0; index < options.pods; index++) pods.push(createPod(options.firstPod + index));
    const add = await inLanes(pods, options, (pod) => {
      attached.add(pod);
      return driver.attach(pod, benchCase, mode);
    });
    for (const pod of pods) requireLink(pod, true);
    const del = await inLanes(pods, options, async (pod) => {
      const durationMs = await driver.detach(pod, benchCase, mode);
      attached.delete(pod);
      return durationMs;
    });
    for (const pod of pods) requireLink(pod, false);
    return { add, del };
  } finally {
    for (const pod of attached) if (!signal.aborted) await driver.detach(pod, benchCase, mode).catch(() => undefined); // the first failure is the one to report
    for (const pod of pods) pod[Symbol.dispose]();
    await host.settle();
  }
}

/** Works through the items in order, with one or `lanes` of them under way at any time. */
export async function inLanes<T>(
  items: readonly T[],
  { mode, lanes, signal }: Pick<MeasureOptions, "mode" | "lanes" | "signal">,
  work: (item: T) => Promise<number>,
): Promise<Block> {
  const waiting = items.values();
  const samplesMs: number[] = [];
  async function lane(): Promise<void> {
    for (const item of waiting) {
      signal.throwIfAborted();
      samplesMs.push(await work(item));
      if (mode === "sequential") await turn(); // lets the end of the benchmark be noticed
    }
  }
  const start = performance.now();
  const ends = await Promise.allSettled(Array.from({ length: mode === "sequential" ? 1 : lanes }, lane));
  const wallMs = performance.now() - start;
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return { samplesMs, wallMs };
}

function requireLink(pod: BenchPod, expected: boolean): void {
  using inside = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: pod.netns });
  const link = findLink(inside, { name: POD_IFNAME });
  if (expected && link?.up !== true) throw new Error(`Pod "${pod.name}" has no "${POD_IFNAME}" that is up after ADD`);
  if (!expected && link !== undefined) throw new Error(`Pod "${pod.name}" still has "${POD_IFNAME}" after DEL`);
}
