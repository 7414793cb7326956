/** Proves a lab: no check holds before its step is solved, each holds afterwards, and nothing stays behind. */
import { type Finding, type Lab, type LabStep, type LabWorld, missing } from "./lab.ts";
import { type LabShell, runLines } from "./run-lines.ts";
import { waitForCheck } from "./wait-for-check.ts";

export interface LabProof {
  readonly step: string;
  readonly durationMs: number;
  readonly finding: Finding;
  /** The check held before anything was done: it proves nothing. */
  readonly heldBefore: boolean;
}

const CHECK_MS = 60_000;

export interface LabTest {
  readonly lab: Lab;
  readonly world: LabWorld;
  readonly shell: LabShell;
  onStep(proof: LabProof): void;
}

/** False when one of its steps proves nothing or is not solved by its solution. */
export async function testLab({ lab, world, shell, onStep }: LabTest, signal: AbortSignal): Promise<boolean> {
  try {
    if (lab.prepare !== undefined) await runLines(shell, lab.prepare, signal);
    for (const step of lab.steps) {
      const proof = await testStep(step, world, shell, signal);
      onStep(proof);
      if (proof.heldBefore || !proof.finding.done) return false;
    }
    return true;
  } finally {
    await runLines(shell, `set +e\n${lab.cleanup}`, AbortSignal.timeout(2 * CHECK_MS));
  }
}

async function testStep(step: LabStep, world: LabWorld, shell: LabShell, signal: AbortSignal): Promise<LabProof> {
  const before = await step.check(world, signal);
  const startedMs = performance.now();
  const failure = await failureOf(runLines(shell, step.solution, signal));
  const finding =
    failure ?? (await waitForCheck(step, world, AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)])));
  return {
    step: step.title,
    durationMs: Math.round(performance.now() - startedMs),
    finding,
    heldBefore: before.done,
  };
}

async function failureOf(solution: Promise<void>): Promise<Finding | undefined> {
  try {
    await solution;
    return undefined;
  } catch (error) {
    return missing(`its solution failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
