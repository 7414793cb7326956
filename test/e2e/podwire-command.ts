/** Runs `podwire …` from the source tree, and an unmodified kubectl, as people do. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type MachineState, readMachineState } from "#cli/testing/machine-state.ts";
import { exitStatus, type ProgramResult } from "#cluster/program.ts";
import { findKubectls } from "#test/kubectl/find-kubectls.ts";

const ENTRY = join(import.meta.dirname, "../../src/cli/entry.ts");

export type PodwireProcess = ChildProcessByStdio<null, Readable, Readable>;

export interface PodwireOptions {
  /** What runs it: `setpriv`, for example. */
  readonly launcher?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export function startPodwire(args: readonly string[], options: PodwireOptions = {}): PodwireProcess {
  const { launcher = [], environment } = options;
  const argv = [...launcher, process.execPath, "--disable-warning=ExperimentalWarning", ENTRY, ...args];
  const [program = "", ...rest] = argv;
  return spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
}

export function tryPodwire(args: readonly string[]): Promise<ProgramResult> {
  return runPodwire(args);
}

export async function runPodwire(args: readonly string[], options: PodwireOptions = {}): Promise<ProgramResult> {
  const child = startPodwire(args, options);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exitStatus(child)]);
  return { stdout, stderr, code };
}

/** Gives what it prints. Rejects when it fails. */
export async function podwire(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tryPodwire(args);
  if (code !== 0) throw new Error(`"podwire ${args.join(" ")}" ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** The newest that is supported, for one cluster. Rejects when it fails. */
export function kubectlOf(kubeconfig: string): (args: readonly string[], input?: string) => Promise<string> {
  const [newest] = findKubectls().supported.toReversed();
  const path = newest?.path ?? "kubectl";
  return async (args, input = "") => {
    const child = spawn(path, ["--kubeconfig", kubeconfig, ...args], { stdio: "pipe" });
    child.stdin.on("error", () => undefined); // it may not read
    child.stdin.end(input);
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exitStatus(child)]);
    if (code !== 0) throw new Error(`"kubectl ${args.join(" ")}" ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  };
}

/**
 * Folders of clusters for this process and what it starts: clusters of other tests, which run beside it, are not listed
 * and not taken down. Gives the undoing.
 */
export function useOwnClusterFolders(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "pw-"));
  process.env["PODWIRE_RUN_DIR"] = join(folder, "run");
  process.env["PODWIRE_STATE_DIR"] = join(folder, "state");
  return () => {
    delete process.env["PODWIRE_RUN_DIR"];
    delete process.env["PODWIRE_STATE_DIR"];
    rmSync(folder, { recursive: true });
  };
}

/** What of a cluster's can be found on this machine, as sets of names; a control group that is gone had no process. */
export function tracesOf(clusterName: string): MachineState {
  const kinds = ["links", "mounts", "cgroups", "processes"] as const;
  const state = Object.entries(readMachineState(kinds));
  const isOwn = (line: string): boolean => line.includes(clusterName) && !line.includes("entry.ts");
  return Object.fromEntries(state.map(([kind, names]) => [kind, names.filter(isOwn)]));
}
