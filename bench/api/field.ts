/** The servers of one case, and a load process for each contestant. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { ApiContestant, StoreName } from "./contestants.ts";
import type { BenchContext } from "./context.ts";
import { startControlPlane } from "./control-plane-process.ts";
import { startEtcd } from "./etcd-process.ts";
import { type LoadProcess, startLoad } from "./load-process.ts";

export interface Runner {
  readonly contestant: ApiContestant;
  readonly load: LoadProcess;
  /** Processes whose CPU time is the server's: with etcd behind our control plane, both. */
  readonly serverPids: readonly number[];
}

/** `resources` ends what was started. */
export async function startField(context: BenchContext, resources: AsyncDisposableStack): Promise<readonly Runner[]> {
  const { contestants, stores, signal } = context;
  const folder = mkdtempSync(join(context.folder, "field-"));
  const planes = new Map<StoreName, OurServer>();
  for (const store of stores) planes.set(store, await startOurs(context, store, join(folder, store), resources));
  const ours: Runner[] = [];
  let valueBytes = 0;
  for (const contestant of contestants) {
    const server = contestant.type === "ours" ? planes.get(contestant.store) : undefined;
    if (contestant.type !== "ours" || server === undefined) continue;
    const { kubeconfig, pids } = server;
    const load = resources.use(startLoad({ type: "api", protocol: contestant.protocol, kubeconfig }));
    valueBytes = Number(await load.ask({ do: "prepare" }, signal));
    ours.push({ contestant, load, serverPids: pids });
  }
  const reference = contestants.find(({ type }) => type === "reference");
  if (reference === undefined) return ours;
  const etcd = resources.use(await startEtcd({ folder: join(folder, "raw"), fsync: context.fsync }, signal));
  const load = resources.use(startLoad({ type: "etcd", endpoint: etcd.endpoint, valueBytes }));
  await load.ask({ do: "prepare" }, signal);
  return [{ contestant: reference, load, serverPids: [etcd.pid] }, ...ours];
}

export interface OurServer {
  readonly kubeconfig: string;
  readonly planePid: number;
  readonly pids: readonly number[];
  readonly readyMs: number;
}

export async function startOurs(
  context: BenchContext,
  store: StoreName,
  folder: string,
  resources: AsyncDisposableStack,
): Promise<OurServer> {
  const { podwire, fsync, signal } = context;
  mkdirSync(folder, { recursive: true });
  const etcd = store === "etcd" ? resources.use(await startEtcd({ folder, fsync }, signal)) : undefined;
  const url = etcd === undefined ? "sqlite" : `etcd://${etcd.endpoint}`;
  const plane = resources.use(await startControlPlane({ podwire, dataDir: join(folder, "plane"), store: url }, signal));
  const { kubeconfig, pid, readyMs } = plane;
  return { kubeconfig, planePid: pid, pids: etcd === undefined ? [pid] : [pid, etcd.pid], readyMs };
}
