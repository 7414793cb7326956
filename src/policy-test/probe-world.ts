/**
 * Where a test is run: pods to ask from, and policies that come and go. The sandbox is one such place, a running cluster
 * is another; judging and printing know nothing of either.
 */
import type { IpAddress } from "#base/ip-address.ts";
import type { PerFamily } from "#dataplane/contract.ts";
import type { PodId } from "#policy/rule-model.ts";
import type { PolicyTest } from "./policy-test.ts";
import type { ProbeAnswer } from "./probe/probe.ts";
import type { Question } from "./questions.ts";
import type { KernelProof } from "./report/policy-test-report.ts";
import type { RunProbesOptions } from "./run-probes.ts";

/** Who is where, and under which addresses: all that the model needs. */
export interface Places {
  readonly nodes: readonly { readonly name: string; readonly underlay: PerFamily<IpAddress> }[];
  readonly pods: readonly {
    readonly id: PodId;
    /** Of the nodes, from 0. */
    readonly node: number;
    readonly addresses: PerFamily<IpAddress>;
  }[];
}

export interface Asked {
  readonly answer: ProbeAnswer;
  /** The rule that dropped it, or those that let it through. */
  readonly proofs: readonly KernelProof[];
}

export interface Asker extends AsyncDisposable {
  /** All of them at once, each to its end. */
  ask(questions: readonly Question[], options: RunProbesOptions): Promise<ReadonlyMap<Question, Asked>>;
  /** False when the kernel has not told of everything. */
  readonly isComplete: boolean;
  /** Nobody tells of rules here: what is not answered, and is answered without policies, counts as denied. */
  readonly isSilenceDeny?: boolean | undefined;
}

export interface ProbeWorld extends Asker {
  readonly places: Places;
  /** When it has, the test's policies are in force on every node. */
  enforce(): void | Promise<void>;
  /** When it has, they no longer are. */
  takeAway(): void | Promise<void>;
}

export type StartProbeWorld = (test: PolicyTest, signal: AbortSignal) => Promise<ProbeWorld>;
