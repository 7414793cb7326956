/** What `podwire bench api` measures, and how much of it. */

export const apiCaseNames = ["latency", "throughput", "pods", "start"] as const;
export type ApiCaseName = (typeof apiCaseNames)[number];

export const operations = ["create", "update", "list"] as const;
export type Operation = (typeof operations)[number];

export interface ApiBenchSizes {
  readonly rounds: number;
  /** Operations of each kind that do not count: V8 compiles what runs often, and connections are made. */
  readonly warmUp: number;
  /** Watchers, and events that each of them gets in one round. */
  readonly events: readonly { readonly watchers: number; readonly count: number }[];
  /** Operations in one round, by the number of them that are in flight. */
  readonly operations: readonly { readonly lanes: number; readonly counts: Readonly<Record<Operation, number>> }[];
  readonly pods: number;
  /** Starts of each kind in one round. */
  readonly starts: number;
}

export const FULL_SIZES: ApiBenchSizes = {
  rounds: 5,
  warmUp: 3000,
  events: [
    { watchers: 1, count: 200 },
    { watchers: 10, count: 100 },
    { watchers: 100, count: 50 },
    { watchers: 1000, count: 25 },
  ],
  operations: [
    { lanes: 1, counts: { create: 200, update: 200, list: 100 } },
    { lanes: 64, counts: { create: 1500, update: 1500, list: 500 } },
  ],
  pods: 10_000,
  starts: 3,
};

export const QUICK_SIZES: ApiBenchSizes = {
  rounds: 2,
  warmUp: 600,
  events: [
    { watchers: 1, count: 60 },
    { watchers: 10, count: 30 },
    { watchers: 100, count: 15 },
    { watchers: 1000, count: 10 },
  ],
  operations: [
    { lanes: 1, counts: { create: 60, update: 60, list: 30 } },
    { lanes: 64, counts: { create: 600, update: 600, list: 200 } },
  ],
  pods: 2_000,
  starts: 2,
};
