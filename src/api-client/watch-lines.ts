/** The body of a watch: one JSON object a line. Source: Kubernetes API concepts, "Efficient detection of changes". */
import { apiErrorFromStatus, badRequestError } from "#api/api-error.ts";
import { isJsonObject, type JsonObject } from "#base/json.ts";

export interface WireEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: JsonObject;
}

const TYPES: readonly unknown[] = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"];

/** An object has 3 MiB at most; a line that is longer than that many bytes never ends. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** Throws ApiError for an ERROR event, and for a line that is none; what stands before it comes first. */
export async function* readWatchLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly WireEvent[]> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(10) + 1;
    if (end > 0) {
      const whole = Buffer.concat([...pending, chunk.subarray(0, end)]).toString("utf8");
      pending = [];
      pendingBytes = 0;
      const { events, error } = parseEvents(whole);
      if (events.length > 0) yield events;
      if (error !== undefined) throw error;
    }
    if (end < chunk.length) pending.push(chunk.subarray(end));
    pendingBytes += chunk.length - end;
    if (pendingBytes > MAX_LINE_BYTES) throw badRequestError("The API server sent a line that is too long");
  }
}

/** Up to the first line that is no event. */
function parseEvents(lines: string): { readonly events: readonly WireEvent[]; readonly error: unknown } {
  const events: WireEvent[] = [];
  try {
    for (const line of lines.split("\n")) if (line.trim() !== "") events.push(parseEvent(line));
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

function parseEvent(line: string): WireEvent {
  const event: unknown = parseJson(line);
  const object = isJsonObject(event) ? event["object"] : undefined;
  if (!isJsonObject(event) || !isJsonObject(object))
    throw badRequestError("The API server sent a line that is no event");
  if (event["type"] === "ERROR") {
    throw apiErrorFromStatus(object) ?? badRequestError("The API server sent an error that is no Status");
  }
  if (!TYPES.includes(event["type"])) throw badRequestError(`The API server sent an event of type ${event["type"]}`);
  // Its type was looked at in the line above.
  return { type: event["type"] as WireEvent["type"], object };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw badRequestError("The API server sent a line that is no JSON", cause);
  }
}
