/** Facts about the machine that a figure means nothing without. */
import { spawnSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

export interface Machine {
  readonly kernel: string;
  readonly architecture: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
  readonly iptables: string;
  /** Of the folder in which contestants keep addresses and records. */
  readonly stateFilesystem: string;
  /** Runnable processes of the last minute, before the benchmark began. */
  readonly loadAverage: number;
}

/** statfs(2): f_type. */
const FILESYSTEMS: Readonly<Record<number, string>> = {
  61267: "ext4",
  1481003842: "xfs",
  2435016766: "btrfs",
  16914836: "tmpfs",
  2035054128: "overlayfs",
};

export function readMachine(stateDir: string): Machine {
  const { type } = statfsSync(stateDir);
  const { stdout } = spawnSync("iptables", ["--version"], { encoding: "utf8" });
  return {
    kernel: release(),
    architecture: arch(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.versions.node,
    iptables: stdout?.trim() || "none",
    stateFilesystem: FILESYSTEMS[type] ?? `0x${type.toString(16)}`,
    loadAverage: loadavg()[0] ?? 0,
  };
}
