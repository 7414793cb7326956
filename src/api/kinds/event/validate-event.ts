/**
 * What holds for events, under either name of their fields. Source: the API server's validation of core/v1 and
 * events.k8s.io/v1: events with an eventTime come from newer clients, which have to say more.
 */
import { type FieldError, invalid, required } from "../../field-error.ts";
import { checkQualifiedName } from "../../names.ts";
import type { PrintedEvent } from "./event-columns.ts";

const MAX_TEXT = 128;
const MAX_MESSAGE = 1024;
const CLUSTER_EVENTS = new Set(["default", "kube-system"]);

type ValidatedEvent = PrintedEvent & { readonly action?: string | undefined };

/** Of a core event; `controllerField` is how errors name reportingComponent. */
export function validateEvent(event: ValidatedEvent, controllerField = "reportingComponent"): readonly FieldError[] {
  return [...validateNamespace(event), ...(event.eventTime === undefined ? [] : validateNewer(event, controllerField))];
}

/** What events.k8s.io asks for in addition, of the core form of the event. */
export function validateStrictEvent(event: ValidatedEvent): readonly FieldError[] {
  const { eventTime, type = "", firstTimestamp, lastTimestamp, count = 0, source = {} } = event;
  const unset = [
    ["firstTimestamp", firstTimestamp],
    ["lastTimestamp", lastTimestamp],
    ["count", count === 0 ? undefined : count],
    ["source", source.component || source.host || undefined],
  ] as const;
  return [
    ...(eventTime === undefined ? [required("eventTime")] : []),
    ...(type === "Normal" || type === "Warning" ? [] : [invalid("type", "", `has invalid value: ${type}`)]),
    ...unset.flatMap(([name, value]) => (value === undefined ? [] : [invalid(name, "", "needs to be unset")])),
  ];
}

function validateNamespace({ metadata, involvedObject, eventTime }: ValidatedEvent): readonly FieldError[] {
  const { namespace = "" } = involvedObject;
  const own = metadata.namespace ?? "";
  const matches = namespace === "" ? CLUSTER_EVENTS.has(own) : eventTime !== undefined || own === namespace;
  return matches ? [] : [invalid("involvedObject.namespace", namespace, "does not match event.namespace")];
}

function validateNewer(event: ValidatedEvent, controllerField: string): readonly FieldError[] {
  const { reportingComponent = "", reportingInstance = "", action = "", reason = "", message = "" } = event;
  return [
    ...(reportingComponent === "" ? [required(controllerField)] : []),
    ...(reportingComponent === "" ? [] : checkQualifiedName(reportingComponent)).map((problem) =>
      invalid(controllerField, reportingComponent, problem),
    ),
    ...validateText("reportingInstance", reportingInstance),
    ...validateText("action", action),
    ...validateText("reason", reason),
    ...(message.length > MAX_MESSAGE ? [invalid("message", "", `can have at most ${MAX_MESSAGE} characters`)] : []),
  ];
}

function validateText(name: string, text: string): readonly FieldError[] {
  if (text === "") return [required(name)];
  return text.length > MAX_TEXT ? [invalid(name, "", `can have at most ${MAX_TEXT} characters`)] : [];
}
