/** Objects and lists in the representation that the client has chosen, as JSON text. */
import { apiVersionOf, type Kind, type KubeObject } from "#api/kind.ts";
import type { ObjectList } from "../resources/resource-api.ts";
import type { Representation } from "./accept.ts";
import { itemText, metadataText, objectText } from "./object-text.ts";
import { type IncludeObject, tableHead, tableRow, tableText } from "./table-text.ts";

export interface RepresentOptions {
  readonly representation: Representation;
  readonly includeObject: IncludeObject;
  readonly now: Date;
}

export function representObject(kind: Kind, object: KubeObject, options: RepresentOptions): string {
  const { representation, includeObject, now } = options;
  switch (representation.type) {
    case "object":
      return objectText(object);
    case "metadata":
      return metadataText(object, representation.version);
    case "table": {
      const { resourceVersion = "" } = object.metadata;
      const metadata = JSON.stringify({ resourceVersion });
      return tableText(kind, [object], metadata, { ...representation, includeObject, now, withColumns: true });
    }
    default:
      return representation satisfies never;
  }
}

/** The list's text in pieces, made as they are taken: of a long list only a part is in memory as text. */
export function* representList(kind: Kind, list: ObjectList, options: RepresentOptions): Generator<string> {
  const { representation, includeObject, now } = options;
  const { listKind = `${kind.kind}List` } = kind;
  const metadata = JSON.stringify(list.metadata);
  switch (representation.type) {
    case "object":
      yield `{"kind":"${listKind}","apiVersion":"${apiVersionOf(kind)}","metadata":${metadata},"items":[`;
      yield* pieces(list.items, itemTextOf(list.items.length));
      break;
    case "metadata": {
      const { version } = representation;
      yield `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/${version}","metadata":${metadata},"items":[`;
      yield* pieces(list.items, (object) => metadataText(object, version));
      break;
    }
    case "table": {
      const table = { ...representation, includeObject, now, withColumns: true };
      yield tableHead(kind, metadata, table);
      yield* pieces(list.items, tableRow(kind, table));
      break;
    }
    default:
      return representation satisfies never;
  }
  yield "]}";
}

/** A list of more is made anew for each reader: it would drive everything else out of what is kept. */
const KEPT_ITEMS = 100;

function itemTextOf(items: number): (object: KubeObject) => string {
  const keeps = items <= KEPT_ITEMS;
  return (object) => itemText(object, keeps);
}

/** Characters of text that are made at once, and the rest of the object that passes them. */
const PIECE = 32 * 1024;

function* pieces(objects: readonly KubeObject[], text: (object: KubeObject) => string): Generator<string> {
  let piece = "";
  let separator = "";
  for (const object of objects) {
    piece += separator + text(object);
    separator = ",";
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}
