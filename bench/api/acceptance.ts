/** What the control plane is to reach, and whether this run shows it. Pure. */
import { type ApiContestant, protocols } from "./contestants.ts";
import type { LatencyFigure, PodsFigure, RateFigure, StartFigure } from "./figures.ts";

export interface ApiFigures {
  readonly latency: readonly LatencyFigure[];
  readonly rates: readonly RateFigure[];
  readonly pods: readonly PodsFigure[];
  readonly starts: readonly StartFigure[];
}

export interface AcceptanceLine {
  readonly what: string;
  readonly limit: string;
  readonly value: number;
  readonly unit: string;
  readonly holds: boolean;
}

export const LIMITS = {
  latencyRatio: 2,
  createRatio: 0.5,
  cpuMicros: 40,
  cpuWatchers: 1000,
  pods: 10_000,
  podsMb: 400,
  readyRatio: 15,
} as const;

/** Only what was measured. */
export function acceptanceOf(figures: ApiFigures, contestants: readonly ApiContestant[]): readonly AcceptanceLine[] {
  const sqlite = protocols.map((protocol) => `sqlite-${protocol}`);
  const ours = contestants.filter(({ type }) => type === "ours").map(({ name }) => name);
  const line = { latency: figures.latency, rates: figures.rates };
  return [
    ...line.latency
      .filter(({ contestant, watchers }) => sqlite.includes(contestant) && watchers === 1)
      .flatMap(({ contestant, ratio }) =>
        atMost(`create→watch p50 of ${contestant}`, ratio, LIMITS.latencyRatio, "× raw etcd's put→watch"),
      ),
    ...line.rates
      .filter(({ contestant, operation }) => sqlite.includes(contestant) && operation === "create")
      .flatMap(({ contestant, lanes, ratio }) =>
        atLeast(
          `creates a second of ${contestant}, ${lanes} at a time`,
          ratio,
          LIMITS.createRatio,
          "× raw etcd's puts",
        ),
      ),
    ...line.latency
      .filter(({ contestant, watchers }) => ours.includes(contestant) && watchers === LIMITS.cpuWatchers)
      .flatMap(({ contestant, watchers, cpuMicros }) =>
        atMost(`CPU of an event for each of ${watchers} watchers, ${contestant}`, cpuMicros, LIMITS.cpuMicros, "µs"),
      ),
    ...figures.pods
      .filter(({ pods }) => pods >= LIMITS.pods)
      .flatMap(({ store, pods, ...memory }) =>
        atMost(`memory with ${pods} pods, ${store}`, largestMb(memory), LIMITS.podsMb, "MB"),
      ),
    ...figures.starts.flatMap(({ start, ratio }) =>
      atMost(`${start} start to /readyz`, ratio, LIMITS.readyRatio, "× an empty Node program"),
    ),
  ];
}

/** RSS: at least as much as PSS. */
function largestMb({ filledMemory, listedMemory, restart }: Omit<PodsFigure, "store" | "pods">): number {
  return Math.max(filledMemory.rssKb, listedMemory.rssKb, restart.memory.rssKb) / 1024;
}

function atMost(what: string, value: number | undefined, limit: number, unit: string): readonly AcceptanceLine[] {
  return value === undefined ? [] : [{ what, limit: `≤ ${limit}`, value, unit, holds: value <= limit }];
}

function atLeast(what: string, value: number | undefined, limit: number, unit: string): readonly AcceptanceLine[] {
  return value === undefined ? [] : [{ what, limit: `≥ ${limit}`, value, unit, holds: value >= limit }];
}
