/** What came of a test: for each case and family what was seen, what the model says, and the kernel's own proof. */
import type { Family } from "#base/ip-address.ts";
import type { Expectation, PolicyCase } from "../policy-test.ts";

export type CaseStatus = "passed" | "failed" | "inconclusive";

/** A rule of the kernel that decided about the packet. */
export interface KernelProof {
  readonly node: string;
  /** `inet podwire-policy ingress/shop/db handle 12` */
  readonly place: string;
  /** The rule in the words of `nft`; absent for the policy of a base chain. */
  readonly rule?: string | undefined;
  /** Of the rule: its id in the policy, or `isolation`. */
  readonly reason?: string | undefined;
  /** Packets that the rule has counted. */
  readonly packets?: number | undefined;
  readonly verdict: "accept" | "drop";
}

export interface FamilyResult {
  readonly family: Family;
  readonly status: CaseStatus;
  /** Undefined when nothing is proven. */
  readonly observed: Expectation | undefined;
  readonly model: Expectation;
  /** The model's reasons, a line for each direction. */
  readonly explanation: readonly string[];
  /** The rule that dropped it, or those that let it through; none where no policy had to. */
  readonly proofs: readonly KernelProof[];
  /** Of a deny: what the same question came to without policies. */
  readonly control?: "answered" | "not answered" | undefined;
  /** Why it is not passed. */
  readonly problem?: string | undefined;
  /** The smallest change of policies that would make it so; the model says that it does. */
  readonly change?: readonly string[] | undefined;
}

export interface CaseResult {
  readonly case: PolicyCase;
  readonly title: string;
  readonly status: CaseStatus;
  readonly families: readonly FamilyResult[];
}

export interface PolicyTestReport {
  readonly name: string;
  readonly file: string;
  readonly nodes: number;
  readonly pods: number;
  readonly policies: number;
  readonly cases: readonly CaseResult[];
  readonly notes: readonly string[];
  readonly phases: Readonly<Record<string, number>>;
  readonly durationMs: number;
}

/** A failure counts more than a control that failed; a test without a case proves nothing. */
export function statusOf(statuses: readonly CaseStatus[]): CaseStatus {
  if (statuses.includes("failed")) return "failed";
  return statuses.length === 0 || statuses.includes("inconclusive") ? "inconclusive" : "passed";
}

export function reportStatus(reports: readonly PolicyTestReport[]): CaseStatus {
  return statusOf(reports.flatMap(({ cases }) => statusOf(cases.map(({ status }) => status))));
}

export function count(cases: readonly CaseResult[], status: CaseStatus): number {
  return cases.filter((one) => one.status === status).length;
}
