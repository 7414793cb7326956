/** Whatever a definition or an object of it says: it is taken or refused with an error of the API, never anything else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ApiError } from "#api/api-error.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { createKindRegistry } from "../resources/kind-registry.ts";
import { context } from "../resources/testing/test-api.ts";
import { startCustomResources } from "./start-custom-resources.ts";
import { createCustomApi } from "./testing/custom-api.ts";
import { cronTab, cronTabs } from "./testing/definitions.ts";

const values: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e300,
    "",
    "x",
    "a.b",
    "object",
    "string",
    "array",
    "(",
    [],
    {},
    [null],
    [{}],
    ["x", "x"],
  ),
  fc.constantFrom<JsonValue>(
    { type: "object" },
    { type: "string", enum: [1] },
    { "x-kubernetes-int-or-string": true },
    [{ type: "integer" }],
  ),
);
const members = fc.constantFrom(
  ...[
    "type",
    "properties",
    "items",
    "additionalProperties",
    "enum",
    "default",
    "pattern",
    "anyOf",
    "not",
    "required",
    "nullable",
  ],
  ...[
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-embedded-resource",
    "minimum",
    "format",
    "name",
  ],
);

/** Somewhere in the value, something else. */
function mutated(value: JsonValue): fc.Arbitrary<JsonValue> {
  if (Array.isArray(value)) {
    if (value.length === 0) return values;
    const list: readonly JsonValue[] = value;
    return fc.nat({ max: list.length - 1 }).chain((at) => mutated(list[at] ?? null).map((item) => list.with(at, item)));
  }
  if (!isJsonObject(value)) return values;
  const inside = Object.keys(value).map((name) =>
    mutated(value[name] ?? null).map((member) => ({ ...value, [name]: member })),
  );
  const added = fc.tuple(members, values).map(([name, member]) => ({ ...value, [name]: member }));
  return fc.oneof(
    { weight: 1, arbitrary: values },
    { weight: 2, arbitrary: added },
    ...inside.map((arbitrary) => ({ weight: 3, arbitrary })),
  );
}

async function outcomeOf(call: Promise<unknown>): Promise<"taken" | "refused"> {
  try {
    await call;
    return "taken";
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    assert.ok(error.code >= 400 && error.code < 500, `${error.code} ${error.message}`);
    return "refused";
  }
}

test("definitions and their objects are taken or refused", async () => {
  const custom = await createCustomApi();
  const dry = context({ isDryRun: true, fieldValidation: "Ignore" });
  const outcomes = { taken: 0, refused: 0 };
  const definitions = custom.target("customresourcedefinitions.apiextensions.k8s.io");
  const manifest = fc.oneof(mutated(cronTabs()), mutated(cronTabs()).chain(mutated));
  const property = fc.asyncProperty(manifest, async (body) => {
    outcomes[await outcomeOf(custom.api.create(definitions, body, dry))] += 1;
  });
  await fc.assert(property, { numRuns: 1000 });
  await custom.define(cronTabs());
  const place = custom.target("crontabs.example.com");
  const object = mutated(cronTab("a", { tags: ["a"], ports: [{ name: "x", port: 1 }], extra: { a: [1] }, port: 80 }));
  const objects = fc.asyncProperty(object, async (body) => {
    outcomes[await outcomeOf(custom.api.create(place, body, dry))] += 1;
    const patch = isJsonObject(body) ? body : {};
    outcomes[await outcomeOf(custom.api.patch({ ...place, name: "a" }, { type: "apply", patch, force: true }, dry))] +=
      1;
  });
  await fc.assert(objects, { numRuns: 1000 });
  assert.ok(outcomes.taken > 100 && outcomes.refused > 100, JSON.stringify(outcomes));
  assert.deepEqual(custom.errors, []);
});

test("startCustomResources serves what was defined before", async () => {
  const custom = await createCustomApi();
  await custom.define(cronTabs());
  const registry = createKindRegistry([]);
  const deps = { registry, caches: custom.customCaches, resourceApi: custom.api, now: custom.now };
  const onError = (_: string, error: unknown) => assert.fail(String(error));
  await using _running = await startCustomResources({ ...deps, onError }, new AbortController().signal);
  const kind = registry.find("example.com", "v1", "crontabs");
  assert.equal(kind?.kind, "CronTab");
  const stored: JsonObject = cronTab("a");
  assert.ok(kind !== undefined);
  await custom.api.create({ kind, namespace: "default", name: undefined, subresource: "" }, stored, context());
});
