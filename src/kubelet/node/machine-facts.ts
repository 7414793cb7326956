/** What a Node says of its machine. Source: proc(5), os-release(5), machine-id(5). */
import { readFile, statfs } from "node:fs/promises";
import { arch, availableParallelism, totalmem } from "node:os";

export interface MachineFacts {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** As Go names it. */
  readonly architecture: string;
}

const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export async function readMachineFacts(stateRoot: string): Promise<MachineFacts> {
  const [memory, machineId, systemUuid, bootId, kernelVersion, release, disk] = await Promise.all([
    readText("/proc/meminfo"),
    readText("/etc/machine-id"),
    readText("/sys/class/dmi/id/product_uuid"),
    readText("/proc/sys/kernel/random/boot_id"),
    readText("/proc/sys/kernel/osrelease"),
    readText("/etc/os-release"),
    statfs(stateRoot),
  ]);
  return {
    cpus: availableParallelism(),
    memoryBytes: parseMemTotal(memory) ?? totalmem(),
    diskBytes: disk.blocks * disk.bsize,
    machineId,
    systemUuid: systemUuid || machineId,
    bootId,
    kernelVersion,
    osImage: parsePrettyName(release) ?? "Linux",
    architecture: GO_ARCHITECTURES[arch()] ?? arch(),
  };
}

export function parseMemTotal(meminfo: string): number | undefined {
  const kilobytes = /^MemTotal:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

export function parsePrettyName(release: string): string | undefined {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(release)?.[1];
}

/** Containers and small systems lack some of them. */
async function readText(path: string): Promise<string> {
  return await readFile(path, "utf8").then(
    (text) => text.trim(),
    () => "",
  );
}
