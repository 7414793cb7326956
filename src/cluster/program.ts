/** Runs a program to its end and gives its output. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { text } from "node:stream/consumers";

export interface ProgramResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status; 128 + number for a program that a signal ended, as in a shell. */
  readonly code: number;
}

export interface ProgramOptions {
  /** What to do when the signal aborts; the program is expected to end. By default it gets SIGKILL. */
  readonly kill?: (child: ChildProcess) => void;
}

/**
 * Resolves whatever the exit status is. Rejects when the program cannot be started,
 * or with the signal's reason: then, too, only after the program has ended.
 */
export async function runProgram(
  argv: readonly string[],
  signal: AbortSignal,
  { kill = (child) => child.kill("SIGKILL") }: ProgramOptions = {},
): Promise<ProgramResult> {
  signal.throwIfAborted();
  const [program = "", ...args] = argv;
  // A session of its own: Ctrl-C is for the caller, whose signal decides.
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  const abort = (): void => kill(child);
  signal.addEventListener("abort", abort, { once: true });
  try {
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exitStatus(child)]);
    signal.throwIfAborted();
    return { stdout, stderr, code };
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Settles when the program has ended and its output has arrived, or when it could not be started. */
export function exitStatus(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, killedBy) =>
      resolve(code ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy])),
    );
  });
}
