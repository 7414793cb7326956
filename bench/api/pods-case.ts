/** A cluster with thousands of running pods: memory, lists, and how long the server takes to be ready again. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { StoreName } from "./contestants.ts";
import type { BenchContext } from "./context.ts";
import { type OurServer, startOurs } from "./field.ts";
import { startLoad } from "./load-process.ts";
import { type Block, type PodLists, readBlock, readPodLists } from "./load-protocol.ts";
import { type MemoryUsage, readMemory } from "./process-usage.ts";

export interface PodsMeasurement {
  readonly store: StoreName;
  readonly pods: number;
  /** A server without objects. */
  readonly emptyMemory: MemoryUsage;
  readonly creation: Block;
  readonly filledMemory: MemoryUsage;
  readonly lists: PodLists;
  readonly listedMemory: MemoryUsage;
  /** The server stopped and started again on what it has stored. */
  readonly restart: { readonly readyMs: number; readonly firstList: PodLists; readonly memory: MemoryUsage };
}

const LANES = 64;
const LISTS = 10;

export async function runPodsCase(context: BenchContext): Promise<readonly PodsMeasurement[]> {
  const measured: PodsMeasurement[] = [];
  for (const store of context.stores) {
    context.progress(`pods: ${store}`);
    measured.push(await measure(context, store));
  }
  return measured;
}

async function measure(context: BenchContext, store: StoreName): Promise<PodsMeasurement> {
  const { sizes, signal } = context;
  const folder = mkdtempSync(join(context.folder, "pods-"));
  const filled = await withServer(context, { store, folder }, async ({ planePid, kubeconfig }) => {
    const emptyMemory = readMemory(planePid);
    await using load = startLoad({ type: "api", protocol: "http2", kubeconfig });
    const creation = readBlock(await load.ask({ do: "fill", pods: sizes.pods, lanes: LANES }, signal));
    const filledMemory = readMemory(planePid);
    const lists = readPodLists(await load.ask({ do: "list-pods", times: LISTS }, signal));
    return { emptyMemory, creation, filledMemory, lists, listedMemory: readMemory(planePid) };
  });
  const restart = await withServer(context, { store, folder }, async ({ planePid, kubeconfig, readyMs }) => {
    await using load = startLoad({ type: "api", protocol: "http2", kubeconfig });
    const firstList = readPodLists(await load.ask({ do: "list-pods", times: 1 }, signal));
    return { readyMs, firstList, memory: readMemory(planePid) };
  });
  return { store, pods: sizes.pods, ...filled, restart };
}

interface ServerOf {
  readonly store: StoreName;
  readonly folder: string;
}

async function withServer<T>(
  context: BenchContext,
  { store, folder }: ServerOf,
  body: (server: OurServer) => Promise<T>,
): Promise<T> {
  await using resources = new AsyncDisposableStack();
  return await body(await startOurs(context, store, folder, resources));
}
