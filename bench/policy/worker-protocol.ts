/** What the benchmark of policies asks its workers, and what they answer: one process for each part. */
export const policyParts = ["change", "traffic", "test"] as const;
export type PolicyPart = (typeof policyParts)[number];

export interface PolicyWorkerOptions {
  readonly part: PolicyPart;
  /** Numbers of policies. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Changes of each kind, or connections, in a round. */
  readonly each: number;
  /** Of each measurement with iperf3. */
  readonly seconds: number;
}

/** Milliseconds from a changed object; one of each for each change. */
export interface KindSamples {
  /** Until the kernel has it, for changes that allow and that forbid. */
  readonly allowToKernelMs: readonly number[];
  readonly forbidToKernelMs: readonly number[];
  /** Until the first packet that it allows has arrived. */
  readonly allowToPacketMs: readonly number[];
}

export interface ChangeSamples {
  readonly policies: number;
  /** The labels of the client change. */
  readonly label: KindSamples;
  /** The rules of the policy that isolates the server change. */
  readonly policy: KindSamples;
  /** One element, over an open socket, between the others. */
  readonly transactionMs: readonly number[];
  /** Of many label changes one after the other, for each, allowing and forbidding in turn: by round. */
  readonly labelWallMs: readonly number[];
  readonly labelCpuMs: readonly number[];
}

/** Nothing at all, connections that are only tracked, and a number of policies. */
export type TrafficContestant = "no table" | "tracking" | number;

export interface TrafficSamples {
  readonly contestant: TrafficContestant;
  /** By round. */
  readonly gigabitsPerSecond: readonly number[];
  /** By round: median of its connections. */
  readonly connectUs: readonly number[];
}

/** By round, in milliseconds. */
export interface TestSamples {
  readonly cases: number;
  readonly emptyBootMs: readonly number[];
  readonly withBootMs: readonly number[];
  readonly withoutBootMs: readonly number[];
}

export interface PolicyMeasurement {
  readonly change?: readonly ChangeSamples[];
  readonly traffic?: readonly TrafficSamples[];
  readonly test?: TestSamples;
}
