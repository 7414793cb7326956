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

/** Of all encoders together: more than comes in a few turns of the event loop, but not at any size. */
const KEPT_EVENTS = 1024;
const KEPT_BYTES = 4 * 1024 * 1024;

/** Encoders by format. They live as long as their kind. */
export function createEventEncoders(now: () => Date): (format: EventFormat) => EventEncoder {
  const byKind = new WeakMap<Kind, Map<string, EventEncoder>>();
  const keeper = createKeeper();
  return (format) => {
    const encoders = byKind.get(format.kind) ?? new Map<string, EventEncoder>();
    byKind.set(format.kind, encoders);
    const { representation, includeObject, withColumns } = format;
    const key = JSON.stringify([representation, representation.type === "table" && [includeObject, withColumns]]);
    const encoder = encoders.get(key) ?? createEventEncoder(format, now, keeper);
    encoders.set(key, encoder);
    return encoder;
  };
}

interface Kept {
  readonly object: object;
  readonly type: WatchEvent["type"];
  readonly bytes: Buffer;
  /** Where it is kept. */
  readonly by: Map<object, Kept>;
}

/** Keeps the newest events of all encoders. */
interface Keeper {
  add(kept: Kept): void;
}

function createKeeper(): Keeper {
  /** In the order in which they came. */
  const all = new Set<Kept>();
  let bytes = 0;
  const forget = (kept: Kept): void => {
    all.delete(kept);
    kept.by.delete(kept.object);
    bytes -= kept.bytes.length;
  };
  return {
    add(kept) {
      const before = kept.by.get(kept.object);
      if (before !== undefined) forget(before);
      kept.by.set(kept.object, kept);
      all.add(kept);
      bytes += kept.bytes.length;
      // The newest stays, however large: it has most of its watchers still before it.
      for (const oldest of all) {
        if (oldest === kept || (all.size <= KEPT_EVENTS && bytes <= KEPT_BYTES)) break;
        forget(oldest);
      }
    },
  };
}

function createEventEncoder(format: EventFormat, now: () => Date, keeper: Keeper): EventEncoder {
  const by = new Map<object, Kept>();
  return {
    encode({ type, object }) {
      const known = by.get(object);
      if (known?.type === type) return known.bytes;
      const bytes = bytesOf(lineText(type, eventObjectText({ type, object }, format, now)));
      // Bookmarks are made for one watcher.
      if (type !== "BOOKMARK") keeper.add({ object, type, bytes, by });
      return bytes;
    },
  };
}

/** In memory of its own: a part of Node's pool would keep the rest of the pool as well. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
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
