/**
 * What recording an event writes: a new object, or a larger count on the one that is there already. Many different
 * messages about one thing are put together, as client-go's event correlator does it.
 * Source: Kubernetes API reference, core/v1 Event.
 */
import type { KubeObject } from "#api/kind.ts";
import type { Event } from "#api/kinds/event.ts";
import { checkDnsSubdomain } from "#api/names.ts";
import type { Draft } from "./api-client.ts";
import type { RecordedEvent } from "./event-recorder.ts";

export interface EventSource {
  /** "deployment-controller" */
  readonly component: string;
  /** The node it runs on, where that says something. */
  readonly host?: string;
}

/** So many different messages about the same are told one by one; from then on all others are one event. */
const MAX_MESSAGES = 10;
const COMBINED = "(combined from similar events): ";
/** Kubernetes takes no more for some clients' events. */
const MAX_MESSAGE_LENGTH = 1024;

/** Events with the same key are the same event again. */
export function eventKey(about: KubeObject, { type, reason, message }: RecordedEvent): string {
  return JSON.stringify([...similarity(about, { type, reason }), message]);
}

/** Events with the same key are about the same, with other words. */
export function similarityKey(about: KubeObject, event: Pick<RecordedEvent, "type" | "reason">): string {
  return JSON.stringify(similarity(about, event));
}

function similarity({ kind, metadata }: KubeObject, { type, reason }: Pick<RecordedEvent, "type" | "reason">) {
  return [kind, metadata.namespace ?? "", metadata.name ?? "", metadata.uid ?? "", type, reason];
}

/** Adds the message to those that were told; gives what is to be recorded: the event, or the one for all the others. */
export function combineSimilar(
  told: Set<string>,
  event: RecordedEvent,
): { readonly event: RecordedEvent; readonly isCombined: boolean } {
  const message = event.message.slice(0, MAX_MESSAGE_LENGTH);
  if (told.has(message) || told.size < MAX_MESSAGES) {
    told.add(message);
    return { event: { ...event, message }, isCombined: false };
  }
  return { event: { ...event, message: (COMBINED + message).slice(0, MAX_MESSAGE_LENGTH) }, isCombined: true };
}

export interface EventPlan {
  readonly about: KubeObject;
  readonly event: RecordedEvent;
  readonly count: number;
  readonly first: Date;
  readonly last: Date;
  /** Tells apart events about one object; grows. */
  readonly serial: bigint;
}

export function planEvent({ about, event, count, first, last, serial }: EventPlan, source: EventSource): Draft<Event> {
  const { apiVersion, kind, metadata } = about;
  const { name = "", namespace, uid, resourceVersion } = metadata;
  const { component, host } = source;
  return {
    metadata: { name: eventName(name, uid, serial), namespace: namespace || "default" },
    involvedObject: {
      apiVersion,
      kind,
      name,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
    },
    type: event.type,
    reason: event.reason,
    message: event.message,
    source: { component, ...(host !== undefined && { host }) },
    reportingComponent: component,
    reportingInstance: host ?? "",
    count,
    firstTimestamp: timeText(first),
    lastTimestamp: timeText(last),
  };
}

/** Merge patch for an event that has happened again. */
export function planRepetition({ event, count, last }: Pick<EventPlan, "event" | "count" | "last">) {
  return { count, lastTimestamp: timeText(last), message: event.message };
}

/** "web-0.17f3c1"; names of some kinds (system:node) are no names of events. */
function eventName(name: string, uid: string | undefined, serial: bigint): string {
  const wanted = `${name}.${serial.toString(16)}`;
  return checkDnsSubdomain(wanted).length === 0 ? wanted : `${uid || "event"}.${serial.toString(16)}`;
}

function timeText(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
