/** What `kubectl get events` prints. Source: the output of kubectl 1.32. */
import { age } from "../../columns.ts";
import type { Column } from "../../kind.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import type { ObjectReference } from "../../meta/object-reference.ts";

/** What the columns need of a core event; the declaration of the kind needs the columns in turn. */
export type PrintedEvent = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly involvedObject: ObjectReference;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly source?: { readonly component?: string | undefined; readonly host?: string | undefined } | undefined;
  readonly firstTimestamp?: string | undefined;
  readonly lastTimestamp?: string | undefined;
  readonly count?: number | undefined;
  readonly type?: string | undefined;
  readonly eventTime?: string | undefined;
  readonly series?: { readonly count?: number | undefined; readonly lastObservedTime?: string | undefined } | undefined;
  readonly reportingComponent?: string | undefined;
  readonly reportingInstance?: string | undefined;
};

export const eventColumns: readonly Column<PrintedEvent>[] = [
  column("Last Seen", "Time since it last happened.", 0, (event, now) => age(lastSeen(event), now)),
  column("Type", "Normal or Warning.", 0, ({ type }) => type ?? ""),
  column("Reason", "One word for why.", 0, ({ reason }) => reason ?? ""),
  column("Object", "What it happened to.", 0, ({ involvedObject: { kind = "", name = "" } }) =>
    name === "" ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`,
  ),
  column(
    "Subobject",
    "Part of the object that it happened to.",
    1,
    ({ involvedObject }) => involvedObject.fieldPath ?? "",
  ),
  column("Source", "Who saw it.", 1, sourceText),
  column("Message", "A sentence for people.", 0, ({ message }) => (message ?? "").trim()),
  column("First Seen", "Time since it first happened.", 1, (event, now) => age(firstSeen(event), now)),
  {
    name: "Count",
    type: "integer",
    doc: "How often it happened.",
    priority: 1,
    cell: ({ series, count = 0 }) => (series === undefined ? count || 1 : (series.count ?? 0)),
  },
  column("Name", "Name of the event.", 1, ({ metadata }) => metadata.name ?? ""),
];

function firstSeen({ firstTimestamp, eventTime }: PrintedEvent): string | undefined {
  return firstTimestamp ?? eventTime;
}

function lastSeen(event: PrintedEvent): string | undefined {
  return event.series === undefined ? (event.lastTimestamp ?? firstSeen(event)) : event.series.lastObservedTime;
}

function sourceText({ source, reportingComponent = "", reportingInstance = "" }: PrintedEvent): string {
  const component = source?.component || reportingComponent;
  const instance = source?.host || reportingInstance;
  return instance === "" ? component : `${component}, ${instance}`;
}

function column(
  name: string,
  doc: string,
  priority: 0 | 1,
  cell: (event: PrintedEvent, now: Date) => string,
): Column<PrintedEvent> {
  return { name, type: "string", doc, priority, cell };
}
