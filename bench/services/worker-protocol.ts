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
  /** Before those that count: a program's first changes are slower than all others, at any number of Services. */
  readonly warmUpChanges: number;
  /** Writing all is stopped then. */
  readonly programDeadlineMs: number;
}

/** Writing all was stopped: it takes at least so long. */
export interface ProgramStopped {
  readonly stoppedAfterMs: number;
}

export interface ServicesMeasurement {
  readonly programMs: number;
  readonly changeMs: readonly number[];
  /** Median of each round, in microseconds. */
  readonly connectUs: Readonly<Record<"direct" | "first" | "last", readonly number[]>>;
  /** User and system time of this process for each connection to the last Service. */
  readonly cpuUsPerConnection: readonly number[];
}

/** The agent's whole part for Services, in bytes of resident memory of its process. */
export interface AgentMeasurement {
  /** From its start until all Services are in the kernel, lists included. */
  readonly startMs: number;
  /** As soon as all is written, and when what the start needed was given back. */
  readonly firstBytes: number;
  readonly restBytes: number;
  /** At any time until the first. */
  readonly mostBytes: number;
  /** From the event of a watch until the kernel has it. */
  readonly changeMs: readonly number[];
  /** From then, for a Service that is new, until a client hears its address from the node's name server. */
  readonly resolveMs: readonly number[];
}
