import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { describeFieldError } from "../field-error.ts";
import { decodeObject } from "../schema/decode.ts";
import { applyDefaults } from "../schema/defaults.ts";
import { validateObject } from "../schema/validate.ts";
import { eventsEvent, fromCoreEvent, toCoreEvent } from "./event/events-event.ts";
import { type Event, event } from "./event.ts";

const NOW = new Date("2026-01-01T01:00:00Z");

function made(members: JsonObject, namespace = "default"): Event {
  const json = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "web.1", namespace, creationTimestamp: "2026-01-01T00:00:00Z" },
    involvedObject: { kind: "Pod", namespace: "default", name: "web" },
    ...members,
  };
  return applyDefaults(event, decodeObject(event, json).object);
}

const older = {
  type: "Warning",
  reason: "FailedScheduling",
  message: "0/3 nodes are available\n",
  source: { component: "default-scheduler" },
  firstTimestamp: "2026-01-01T00:30:00Z",
  lastTimestamp: "2026-01-01T00:59:30Z",
  count: 7,
};
const newer = {
  type: "Normal",
  reason: "Scheduled",
  action: "Binding",
  message: "Successfully assigned",
  eventTime: "2026-01-01T00:58:00.000001Z",
  reportingComponent: "default-scheduler",
  reportingInstance: "default-scheduler-a",
};

function cells(object: Event): Readonly<Record<string, unknown>> {
  return Object.fromEntries(event.columns.map((column) => [column.name, column.cell(object, NOW)]));
}

test("event columns show events of older clients", () => {
  assert.deepEqual(cells(made(older)), {
    "Last Seen": "30s",
    Type: "Warning",
    Reason: "FailedScheduling",
    Object: "pod/web",
    Subobject: "",
    Source: "default-scheduler",
    Message: "0/3 nodes are available",
    "First Seen": "30m",
    Count: 7,
    Name: "web.1",
  });
});

test("event columns show events of newer clients, single and in series", () => {
  const single = cells(made(newer));
  assert.equal(single["Last Seen"], "2m");
  assert.equal(single["Count"], 1);
  assert.equal(single["Source"], "default-scheduler, default-scheduler-a");
  const series = cells(made({ ...newer, series: { count: 4, lastObservedTime: "2026-01-01T00:59:50.000000Z" } }));
  assert.equal(series["Last Seen"], "10s");
  assert.equal(series["First Seen"], "2m");
  assert.equal(series["Count"], 4);
});

for (const [title, members] of [
  ["older", older],
  ["newer", newer],
  ["series", { ...newer, series: { count: 4, lastObservedTime: "2026-01-01T00:59:50.000000Z" } }],
] as const) {
  test(`toCoreEvent undoes fromCoreEvent for ${title} events`, () => {
    const core = made(members);
    const other = fromCoreEvent(core);
    assert.deepEqual(toCoreEvent(other), core);
    assert.equal(other.apiVersion, "events.k8s.io/v1");
    assert.equal(other.note, core.message);
    assert.equal(other.regarding?.name, "web");
    for (const [index, column] of eventsEvent.columns.entries()) {
      assert.equal(column.cell(other, NOW), event.columns[index]?.cell(core, NOW));
    }
  });
}

test("both kinds of events select by the same values", () => {
  const core = made({ ...older, involvedObject: { ...made({}).involvedObject, uid: "u1", fieldPath: "spec.x" } });
  const other = fromCoreEvent(core);
  for (const [label, read] of Object.entries(eventsEvent.fieldSelectors)) {
    const coreLabel = label.replace("regarding", "involvedObject").replace("reportingController", "reportingComponent");
    assert.equal(read(other), event.fieldSelectors[coreLabel]?.(core), label);
  }
  assert.equal(event.fieldSelectors["source"]?.(core), "default-scheduler");
  assert.equal(event.fieldSelectors["source"]?.(made(newer)), "default-scheduler");
});

const INVALID: readonly (readonly [error: string, object: Event])[] = [
  ['involvedObject.namespace: Invalid value: "default": does not match event.namespace', made(older, "other")],
  [
    'involvedObject.namespace: Invalid value: "": does not match event.namespace',
    made({ involvedObject: { kind: "Node" } }, "other"),
  ],
  ["reportingComponent: Required value", made({ ...newer, reportingComponent: "" })],
  ["action: Required value", made({ ...newer, action: "" })],
  ['reason: Invalid value: "": can have at most 128 characters', made({ ...newer, reason: "x".repeat(129) })],
];

for (const [error, object] of INVALID) {
  test(`event validation says ${error}`, () => {
    assert.ok(validateObject(event, object).map(describeFieldError).includes(error));
  });
}

test("event validation accepts events of nodes in the default namespace", () => {
  assert.deepEqual(validateObject(event, made({ ...older, involvedObject: { kind: "Node", name: "n1" } })), []);
  assert.deepEqual(validateObject(event, made(newer)), []);
});

test("events.k8s.io asks for more than core events do", () => {
  assert.deepEqual(validateObject(eventsEvent, fromCoreEvent(made(newer))), []);
  assert.deepEqual(validateObject(eventsEvent, fromCoreEvent(made(older))).map(describeFieldError), [
    "eventTime: Required value",
    'firstTimestamp: Invalid value: "": needs to be unset',
    'lastTimestamp: Invalid value: "": needs to be unset',
    'count: Invalid value: "": needs to be unset',
    'source: Invalid value: "": needs to be unset',
  ]);
});
