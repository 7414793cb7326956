/** What the server does with an object of a kind, without storing it: for tests of kinds. */
import type { JsonObject, JsonValue } from "#base/json.ts";
import { describeFieldError } from "../../field-error.ts";
import type { Kind } from "../../kind.ts";
import { decodeObject } from "../../schema/decode.ts";
import { applyDefaults } from "../../schema/defaults.ts";
import { validateObject, validateObjectUpdate } from "../../schema/validate.ts";

export const NOW = new Date("2024-05-01T12:00:00Z");

const METADATA = { name: "web", namespace: "default", uid: "u1", creationTimestamp: "2024-05-01T11:00:00Z" };

/** As it would be stored. */
export function createObject<O>(kind: Kind<O>, members: JsonObject): O {
  const object = completeObject(kind, members);
  return kind.prepareForCreate?.(object) ?? object;
}

export function problemsOfCreate<O>(kind: Kind<O>, members: JsonObject): readonly string[] {
  return validateObject(kind, createObject(kind, members)).map(describeFieldError);
}

/** Both are whole objects; `members` replaces members of `old` that have the same name. */
export function problemsOfUpdate<O>(
  kind: Kind<O>,
  old: O,
  members: JsonObject,
  subresource: "" | "status" = "",
): readonly string[] {
  // Objects of kinds are JSON.
  const given = completeObject(kind, { ...(old as JsonObject), ...members });
  const next = subresource === "" ? (kind.prepareForUpdate?.(given, old) ?? given) : given;
  return [...validateObject(kind, next), ...validateObjectUpdate(kind, next, old, subresource)].map(describeFieldError);
}

/** Cells by the names of their columns, as kubectl prints these: in capitals. */
export function cellsOf<O>(kind: Kind<O>, object: O): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(kind.columns.map(({ name, cell }) => [name.toUpperCase(), cell(object, NOW)]));
}

function completeObject<O>(kind: Kind<O>, members: JsonObject): O {
  const metadata = members["metadata"];
  const { object, strictErrors } = decodeObject(kind, {
    ...members,
    metadata: { ...METADATA, ...(typeof metadata === "object" && metadata !== null ? metadata : {}) },
  });
  if (strictErrors.length > 0) throw new Error(strictErrors.join(", "));
  return applyDefaults(kind, object);
}
