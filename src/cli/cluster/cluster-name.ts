/** What the commands about a cluster have in common: the option --name, root, and who answers for the cluster. */
import { readFileSync } from "node:fs";
import { Option } from "commander";
import { type ClusterPaths, clusterPaths } from "#cluster/cluster-paths.ts";
import { askKeeper, type KeeperAnswer } from "#cluster/keeper/ask-keeper.ts";
import type { ClusterStatus } from "#cluster/keeper/cluster-status.ts";
import type { KeeperRequest, PhaseMessage } from "#cluster/keeper/keeper-protocol.ts";
import { DEFAULT_NAME } from "#cluster/keeper/parse-cluster-config.ts";
import { CliError } from "../cli-error.ts";

/** Names the cluster for every command that is given no other. */
export const NAME_VARIABLE = "PODWIRE_CLUSTER";

export function nameOption(): Option {
  return new Option("--name <name>", "of the cluster").env(NAME_VARIABLE).default(DEFAULT_NAME);
}

export function requireRoot(what: string): void {
  if (process.getuid?.() !== 0) {
    throw new CliError("machine", { what, why: "clusters belong to root", next: "run it with sudo" });
  }
  const missing = missingCapabilities(readFileSync("/proc/self/status", "utf8"));
  if (missing.length === 0) return;
  throw new CliError("machine", {
    what,
    why: `root has no ${missing.join(", no ")} here, as in a container that is not privileged`,
    evidence: "CapEff in /proc/self/status",
    next: "run it on the machine itself, or in a privileged container (docker run --privileged)",
  });
}

/** By number. Source: include/uapi/linux/capability.h */
const NEEDED = { CAP_NET_ADMIN: 12, CAP_SYS_CHROOT: 18, CAP_SYS_PTRACE: 19, CAP_SYS_ADMIN: 21 } as const;

/** Of those that namespaces, mounts and links need. `status`: proc_pid_status(5). */
export function missingCapabilities(status: string): readonly string[] {
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  if (effective === undefined) return []; // then the kernel's own answer has to do
  const has = BigInt(`0x${effective}`);
  return Object.entries(NEEDED).flatMap(([name, bit]) => (has & (1n << BigInt(bit)) ? [] : [name]));
}

export interface AskOptions {
  readonly signal: AbortSignal;
  readonly onPhase?: (phase: PhaseMessage) => void;
}

/** The answer of the cluster's keeper; an explained error when the cluster is not up. */
export async function askCluster(name: string, request: KeeperRequest, options: AskOptions): Promise<KeeperAnswer> {
  const paths = clusterPaths(name, process.env);
  const answer = await askKeeper(paths.socket, request, options);
  if (answer !== undefined) return answer;
  throw notUp(name, paths);
}

export async function clusterStatus(name: string, signal: AbortSignal): Promise<ClusterStatus> {
  const { status } = await askCluster(name, { op: "status" }, { signal });
  if (status === undefined) throw new Error(`the keeper of cluster "${name}" gave no status`);
  return status;
}

export function notUp(name: string, { socket }: Pick<ClusterPaths, "socket">): CliError {
  return new CliError("failed", {
    what: `Cluster "${name}" is not up`,
    evidence: `nobody listens on ${socket}`,
    next: "see which are: podwire list; or start it: podwire up",
  });
}

/** Aborted by SIGINT and SIGTERM, and after that time. */
export function commandSignal(timeoutSeconds: number): AbortSignal {
  const interrupted = new AbortController();
  const why = { what: "Interrupted" };
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => interrupted.abort(new CliError("interrupted", why)));
  }
  const late = new AbortController();
  setTimeout(() => {
    late.abort(new CliError("failed", { what: `No answer within ${timeoutSeconds} s` }));
  }, timeoutSeconds * 1000).unref();
  return AbortSignal.any([interrupted.signal, late.signal]);
}
