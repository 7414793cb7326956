import { ageColumn, nameColumn } from "../columns.ts";
import type { FieldError } from "../field-error.ts";
import { forbidden, invalid, keyPath, tooLong } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { checkConfigMapKey } from "../names.ts";
import { boolean, bytes, field, mapOf, string } from "../schema/schema.ts";

export type ConfigMap = ObjectOf<typeof configMap>;

const MAX_BYTES = 1024 * 1024;

export const configMap = defineKind({
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  doc: "Settings for pods, as files or environment variables.",
  fields: {
    data: field(
      2,
      mapOf(string, { checkKey: checkConfigMapKey }),
      "Values as text. A key is in data or in binaryData.",
    ),
    binaryData: field(3, mapOf(bytes, { checkKey: checkConfigMapKey }), "Values that are not UTF-8, in base64."),
    immutable: field(4, boolean, "True: data and binaryData can never change again.", { pointer: true }),
  },
  columns: [
    nameColumn,
    {
      name: "Data",
      type: "string",
      doc: "Number of keys.",
      priority: 0,
      cell: ({ data = {}, binaryData = {} }) => Object.keys(data).length + Object.keys(binaryData).length,
    },
    ageColumn,
  ],
  validate({ data = {}, binaryData = {} }): readonly FieldError[] {
    const shared = Object.keys(binaryData).filter((key) => Object.hasOwn(data, key));
    const texts = Object.values(data).map((text) => Buffer.byteLength(text));
    const binaries = Object.values(binaryData).map((text) => Buffer.byteLength(text, "base64"));
    const size = [...texts, ...binaries].reduce((sum, bytes) => sum + bytes, 0);
    return [
      ...shared.map((key) => invalid(keyPath("data", key), key, "duplicate of key present in binaryData")),
      ...shared.map((key) => invalid(keyPath("binaryData", key), key, "duplicate of key present in data")),
      // The path of the whole object.
      ...(size > MAX_BYTES ? [tooLong("[]", MAX_BYTES)] : []),
    ];
  },
  validateUpdate(next, old): readonly FieldError[] {
    if (old.immutable !== true) return [];
    const why = "field is immutable when `immutable` is set";
    const members = ["data", "binaryData"] as const;
    const changed = members.filter((name) => JSON.stringify(next[name] ?? {}) !== JSON.stringify(old[name] ?? {}));
    return [
      ...(next.immutable === true ? [] : [forbidden("immutable", why)]),
      ...changed.map((name) => forbidden(name, why)),
    ];
  },
});
