/**
 * What happened to an object, for people. Core events are the stored form; `eventsEvent` is the same objects with
 * other names for their fields. Source: Kubernetes API reference, core/v1 Event.
 */
import { defineKind, type ObjectOf } from "../kind.ts";
import { objectReference } from "../meta/object-reference.ts";
import { field, int32, microTime, object, string, time } from "../schema/schema.ts";
import { eventColumns } from "./event/event-columns.ts";
import { validateEvent } from "./event/validate-event.ts";

export type Event = ObjectOf<typeof event>;

export const eventSource = object("io.k8s.api.core.v1.EventSource", "Who saw it.", {
  component: field(1, string, "Name of the component."),
  host: field(2, string, "Node of the component."),
});

const eventSeries = object("io.k8s.api.core.v1.EventSeries", "How often it has happened, as far as that is known.", {
  count: field(1, int32, "How often, up to lastObservedTime."),
  lastObservedTime: field(2, microTime, "When it last happened."),
});

export const event = defineKind({
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  doc: "Something that happened to an object; kept for a limited time.",
  fields: {
    involvedObject: field(2, objectReference, "The object that it happened to.", { required: true, default: {} }),
    reason: field(3, string, "One word for why, such as FailedScheduling."),
    message: field(4, string, "A sentence for people."),
    source: field(5, eventSource, "Who saw it.", { default: {} }),
    firstTimestamp: field(6, time, "When it first happened."),
    lastTimestamp: field(7, time, "When it last happened."),
    count: field(8, int32, "How often it happened."),
    type: field(9, string, "Normal or Warning."),
    eventTime: field(10, microTime, "When it first happened, to the microsecond."),
    series: field(11, eventSeries, "How often it has happened, when it goes on."),
    action: field(12, string, "What was done, or failed."),
    related: field(13, objectReference, "A second object that has to do with it."),
    reportingComponent: field(14, string, "Name of the controller that saw it.", { default: "" }),
    reportingInstance: field(15, string, "Id of the instance of that controller.", { default: "" }),
  },
  columns: eventColumns,
  fieldSelectors: {
    "involvedObject.kind": ({ involvedObject }) => involvedObject.kind ?? "",
    "involvedObject.namespace": ({ involvedObject }) => involvedObject.namespace ?? "",
    "involvedObject.name": ({ involvedObject }) => involvedObject.name ?? "",
    "involvedObject.uid": ({ involvedObject }) => involvedObject.uid ?? "",
    "involvedObject.apiVersion": ({ involvedObject }) => involvedObject.apiVersion ?? "",
    "involvedObject.resourceVersion": ({ involvedObject }) => involvedObject.resourceVersion ?? "",
    "involvedObject.fieldPath": ({ involvedObject }) => involvedObject.fieldPath ?? "",
    reason: ({ reason }) => reason ?? "",
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? "",
    source: ({ source, reportingComponent }) => source?.component || (reportingComponent ?? ""),
    type: ({ type }) => type ?? "",
  },
  validate: validateEvent,
});
