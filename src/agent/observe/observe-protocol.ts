/**
 * How readers ask an agent for its flows: one request over its socket, answered with all that is behind the cursor, or,
 * when there is nothing and the reader follows, as soon as there is. Whoever follows asks again with the new cursor, so a
 * slow reader holds up nobody: what it is too late for is a gap. Pure.
 */
import type { FlowCursor, FlowPage } from "./flow-ring.ts";

/** Sent as the plugin's name; see STATUS_REQUEST. */
export const OBSERVE_REQUEST = "podwire/observe";

export interface ObserveQuery {
  readonly after?: FlowCursor | undefined;
  readonly sinceMicros?: number | undefined;
  /** How long to wait for the first entry; default: not at all. */
  readonly waitMs?: number | undefined;
}

/** Longer, and a reader could not tell a dead agent from a quiet one. */
export const MAX_WAIT_MS = 30_000;

/** Throws SyntaxError for what is no JSON; what is no cursor is none. */
export function parseObserveQuery(text: string): ObserveQuery {
  if (text === "") return {};
  const query: unknown = JSON.parse(text);
  const { after, sinceMicros, waitMs } = isRecord(query) ? query : {};
  const isCursor = isRecord(after) && typeof after["ring"] === "string" && Number.isSafeInteger(after["sequence"]);
  return {
    ...(isCursor && { after: { ring: String(after["ring"]), sequence: Number(after["sequence"]) } }),
    ...(typeof sinceMicros === "number" && { sinceMicros }),
    waitMs: typeof waitMs === "number" ? Math.min(Math.max(0, waitMs), MAX_WAIT_MS) : 0,
  };
}

/** The agent prints it from this type. */
export function parseObserveReply(text: string): FlowPage {
  return JSON.parse(text) as FlowPage; // both ends are one program
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
