/**
 * What `kubectl get` prints: a Table with the kind's columns, cells already formatted.
 * Source: Kubernetes API reference, meta.k8s.io/v1 Table; documentation, "Receiving resources as Tables".
 */
import { badRequestError } from "#api/api-error.ts";
import { nameColumn } from "#api/columns.ts";
import type { Column, Kind, KubeObject } from "#api/kind.ts";
import { metadataText, objectText } from "./object-text.ts";

/** How much of each object goes along with its row. */
export type IncludeObject = "None" | "Metadata" | "Object";

const INCLUDES = ["None", "Metadata", "Object"] as const;

export interface TableOptions {
  readonly version: "v1" | "v1beta1";
  readonly includeObject: IncludeObject;
  /** In a watch only the first event needs the columns. */
  readonly withColumns: boolean;
  readonly now: Date;
}

export function parseIncludeObject(text: string | null): IncludeObject {
  if (text === null || text === "") return "Metadata";
  const value = INCLUDES.find((candidate) => candidate === text);
  if (value === undefined) throw badRequestError(`unrecognized includeObject value: ${JSON.stringify(text)}`);
  return value;
}

/** `metadata` is the list's, as JSON text. */
export function tableText(kind: Kind, objects: readonly KubeObject[], metadata: string, options: TableOptions): string {
  return `${tableHead(kind, metadata, options)}${objects.map(tableRow(kind, options)).join(",")}]}`;
}

/** Up to the rows, which follow with commas between them, and then `]}`. */
export function tableHead(kind: Kind, metadata: string, { version, withColumns }: TableOptions): string {
  const definitions = withColumns ? definitionsText(kind) : "null";
  return `{"kind":"Table","apiVersion":"meta.k8s.io/${version}","metadata":${metadata},"columnDefinitions":${definitions},"rows":[`;
}

export function tableRow(kind: Kind, options: TableOptions): (object: KubeObject) => string {
  const columns = columnsOf(kind);
  return (object) => rowText(columns, object, options);
}

function rowText(columns: readonly Column<KubeObject>[], object: KubeObject, options: TableOptions): string {
  const cells = JSON.stringify(columns.map((column) => column.cell(object, options.now)));
  switch (options.includeObject) {
    case "None":
      return `{"cells":${cells},"object":null}`;
    case "Metadata":
      return `{"cells":${cells},"object":${metadataText(object, options.version)}}`;
    case "Object":
      return `{"cells":${cells},"object":${objectText(object)}}`;
    default:
      return options.includeObject satisfies never;
  }
}

/** For kinds that declare none. */
const DEFAULT_COLUMNS: readonly Column<KubeObject>[] = [
  nameColumn,
  {
    name: "Created At",
    type: "date",
    doc: "When the object was created.",
    priority: 0,
    cell: ({ metadata }) => metadata.creationTimestamp ?? "<unknown>",
  },
];

function columnsOf(kind: Kind): readonly Column<KubeObject>[] {
  return kind.columns.length === 0 ? DEFAULT_COLUMNS : kind.columns;
}

const definitions = new WeakMap<Kind, string>();

function definitionsText(kind: Kind): string {
  const known = definitions.get(kind);
  if (known !== undefined) return known;
  const text = JSON.stringify(
    columnsOf(kind).map(({ name, type, format = "", doc, priority }) => ({
      name,
      type,
      format,
      description: doc,
      priority,
    })),
  );
  definitions.set(kind, text);
  return text;
}
