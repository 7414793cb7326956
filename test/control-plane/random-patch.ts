/** Patches of each type that fit an object, more or less. */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { mutateJson } from "./mutate.ts";
import type { Random } from "./random.ts";

export const PATCH_TYPES = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

export type PatchName = keyof typeof PATCH_TYPES;

export function createPatch(type: PatchName, object: JsonValue, random: Random): JsonValue {
  switch (type) {
    case "json":
      return Array.from({ length: 1 + random.below(4) }, () => operation(object, random));
    case "merge":
      return partOf(object, random);
    case "strategic":
      return withDirectives(partOf(object, random), random);
    case "apply":
      return object;
    default:
      return type satisfies never;
  }
}

const OPERATIONS = ["add", "remove", "replace", "move", "copy", "test", "bogus"] as const;

function operation(object: JsonValue, random: Random): JsonObject {
  const { path, value } = walk(object, random);
  const op = random.pick(OPERATIONS);
  return {
    op,
    path: random.chance(0.1) ? `${path}/-` : path,
    ...(random.chance(0.8) && { value: random.chance(0.5) ? value : mutateJson(value, random) }),
    ...((op === "move" || op === "copy" || random.chance(0.05)) && { from: walk(object, random).path }),
  };
}

/** Some place in the value, as a JSON pointer. */
function walk(value: JsonValue, random: Random, path = ""): { readonly path: string; readonly value: JsonValue } {
  const names = typeof value === "object" && value !== null ? Object.keys(value) : [];
  if (names.length === 0 || random.chance(0.2)) return { path, value };
  const name = random.pick(names);
  const member = Array.isArray(value) ? value[Number(name)] : isJsonObject(value) ? value[name] : null;
  return walk(member ?? null, random, `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
}

/** Some of its members, some of them null. */
function partOf(value: JsonValue, random: Random): JsonValue {
  if (!isJsonObject(value)) return random.chance(0.1) ? mutateJson(value, random) : value;
  const entries = Object.entries(value).filter(() => random.chance(0.5));
  return Object.fromEntries(
    entries.map(([name, member]) => [name, random.chance(0.1) ? null : partOf(member ?? null, random)]),
  );
}

/** Directives at some of its objects and lists. */
function withDirectives(value: JsonValue, random: Random): JsonValue {
  if (Array.isArray(value)) {
    const items = value.map((item) => withDirectives(item, random));
    return random.chance(0.1) ? [...items, { $patch: random.pick(["replace", "delete", "merge", "x"]) }] : items;
  }
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).flatMap(([name, member]): [string, JsonValue][] => [
    [name, withDirectives(member ?? null, random)],
    ...(Array.isArray(member) && random.chance(0.2)
      ? [[`$setElementOrder/${name}`, random.chance(0.7) ? member : [...member, "x"]] as [string, JsonValue]]
      : []),
    ...(random.chance(0.05) ? [[`$deleteFromPrimitiveList/${name}`, ["a"]] as [string, JsonValue]] : []),
  ]);
  return Object.fromEntries([
    ...members,
    ...(random.chance(0.1) ? [["$retainKeys", Object.keys(value)] as const] : []),
    ...(random.chance(0.03) ? [["$patch", random.pick(["replace", "delete", "merge", 1])] as const] : []),
  ]);
}
