/** A demo from beginning to end: built, checked, shown, and taken down whatever happens. */
import { CliError } from "../cli-error.ts";
import { createPhases } from "../output/phases.ts";
import { runChecks } from "./checks.ts";
import { takeDemoFolder } from "./demo-folder.ts";
import { collectEvidence } from "./evidence.ts";
import type { DemoReport } from "./report.ts";
import { startDemo } from "./start-demo.ts";

export interface DemoRequest {
  readonly withAgent: boolean;
  readonly folder: string;
  /** Milliseconds for all but taking it down. */
  readonly timeoutMs: number;
}

export interface DemoSurroundings {
  /** Gets a line for each phase. */
  readonly say: (line: string) => void;
  /** Ends the demo early. */
  readonly signal: AbortSignal;
  /** Gets the report while the demo is up, and resolves when it may be taken down. */
  readonly keep?: (report: DemoReport) => Promise<void>;
}

/** Resolves when everything is down. Checks may have failed: the report tells. */
export async function runDemo(request: DemoRequest, { say, signal, keep }: DemoSurroundings): Promise<DemoReport> {
  using folder = takeDemoFolder(request.folder);
  if (folder === undefined) {
    const next = "end it with Ctrl-C; if it was started with --keep: sudo podwire demo --down";
    throw new CliError("failed", { what: "Cannot start the demo: another one is up", next });
  }
  const startedMs = performance.now();
  const phases = createPhases(say);
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const running = AbortSignal.any([signal, timeout]);
  try {
    const demo = await startDemo(request, phases, running);
    let report: DemoReport;
    try {
      const checks = await phases.run("checks", () => runChecks(demo, running));
      const evidence = await phases.run("evidence collected", () => collectEvidence(demo, running));
      const { initPid: nodePid } = demo.node;
      const keeperPid = keep && { keeperPid: process.pid };
      report = { checks, evidence, nodePid, outsidePid: demo.outside.pid, ...keeperPid, phases: phases.done };
      await keep?.(report);
    } finally {
      await phases.run("taken down", async () => await demo[Symbol.asyncDispose]());
    }
    say(`${String(Math.round(performance.now() - startedMs)).padStart(6)} ms  in all`);
    return report;
  } catch (cause) {
    if (signal.aborted) throw new CliError("interrupted", { what: "The demo was interrupted" }, { cause });
    if (!timeout.aborted || cause instanceof CliError) throw cause;
    const why = `it was at: ${phases.current}`;
    throw new CliError("failed", { what: `The demo did not end within ${request.timeoutMs} ms`, why }, { cause });
  }
}

/** Throws what the first failed check saw. */
export function requireAllOk({ checks, keeperPid }: DemoReport): void {
  const failed = checks.filter(({ ok }) => !ok);
  const [first] = failed;
  if (first === undefined) return;
  throw new CliError("failed", {
    what: `${failed.length} of ${checks.length} checks failed: ${first.claim}`,
    why: `expected: ${first.expected}`,
    evidence: `${first.where}: ${first.command}\n→ ${first.seen}`,
    next: keeperPid
      ? "it is up: look around in it, then run: sudo podwire demo --down"
      : "run: sudo podwire demo --keep",
  });
}
