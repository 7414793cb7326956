/** Many pods: all at once, or in waves while components are killed at random. The seed of the chance is printed. */
import { setTimeout as sleep } from "node:timers/promises";
import { type FaultCluster, sleeperDeployment, sleeperPod } from "./fault-cluster.ts";

export interface StormReport {
  readonly pods: number;
  readonly readyMs: number;
  readonly goneMs: number;
}

const TIMEOUT = "--timeout=600s";

export async function runStorm(cluster: FaultCluster, pods: number): Promise<StormReport> {
  const startedMs = performance.now();
  const elapsed = (): number => Math.round(performance.now() - startedMs);
  await cluster.apply(sleeperDeployment("storm", pods));
  await cluster.kubectl("rollout", "status", "deployment/storm", TIMEOUT);
  const readyMs = elapsed();
  await cluster.kubectl("delete", "deployment", "storm", "--cascade=foreground", TIMEOUT);
  await cluster.kubectl("wait", "pods", "-l", "app=storm", "--for=delete", TIMEOUT);
  return { pods, readyMs, goneMs: elapsed() - readyMs };
}

export interface SoakReport {
  readonly seed: number;
  readonly pods: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly durationMs: number;
}

const WAVE = 100;
const KILL_EVERY_MS = { min: 1000, max: 8000 } as const;
/** On a slow machine it ends before all pods were made. */
const SOAK_MS = Number(process.env["PODWIRE_SOAK_MINUTES"] ?? 60) * 60_000;
const API_AWAY_MS = 120_000;
const RETRY_MS = 250;
/** What kubectl says when the API server goes or is gone; a wait may find that its pods are gone already. */
const IS_AWAY =
  /refused|EOF|reset|Unable to connect|timeout|unexpected|starting|no matching|ServiceUnavailable|currently unable/;
const VICTIMS = ["agent", "kubelet", "containerd", "control-plane"] as const;

/** Pods come in waves, of which some are deleted before they run. */
export async function runSoak(cluster: FaultCluster, pods: number): Promise<SoakReport> {
  const seed = Number(process.env["PODWIRE_SOAK_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const random = randomOf(seed);
  const startedMs = performance.now();
  const stop = new AbortController();
  const kills: Record<string, number> = {};
  let made = 0;
  const killing = killAtRandom(cluster, { random, kills }, stop.signal);
  killing.catch((error: unknown) => stop.abort(error));
  try {
    for (; made < pods && performance.now() - startedMs < SOAK_MS; made += WAVE) {
      if (stop.signal.aborted) throw stop.signal.reason;
      const names = Array.from({ length: Math.min(WAVE, pods - made) }, (_, index) => `soak-${made + index}`);
      const isCut = random() < 0.25;
      await persist(() => cluster.apply(...names.map((name) => sleeperPod(name, undefined, { app: "soak" }))));
      if (!isCut) {
        await persist(() => cluster.kubectl("wait", "pods", "-l", "app=soak", "--for=condition=Ready", TIMEOUT));
      }
      await persist(() => cluster.kubectl("delete", "pods", "-l", "app=soak", "--ignore-not-found", TIMEOUT));
    }
  } finally {
    stop.abort(new Error("the soak is over"));
    await killing;
  }
  await cluster.kubectl("wait", "nodes", "--all", "--for=condition=Ready", TIMEOUT);
  return { seed, pods: Math.min(made, pods), kills, durationMs: Math.round(performance.now() - startedMs) };
}

/** The API server may be killed at any moment; then people run the command again. */
async function persist(command: () => Promise<unknown>): Promise<void> {
  for (const endMs = performance.now() + API_AWAY_MS; ; ) {
    try {
      await command();
      return;
    } catch (error) {
      if (!IS_AWAY.test(String(error)) || performance.now() > endMs) throw error;
      await sleep(RETRY_MS);
    }
  }
}

async function killAtRandom(
  cluster: FaultCluster,
  { random, kills }: { readonly random: () => number; readonly kills: Record<string, number> },
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const pauseMs = KILL_EVERY_MS.min + random() * (KILL_EVERY_MS.max - KILL_EVERY_MS.min);
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const victim = VICTIMS[Math.floor(random() * VICTIMS.length)] ?? "agent";
    const node = cluster.nodeNames[Math.floor(random() * cluster.nodeNames.length)];
    await cluster.kill(victim, victim === "control-plane" ? undefined : node);
    kills[victim] = (kills[victim] ?? 0) + 1;
  }
}

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
