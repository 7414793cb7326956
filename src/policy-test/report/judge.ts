/** From what was seen of one connection to whether the expectation holds, and if not, why. Pure. */
import { causesOf, dropReason, explainVerdict } from "#policy/explain-verdict.ts";
import type { PolicyWorld } from "#policy/policy-world.ts";
import type { Verdict } from "#policy/verdict.ts";
import type { PolicyCase } from "../policy-test.ts";
import type { ProbeAnswer } from "../probe/probe.ts";
import type { FamilyResult, KernelProof } from "./policy-test-report.ts";

export interface Seen {
  /** As the model has it. */
  readonly world: PolicyWorld;
  readonly answer: ProbeAnswer;
  /** The rule that dropped it, or else those that let it through. */
  readonly proofs: readonly KernelProof[];
  /** Of what was not answered. */
  readonly control: ProbeAnswer | undefined;
  /** False when the kernel dropped events. */
  readonly isComplete: boolean;
  /** Nobody tells of rules: silence, with a control that is answered, is a deny. */
  readonly isSilenceDeny?: boolean | undefined;
}

export function judge(one: PolicyCase, verdict: Verdict, seen: Seen): FamilyResult {
  const { answer, proofs, control } = seen;
  const drop = proofs.find(({ verdict: one }) => one === "drop");
  const isDropped = answer.kind !== "answered" && (drop !== undefined || seen.isSilenceDeny === true);
  const observed = answer.kind === "answered" ? "allow" : isDropped ? "deny" : undefined;
  const model = verdict.allowed ? "allow" : "deny";
  const result = {
    family: verdict.flow.family,
    observed,
    model,
    explanation: explainVerdict(seen.world, verdict),
    proofs,
    control: control && (control.kind === "answered" ? "answered" : "not answered"),
  } as const;
  const end = (status: FamilyResult["status"], problem: string): FamilyResult => ({ ...result, status, problem });

  if (answer.kind === "answered" && answer.seen !== verdict.flow.source) {
    return end(
      "inconclusive",
      `the target saw ${answer.seen}, not ${verdict.flow.source}: somebody translates addresses`,
    );
  }
  if (observed === undefined) return end("inconclusive", describeSilence(seen));
  if (observed === "deny" && control?.kind !== "answered") {
    return end("inconclusive", `it is not answered without policies either: ${describeAnswer(control)}`);
  }
  if (observed !== model) {
    return end(
      "inconclusive",
      `the kernel ${observed === "allow" ? "lets it through" : "drops it"}, the model says ${model}`,
    );
  }
  if (observed !== one.expect) {
    return end(
      "failed",
      `expected ${one.expect}, but ${observed === "allow" ? "it is answered" : "the kernel drops it"}`,
    );
  }
  const wanted = observed === "deny" ? dropReason(verdict) : undefined;
  if (wanted !== undefined && drop !== undefined && drop.reason !== wanted) {
    return end("inconclusive", `the kernel drops it for "${drop.reason ?? drop.place}", the model for "${wanted}"`);
  }
  const causes = causesOf(verdict);
  if (one.because !== undefined && !causes.includes(one.because)) {
    const actual = causes.length === 0 ? "of no policy at all" : `of ${causes.join(", ")}`;
    return end("failed", `${observed === "allow" ? "allowed" : "denied"} because ${actual}, not of ${one.because}`);
  }
  return { ...result, status: "passed" };
}

function describeSilence({ answer, isComplete }: Seen): string {
  if (answer.kind === "refused") return `it was refused, and by no rule that was seen: ${answer.message}`;
  const lost = isComplete ? "" : " (the kernel had more events than it could hand over)";
  return `no answer, and no node told of a rule that drops it${lost}`;
}

function describeAnswer(answer: ProbeAnswer | undefined): string {
  if (answer === undefined) return "the control was not run";
  return answer.kind === "refused" ? answer.message : "no answer";
}
