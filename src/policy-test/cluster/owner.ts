/**
 * Who made the objects of a run: a process, told apart from later ones of its number by when it began, on a machine, told
 * apart by its boot. So the next run knows what a killed one has left, and leaves alone what is still in use.
 */
import { readFileSync, readlinkSync } from "node:fs";

/** `BOOT PIDNS PID START DEADLINE`; the deadline is for those who cannot look: Unix seconds. */
export function formatOwner(deadlineSeconds: number): string {
  return [placeOf(), process.pid, startOf(process.pid), Math.ceil(deadlineSeconds)].join(" ");
}

/** Whether nobody can be using it any more. */
export function isLeftOver(owner: string, nowSeconds: number): boolean {
  const [boot = "", pids = "", pid = "", start = "", deadline = ""] = owner.split(" ");
  if (Number(deadline) < nowSeconds || deadline === "") return true;
  return `${boot} ${pids}` === placeOf() && startOf(Number(pid)) !== start;
}

function placeOf(): string {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
}

/** Clock ticks from the boot to its start, field 22 of proc_pid_stat(5); "" when there is no such process. */
function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return ""; // ended
  }
}
