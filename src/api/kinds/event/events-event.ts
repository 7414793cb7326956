/**
 * Events as newer clients write them: the same stored objects as core events, with other names for some fields.
 * Source: Kubernetes API reference, events.k8s.io/v1 Event.
 */
import { type Column, defineKind } from "../../kind.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { objectReference } from "../../meta/object-reference.ts";
import { field, int32, microTime, type ObjectValue, object, string, time } from "../../schema/schema.ts";
import { type Event, eventSource } from "../event.ts";
import { eventColumns } from "./event-columns.ts";
import { validateEvent, validateStrictEvent } from "./validate-event.ts";

const eventSeries = object("io.k8s.api.events.v1.EventSeries", "How often it has happened, as far as that is known.", {
  count: field(1, int32, "How often, up to lastObservedTime.", { required: true }),
  lastObservedTime: field(2, microTime, "When it last happened.", { required: true }),
});

const fields = {
  eventTime: field(2, microTime, "When it first happened.", { immutable: true }),
  series: field(3, eventSeries, "How often it has happened, when it goes on."),
  reportingController: field(4, string, "Name of the controller that saw it.", { immutable: true }),
  reportingInstance: field(5, string, "Id of the instance of that controller.", { immutable: true }),
  action: field(6, string, "What was done, or failed.", { immutable: true }),
  reason: field(7, string, "One word for why.", { immutable: true }),
  regarding: field(8, objectReference, "The object that it happened to.", { immutable: true, default: {} }),
  related: field(9, objectReference, "A second object that has to do with it.", { immutable: true }),
  note: field(10, string, "A sentence for people.", { immutable: true }),
  type: field(11, string, "Normal or Warning.", { immutable: true }),
  deprecatedSource: field(12, eventSource, "Only in events of older clients.", { immutable: true, default: {} }),
  deprecatedFirstTimestamp: field(13, time, "Only in events of older clients.", { immutable: true }),
  deprecatedLastTimestamp: field(14, time, "Only in events of older clients.", { immutable: true }),
  deprecatedCount: field(15, int32, "Only in events of older clients.", { immutable: true }),
};

export type EventsEvent = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
} & ObjectValue<typeof fields>;

export const eventsEvent = defineKind({
  group: "events.k8s.io",
  version: "v1",
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  doc: "Something that happened to an object; kept for a limited time.",
  fields,
  columns: eventColumns.map(
    (column): Column<EventsEvent> => ({ ...column, cell: (event, now) => column.cell(toCoreEvent(event), now) }),
  ),
  fieldSelectors: {
    "regarding.kind": ({ regarding }) => regarding?.kind ?? "",
    "regarding.namespace": ({ regarding }) => regarding?.namespace ?? "",
    "regarding.name": ({ regarding }) => regarding?.name ?? "",
    "regarding.uid": ({ regarding }) => regarding?.uid ?? "",
    "regarding.apiVersion": ({ regarding }) => regarding?.apiVersion ?? "",
    "regarding.resourceVersion": ({ regarding }) => regarding?.resourceVersion ?? "",
    "regarding.fieldPath": ({ regarding }) => regarding?.fieldPath ?? "",
    reason: ({ reason }) => reason ?? "",
    reportingController: ({ reportingController }) => reportingController ?? "",
    type: ({ type }) => type ?? "",
  },
  validate(event) {
    const core = toCoreEvent(event);
    return [...validateEvent(core, "reportingController"), ...validateStrictEvent(core)];
  },
});

/** The stored form. */
export function toCoreEvent(event: EventsEvent): Event {
  const { regarding, note, reportingController, deprecatedSource, ...rest } = event;
  const { deprecatedFirstTimestamp, deprecatedLastTimestamp, deprecatedCount, ...same } = rest;
  return {
    ...same,
    apiVersion: "v1",
    involvedObject: regarding ?? {},
    source: deprecatedSource ?? {},
    reportingComponent: reportingController ?? "",
    reportingInstance: same.reportingInstance ?? "",
    ...(note !== undefined && { message: note }),
    ...(deprecatedFirstTimestamp !== undefined && { firstTimestamp: deprecatedFirstTimestamp }),
    ...(deprecatedLastTimestamp !== undefined && { lastTimestamp: deprecatedLastTimestamp }),
    ...(deprecatedCount !== undefined && { count: deprecatedCount }),
  };
}

/** The form that events.k8s.io serves. */
export function fromCoreEvent(event: Event): EventsEvent {
  const { involvedObject, message, reportingComponent, source, firstTimestamp, lastTimestamp, ...rest } = event;
  const { count, series, reportingInstance, ...same } = rest;
  const { count: times = 0, lastObservedTime } = series ?? {};
  return {
    ...same,
    apiVersion: "events.k8s.io/v1",
    regarding: involvedObject,
    deprecatedSource: source ?? {},
    ...(message !== undefined && { note: message }),
    ...(reportingComponent !== undefined && reportingComponent !== "" && { reportingController: reportingComponent }),
    ...(reportingInstance !== undefined && reportingInstance !== "" && { reportingInstance }),
    ...(lastObservedTime !== undefined && { series: { count: times, lastObservedTime } }),
    ...(firstTimestamp !== undefined && { deprecatedFirstTimestamp: firstTimestamp }),
    ...(lastTimestamp !== undefined && { deprecatedLastTimestamp: lastTimestamp }),
    ...(count !== undefined && { deprecatedCount: count }),
  };
}
