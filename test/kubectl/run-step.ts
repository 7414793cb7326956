/** One step of the table: runs its command and compares what it prints. */
import assert from "node:assert/strict";
import type { Step, Text } from "./case-table.ts";
import { assertText, expectedPattern } from "./expected-text.ts";
import { knownGaps } from "./known-gaps.ts";
import { type KubectlRunner, type RunningKubectl, splitWords } from "./run-kubectl.ts";

export interface StepContext {
  readonly runner: KubectlRunner;
  /** 29 for kubectl 1.29. */
  readonly minor: number;
}

export async function runStep(step: Step, context: StepContext): Promise<void> {
  const { minor, runner } = context;
  const running = runner.start({ args: splitWords(step.run), stdin: step.stdin, environment: step.environment });
  const expected = textFor(step.stdout, minor);
  await passTime(step, running, context, expected);
  const { stdout, stderr, code } = await running.finished;
  assertText("stderr", stderr, textFor(step.stderr, minor));
  assertText("stdout", stdout, expected);
  const isInterrupted = step.meanwhile?.until === "output";
  if (!isInterrupted) assert.equal(code, step.code ?? 0, `exit code\n${stdout}\n${stderr}`);
  if (step.gap !== undefined) assertStillOpen(step.gap, stdout + stderr);
}

async function passTime(step: Step, running: RunningKubectl, context: StepContext, expected: string | RegExp) {
  const { meanwhile } = step;
  if (meanwhile === undefined) return;
  const { after, steps = [], act, until } = meanwhile;
  try {
    const stdout = await running.printed(({ stdout: out, stderr }) =>
      typeof after === "string" ? out.includes(after) : after.test(out + stderr),
    );
    for (const each of steps) await runStep(each, context);
    await act?.(stdout);
    const pattern = typeof expected === "string" ? expectedPattern(expected) : expected;
    if (until === "output") await running.printed(({ stdout: out }) => pattern.test(out));
  } finally {
    if (until === "output") running.interrupt();
  }
}

function textFor(text: Text | undefined, minor: number): string | RegExp {
  return typeof text === "function" ? text(minor) : (text ?? "");
}

/** A gap that is closed must leave the list. */
function assertStillOpen(key: string, printed: string): void {
  const gap = knownGaps[key];
  assert.ok(gap, `known-gaps.ts has no "${key}"`);
  assert.doesNotMatch(
    printed,
    expectedPattern(gap.kubernetes),
    `the gap "${key}" is closed: remove it from known-gaps.ts`,
  );
}
