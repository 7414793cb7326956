/** The body of a watch: one JSON object a line. Source: Kubernetes API concepts, "Efficient detection of changes". */
import { apiErrorFromStatus, badRequestError } from "#api/api-error.ts";
import { isJsonObject, type JsonObject } from "#base/json.ts";

export interface WireEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: JsonObject;
}

const TYPES: readonly unknown[] = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"];

/** Throws ApiError for an ERROR event, and for a line that is none. */
export async function* readWatchLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly WireEvent[]> {
  const pending: Buffer[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(10) + 1;
    if (end === 0) {
      pending.push(chunk);
      continue;
    }
    const whole = Buffer.concat([...pending, chunk.subarray(0, end)]).toString("utf8");
    pending.length = 0;
    if (end < chunk.length) pending.push(chunk.subarray(end));
    yield whole.split("\n").flatMap((line) => (line.trim() === "" ? [] : [parseEvent(line)]));
  }
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
