/** Columns that most kinds share, and the way kubectl shows durations. */
import type { Column, KubeObject } from "./kind.ts";

export const nameColumn: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  doc: "Name of the object.",
  priority: 0,
  cell: ({ metadata }) => metadata.name ?? "",
};

export const ageColumn: Column<KubeObject> = {
  name: "Age",
  type: "string",
  doc: "Time since the object was created.",
  priority: 0,
  cell: ({ metadata }, now) => age(metadata.creationTimestamp, now),
};

/** Time since then as kubectl prints it ("26s", "3m", "2d"); "<unknown>" without a time. */
export function age(since: string | undefined, now: Date): string {
  const then = since === undefined ? Number.NaN : Date.parse(since);
  return Number.isNaN(then) ? "<unknown>" : humanDuration(now.getTime() - then);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** Coarser the longer it is, never more than two units. */
export function humanDuration(ms: number): string {
  if (ms < -SECOND) return "<invalid>";
  if (ms < 2 * MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))}s`;
  if (ms < 10 * MINUTE) return units(ms, [MINUTE, "m"], [SECOND, "s"]);
  if (ms < 3 * HOUR) return `${Math.floor(ms / MINUTE)}m`;
  if (ms < 8 * HOUR) return units(ms, [HOUR, "h"], [MINUTE, "m"]);
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)}h`;
  if (ms < 8 * DAY) return units(ms, [DAY, "d"], [HOUR, "h"]);
  if (ms < 2 * YEAR) return `${Math.floor(ms / DAY)}d`;
  if (ms < 8 * YEAR) return units(ms, [YEAR, "y"], [DAY, "d"]);
  return `${Math.floor(ms / YEAR)}y`;
}

type Unit = readonly [ms: number, letter: string];

function units(ms: number, [large, largeLetter]: Unit, [small, smallLetter]: Unit): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)}${largeLetter}${rest === 0 ? "" : `${rest}${smallLetter}`}`;
}
