/** What a process has used: CPU time of all its threads, and memory. Source: proc(5). */
import { readFileSync } from "node:fs";

export interface MemoryUsage {
  readonly rssKb: number;
  readonly pssKb: number;
}

/** sysconf(3) _SC_CLK_TCK: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time until now. Grows in steps of 10 ms. */
export function readCpuMs(pid: number): number {
  return parseCpuMs(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

export function cpuMsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readCpuMs(pid), 0);
}

/** The program's name is in brackets and may hold anything; utime and stime are the 14th and 15th field. */
export function parseCpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isInteger(ticks)) throw new Error(`Cannot read CPU times from ${JSON.stringify(stat)}`);
  return (ticks * 1000) / TICKS_PER_SECOND;
}

export function readMemory(pid: number): MemoryUsage {
  return {
    rssKb: parseKb(readFileSync(`/proc/${pid}/status`, "utf8"), "VmRSS"),
    pssKb: parseKb(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"), "Pss"),
  };
}

export function parseKb(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text);
  if (found === null) throw new Error(`Cannot read memory: there is no "${name}"`);
  return Number(found[1]);
}
