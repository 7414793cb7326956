/** What the benchmark of Services asks its worker, and what the worker answers: one process for each measurement. */
export const serviceContestants = ["podwire", "iptables"] as const;
export type ServiceContestant = (typeof serviceContestants)[number];

export interface ServicesWorkerOptions {
  readonly contestant: ServiceContestant;
  readonly services: number;
  readonly endpointsEach: number;
  /** Connections of each round, and rounds: the direct way, the first and the last Service take turns. */
  readonly connections: number;
  readonly rounds: number;
  /** Changes of one endpoint. */
  readonly changes: number;
}

export interface ServicesMeasurement {
  readonly programMs: number;
  readonly changeMs: readonly number[];
  /** Median of each round, in microseconds. */
  readonly connectUs: Readonly<Record<"direct" | "first" | "last", readonly number[]>>;
  /** User and system time of this process for each connection to the last Service. */
  readonly cpuUsPerConnection: readonly number[];
  /** Of this process: what the Services added, by endpoint. Only ours keeps them. */
  readonly bytesPerEndpoint?: number;
}
