/**
 * What a cluster's nodes and pods take of the machine's memory: proportional shares of all their processes, told apart by
 * control group and name. Source: proc_pid_smaps(5), Pss.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface ClusterMemory {
  /** Of containerd, kubelet and agent of a node, on average. */
  readonly perNodeBytes: number;
  /** Of a pod's containers and its shim, on average. */
  readonly perPodBytes: number;
  readonly controlPlaneBytes: number;
}

export function clusterMemory(name: string, nodes: number, pods: number): ClusterMemory {
  const sums = { control: 0, node: 0, pod: 0 };
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const owner = ownerOf(pid, name);
    if (owner !== undefined) sums[owner] += pssBytes(pid);
  }
  return {
    perNodeBytes: Math.round(sums.node / nodes),
    perPodBytes: Math.round(sums.pod / pods),
    controlPlaneBytes: sums.control,
  };
}

function ownerOf(pid: string, name: string): "control" | "node" | "pod" | undefined {
  const cgroup = readIfThere(`/proc/${pid}/cgroup`);
  if (cgroup.includes(`/podwire-${name}-control-`)) return "control";
  const [, kind] = new RegExp(`/podwire-${name}-\\d+-[0-9a-f]+/(\\w+)`).exec(cgroup) ?? [];
  if (kind === undefined) return undefined;
  const isOfPod = kind === "pods" || readIfThere(`/proc/${pid}/comm`).startsWith("containerd-shim");
  return isOfPod ? "pod" : "node";
}

function pssBytes(pid: string): number {
  const [, kilobytes = "0"] = /^Pss:\s+(\d+) kB$/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`)) ?? [];
  return Number(kilobytes) * 1024;
}

/** "" for a process that has ended meanwhile. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return "";
    throw error;
  }
}
