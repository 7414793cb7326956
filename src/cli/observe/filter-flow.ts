/** Which flows a reader wants. Gaps are always shown: what is missing could have been wanted. Pure. */
import type { FlowEnd, FlowEntry, FlowVerdict } from "#agent/observe/flow.ts";

export interface FlowFilter {
  /** `namespace/name`, `name` in namespace default, or `namespace/`; either end. */
  readonly pod?: string | undefined;
  readonly verdict?: FlowVerdict | undefined;
  /** Of either end. */
  readonly port?: number | undefined;
}

export function isWanted(entry: FlowEntry, { pod, verdict, port }: FlowFilter): boolean {
  if (entry.kind === "gap") return true;
  const ends = [entry.source, entry.destination];
  if (verdict !== undefined && entry.verdict !== verdict) return false;
  if (port !== undefined && !ends.some((end) => end.port === port) && !entry.service?.endsWith(`:${port}`))
    return false;
  return pod === undefined || ends.some((end) => isPod(end, pod));
}

function isPod({ pod }: FlowEnd, wanted: string): boolean {
  if (pod === undefined) return false;
  if (wanted.endsWith("/")) return pod.startsWith(wanted);
  return pod === (wanted.includes("/") ? wanted : `default/${wanted}`);
}
