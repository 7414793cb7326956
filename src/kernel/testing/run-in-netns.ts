/**
 * Runs a program inside a network namespace, for tests: `ip -j`, `nft`, `ping` as independent witnesses.
 * Equal to `nsenter --net=… program arguments`.
 */
import { execFile } from "node:child_process";
import type { Netns } from "../netns/netns.ts";

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status; -1 when a signal (the deadline's, for example) ended the program. */
  readonly code: number;
}

export interface ExecOptions {
  /** Text for the program's standard input. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

const OUTPUT_BYTES = 64 * 1024 * 1024;

/** Resolves whatever the exit status; rejects only when the program cannot be started. */
export function execIn(
  netns: Pick<Netns, "fd">,
  argv: readonly string[],
  { input = "", timeoutMs = 10_000 }: ExecOptions = {},
): Promise<ExecResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ExecResult>();
  const child = execFile(
    "nsenter",
    [`--net=/proc/${process.pid}/fd/${netns.fd}`, "--", ...argv],
    { timeout: timeoutMs, maxBuffer: OUTPUT_BYTES, encoding: "utf8" },
    (error, stdout, stderr) => {
      if (typeof error?.code === "string") reject(error);
      else resolve({ stdout, stderr, code: error === null ? 0 : (error.code ?? -1) });
    },
  );
  child.stdin?.on("error", () => undefined); // a program may end without reading its input
  child.stdin?.end(input);
  return promise;
}

/** As execIn, but answers the output and throws when the exit status is not 0. */
export async function outputIn(
  netns: Pick<Netns, "fd">,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<string> {
  const { stdout, stderr, code } = await execIn(netns, argv, options);
  if (code !== 0) throw new Error(`Cannot run "${argv.join(" ")}" in the namespace: exit status ${code}: ${stderr}`);
  return stdout;
}

/** The objects that `ip -j -d …` prints; none when it prints nothing. */
export async function ipJson(
  netns: Pick<Netns, "fd">,
  ...args: readonly string[]
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const text = await outputIn(netns, ["ip", "-j", "-d", ...args]);
  return text.trim() === "" ? [] : JSON.parse(text);
}
