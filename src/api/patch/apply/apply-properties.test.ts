import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { defineKind, type KubeObject } from "../../kind.ts";
import { deepFreeze } from "../../schema/freeze.ts";
import { field, int32, list, listBy, mapOf, object, setOf, string } from "../../schema/schema.ts";
import { compareFields } from "./compare-fields.ts";
import { difference, type FieldSet, intersection, parseFieldSet, union } from "./field-set.ts";
import { fieldsOf } from "./fields-of.ts";
import { serverSideApply } from "./server-side-apply.ts";
import { trackUpdate } from "./track-update.ts";

const part = object("test.Part", "A part.", {
  name: field(1, string, "Name.", { required: true }),
  port: field(2, int32, "Port.", { required: true, default: 80 }),
  text: field(3, string, "Text."),
  labels: field(4, mapOf(string), "Labels."),
});
const thing = defineKind({
  group: "test",
  version: "v1",
  kind: "Thing",
  plural: "things",
  doc: "A thing.",
  fields: {
    spec: field(
      2,
      object("test.Spec", "Spec.", {
        parts: field(1, listBy(part, ["name", "port"]), "Parts."),
        set: field(2, setOf(string, { patchMerge: false }), "A set."),
        atomic: field(3, list(string), "A list."),
        number: field(4, int32, "A number."),
        labels: field(5, mapOf(string), "Labels."),
        whole: field(6, mapOf(string, { isAtomic: true }), "A map as a whole."),
      }),
      "Spec.",
    ),
  },
});

const text = fc.constantFrom("a", "b", "c");
const labels = fc.dictionary(text, text, { maxKeys: 2 });
const parts = fc.uniqueArray(
  fc.record({ name: text, port: fc.constantFrom(80, 81), text, labels }, { requiredKeys: ["name"] }),
  { maxLength: 3, selector: ({ name, port = 80 }) => `${name}${port}` },
);
const spec = fc.record(
  {
    parts,
    set: fc.uniqueArray(text, { maxLength: 3 }),
    atomic: fc.array(text, { maxLength: 2 }),
    number: fc.integer({ min: 0, max: 3 }),
    labels,
    whole: labels,
  },
  { requiredKeys: [] },
);

function configuration(desired: object): JsonObject {
  const json: JsonValue = JSON.parse(JSON.stringify(desired));
  return { apiVersion: "test/v1", kind: "Thing", metadata: { name: "x" }, spec: json };
}

function apply(current: KubeObject | undefined, desired: object, fieldManager: string): KubeObject {
  const options = { fieldManager, force: true, now: new Date(0), subresource: "" };
  return deepFreeze(serverSideApply(thing, current, configuration(desired), options));
}

function specFields(desired: JsonValue | undefined): FieldSet {
  return fieldsOf(thing.schema, { spec: desired ?? {} }, "all", false);
}

/** The members of `inner` are in `outer`, with the same values. */
function isPart(outer: JsonObject, inner: JsonObject): boolean {
  const changes = compareFields(thing.schema, inner, outer);
  const changed = intersection(changes?.changed, fieldsOf(thing.schema, inner, "applied", false));
  return changed === undefined && changes?.removed === undefined;
}

test("applying twice is the same as applying once", () => {
  fc.assert(
    fc.property(spec, spec, (first, second) => {
      const live = apply(apply(undefined, first, "a"), second, "b");
      const again = apply(live, second, "b");
      assert.equal(again, live);
    }),
    { numRuns: 500 },
  );
});

test("the object says what was applied, whatever was there", () => {
  fc.assert(
    fc.property(spec, spec, (first, second) => {
      const live = apply(apply(undefined, first, "a"), second, "b");
      const said = { spec: configuration(second)["spec"] ?? {} };
      assert.ok(isPart({ spec: JSON.parse(JSON.stringify(live["spec"] ?? {})) }, said));
    }),
    { numRuns: 500 },
  );
});

test("what a applied goes with a, and all that b applied stays", () => {
  fc.assert(
    fc.property(spec, spec, (first, second) => {
      const both = apply(apply(undefined, first, "a"), second, "b");
      const left = apply(both, {}, "a");
      assert.deepEqual(sorted(left["spec"]), sorted(apply(undefined, second, "b")["spec"]));
    }),
    { numRuns: 500 },
  );
});

test("replacing one's configuration gives what applying it alone gives", () => {
  fc.assert(
    fc.property(spec, spec, (first, second) => {
      const replaced = apply(apply(undefined, first, "a"), second, "a");
      const alone = apply(undefined, second, "a");
      assert.deepEqual(sorted(replaced["spec"]), sorted(alone["spec"]));
      const entriesOf = ({ metadata }: KubeObject) =>
        metadata.managedFields?.filter(({ manager }) => manager === "a") ?? [];
      assert.deepEqual(entriesOf(replaced), entriesOf(alone));
    }),
    { numRuns: 500 },
  );
});

/** Without the order of items of lists with keys and sets, which may stay as it was; and without empty containers. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, member]) => [key, sorted(member)] as const);
  return Object.fromEntries(entries.filter(([, member]) => JSON.stringify(member) !== "[]").sort());
}

test("after updates each field has one manager at most, and nothing is managed that is not there", () => {
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 5 }), (versions) => {
      let object: KubeObject | undefined;
      versions.forEach((version, index) => {
        // The manifest has the shape of an object.
        const next = configuration(version) as unknown as KubeObject;
        const options = { fieldManager: `m${index % 3}`, now: new Date(index), subresource: "" };
        object = deepFreeze(trackUpdate(thing, object, next, options));
      });
      const present = specFields(configuration(versions.at(-1) ?? {})["spec"]);
      let seen: FieldSet;
      for (const { fieldsV1 } of object?.metadata.managedFields ?? []) {
        const fields = parseFieldSet(fieldsV1 ?? {});
        assert.equal(intersection(fields, seen), undefined);
        assert.equal(difference(fields, present), undefined);
        seen = union(seen, fields);
      }
    }),
    { numRuns: 500 },
  );
});
