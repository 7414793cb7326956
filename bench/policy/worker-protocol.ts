/** What the benchmark of policies asks its workers, and what they answer: one process for each part. */
export const policyParts = ["cluster", "loop", "traffic", "test"] as const;
export type PolicyPart = (typeof policyParts)[number];

export interface PolicyWorkerOptions {
  readonly part: PolicyPart;
  /** Command line whose clusters keep their state where the benchmark does. */
  readonly podwire: readonly string[];
  /** Numbers of policies. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Changes of each kind, or connections, in a round; cases of a test. */
  readonly each: number;
  /** Of each measurement with iperf3. */
  readonly seconds: number;
  /** That start under default deny, and without policies. */
  readonly pods: number;
}

export const clusterChanges = [
  "policy created",
  "policy opens",
  "policy closes",
  "policy deleted",
  "label allows",
  "label forbids",
] as const;
export type ClusterChange = (typeof clusterChanges)[number];

/** Milliseconds from the call of the API; one of each for each change. */
export interface ClusterChangeSamples {
  /** Until the API has answered. */
  readonly answeredMs: readonly number[];
  /** Until the first packet that is decided otherwise was sent, on the first node and on the last. */
  readonly firstNodeMs: readonly number[];
  readonly enforcedMs: readonly number[];
  /** Until the policy says so itself; of policies that are written. */
  readonly programmedMs: readonly number[];
}

export interface ClusterSamples {
  readonly policies: number;
  readonly changes: Readonly<Record<ClusterChange, ClusterChangeSamples>>;
  /** One element, over an open socket, on each of the nodes between the others. */
  readonly transactionMs: readonly number[];
  /** Processor time of an agent for one label change, waiting and probing packets included: by round. */
  readonly labelCpuMs: readonly number[];
}

export const startKinds = ["no policy", "default deny"] as const;
export type StartKind = (typeof startKinds)[number];

/** One of each for each pod. */
export type StartSamples = Readonly<
  Record<
    StartKind,
    {
      /** From the sandbox's namespace, or the pod's creation, until a packet from another pod has arrived in there. */
      readonly sandboxToPacketMs: readonly number[];
      readonly createToPacketMs: readonly number[];
    }
  >
>;

export interface ClusterMeasurement {
  readonly changes: readonly ClusterSamples[];
  readonly starts: StartSamples;
}

/** Milliseconds from a changed object in one node's process; one of each for each change. */
export interface KindSamples {
  /** Until the kernel has it, for changes that allow and that forbid. */
  readonly allowToKernelMs: readonly number[];
  readonly forbidToKernelMs: readonly number[];
  /** Until the first packet that it allows has arrived. */
  readonly allowToPacketMs: readonly number[];
}

export interface LoopSamples {
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
  /** By round: processor time of both ends, with what the kernel does in their name, rules included. */
  readonly cpuSecondsPerGigabyte: readonly number[];
  /** By round: median of its connections. */
  readonly connectUs: readonly number[];
}

/** By round, in milliseconds. */
export interface TestSamples {
  readonly cases: number;
  /** `podwire up` of three nodes without pods. */
  readonly clusterBootMs: readonly number[];
  /** The test's own three nodes without pods. */
  readonly emptyBootMs: readonly number[];
  readonly withBootMs: readonly number[];
  readonly withoutBootMs: readonly number[];
}

export interface PolicyMeasurement {
  readonly cluster?: ClusterMeasurement;
  readonly loop?: readonly LoopSamples[];
  readonly traffic?: readonly TrafficSamples[];
  readonly test?: TestSamples;
}
