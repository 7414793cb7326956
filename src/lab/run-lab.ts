/** A lab at a terminal: each step is told, then checked whenever something changes or Enter is pressed. */
import type { Interface } from "node:readline/promises";
import type { Finding, Lab, LabStep, LabWorld } from "./lab.ts";
import { type LabShell, runLines } from "./run-lines.ts";
import { waitForCheck } from "./wait-for-check.ts";

export interface LabTerminal {
  readonly lines: Interface;
  say(text: string): void;
}

export interface LabRun {
  readonly lab: Lab;
  readonly world: LabWorld;
  readonly shell: LabShell;
  readonly terminal: LabTerminal;
}

const HELP = "Enter checks, s shows a solution, q leaves the lab";

/** False when it was left before its end. */
export async function runLab({ lab, world, shell, terminal }: LabRun, signal: AbortSignal): Promise<boolean> {
  const { say } = terminal;
  say(`${lab.title}: ${lab.summary}\n`);
  if (lab.prepare !== undefined) await runLines(shell, lab.prepare, signal);
  for (const [index, step] of lab.steps.entries()) {
    say(`── ${index + 1} of ${lab.steps.length}: ${step.title}\n\n${step.text}\n\n(${HELP})`);
    const isDone = await runStep(step, world, terminal, signal);
    if (!isDone) return false;
  }
  say("That was the lab. Everything was checked in the kernel and at the API.");
  return true;
}

async function runStep(
  step: LabStep,
  world: LabWorld,
  { lines, say }: LabTerminal,
  signal: AbortSignal,
): Promise<boolean> {
  for (;;) {
    const pressed = new AbortController();
    const watching = AbortSignal.any([signal, pressed.signal]);
    const input = lines.question("> ", { signal: watching }).catch(() => undefined);
    const outcome = await Promise.race([waitForCheck(step, world, watching), input]);
    pressed.abort();
    signal.throwIfAborted();
    const word = typeof outcome === "string" ? outcome.trim() : undefined;
    if (word === "q") return false;
    if (word === "s") {
      say(step.solution);
      continue;
    }
    const finding = typeof outcome === "object" ? outcome : await step.check(world, signal);
    say(describe(finding));
    if (finding.done) return true;
  }
}

export function describe(finding: Finding): string {
  if (!finding.done) return `  not yet: ${finding.missing}`;
  return finding.evidence.map((line) => `  ✓ ${line}`).join("\n");
}
