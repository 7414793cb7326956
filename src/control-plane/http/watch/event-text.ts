/**
 * Watch events as the bytes of one line. All watchers with the same representation share one encoder, which keeps the
 * bytes of the newest events: an event is encoded once however many watchers it has.
 * Source: Kubernetes API reference, meta/v1 WatchEvent.
 */
import { type ApiError, statusOf } from "#api/api-error.ts";
import type { Kind } from "#api/kind.ts";
import type { WatchEvent } from "../../resources/resource-api.ts";
import type { Representation } from "../accept.ts";
import { metadataText, objectText } from "../object-text.ts";
import { type IncludeObject, tableText } from "../table-text.ts";

export interface EventFormat {
  readonly kind: Kind;
  readonly representation: Representation;
  readonly includeObject: IncludeObject;
  /** Only a Table's first event carries the columns. */
  readonly withColumns: boolean;
}

export interface EventEncoder {
  /** The same Buffer for the same event: nobody may change it. */
  encode(event: WatchEvent): Buffer;
}

/** Events whose bytes are kept, by encoder: more than come in a few turns of the event loop, but not at any size. */
const KEPT_EVENTS = 256;
const KEPT_BYTES = 1024 * 1024;

/** Encoders by format. They live as long as their kind. */
export function createEventEncoders(now: () => Date): (format: EventFormat) => EventEncoder {
  const byKind = new WeakMap<Kind, Map<string, EventEncoder>>();
  return (format) => {
    const encoders = byKind.get(format.kind) ?? new Map<string, EventEncoder>();
    byKind.set(format.kind, encoders);
    const { representation, includeObject, withColumns } = format;
    const key = JSON.stringify([representation, representation.type === "table" && [includeObject, withColumns]]);
    const encoder = encoders.get(key) ?? createEventEncoder(format, now);
    encoders.set(key, encoder);
    return encoder;
  };
}

function createEventEncoder(format: EventFormat, now: () => Date): EventEncoder {
  const kept = new Map<object, { readonly type: WatchEvent["type"]; readonly bytes: Buffer }>();
  let keptBytes = 0;
  const forget = (object: object): void => {
    keptBytes -= kept.get(object)?.bytes.length ?? 0;
    kept.delete(object);
  };
  return {
    encode(event) {
      const known = kept.get(event.object);
      if (known?.type === event.type) return known.bytes;
      const bytes = Buffer.from(lineText(event.type, eventObjectText(event, format, now)));
      // Bookmarks are made for one watcher.
      if (event.type === "BOOKMARK") return bytes;
      forget(event.object);
      kept.set(event.object, { type: event.type, bytes });
      keptBytes += bytes.length;
      // The newest stays, however large: it has most of its watchers still before it.
      for (const oldest of kept.keys()) {
        if (oldest === event.object || (kept.size <= KEPT_EVENTS && keptBytes <= KEPT_BYTES)) break;
        forget(oldest);
      }
      return bytes;
    },
  };
}

function eventObjectText({ type, object }: WatchEvent, format: EventFormat, now: () => Date): string {
  const { kind, representation, includeObject, withColumns } = format;
  switch (representation.type) {
    case "object":
      return objectText(object);
    case "metadata":
      return metadataText(object, representation.version);
    case "table": {
      const metadata = JSON.stringify(
        type === "BOOKMARK" ? object.metadata : { resourceVersion: object.metadata.resourceVersion ?? "" },
      );
      const options = { version: representation.version, includeObject, withColumns, now: now() };
      return tableText(kind, type === "BOOKMARK" ? [] : [object], metadata, options);
    }
    default:
      return representation satisfies never;
  }
}

/** The last event of a watch that cannot go on. */
export function errorLine(error: ApiError): Buffer {
  return Buffer.from(lineText("ERROR", JSON.stringify(statusOf(error))));
}

function lineText(type: string, object: string): string {
  return `{"type":"${type}","object":${object}}\n`;
}
