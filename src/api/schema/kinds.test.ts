/** What holds for the schema of every built-in kind: random objects go through every function unharmed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "#base/json.ts";
import { apiVersionOf, type Kind } from "../kind.ts";
import { kinds } from "../kinds.ts";
import { decodeObject } from "./decode.ts";
import { applyDefaults } from "./defaults.ts";
import { deepFreeze } from "./freeze.ts";
import { decodeProtobufObject } from "./protobuf-decode.ts";
import { encodeProtobufObject } from "./protobuf-encode.ts";
import { generateObject } from "./testing/generate-object.ts";
import { validateObject, validateObjectUpdate } from "./validate.ts";
import { type Findings, validatorOf } from "./validate-value.ts";

const RUNS = { numRuns: 20 };
const nameOf = (kind: Kind) => `${apiVersionOf(kind)} ${kind.kind}`;
const findKind = (apiVersion: string, name: string) =>
  kinds.find((kind) => kind.kind === name && apiVersionOf(kind) === apiVersion);
// Decoded objects are JSON.
const asJson = (object: unknown) => object as JsonObject;

for (const kind of kinds) {
  test(`decodeObject gives back what the schema of ${nameOf(kind)} allows`, () => {
    const property = fc.property(generateObject(kind), (object) => {
      const decoded = decodeObject(kind, deepFreeze(asJson(object)));
      assert.deepEqual(decoded.strictErrors, []);
      assert.deepEqual(decoded.object, object);
    });
    fc.assert(property, RUNS);
  });

  test(`validatorOf finds nothing wrong with what the schema of ${nameOf(kind)} allows`, () => {
    const property = fc.property(generateObject(kind), (object) => {
      const findings: Findings = { errors: [], isIllTyped: false };
      validatorOf(kind.schema)?.(asJson(object), [], findings);
      assert.deepEqual(findings, { errors: [], isIllTyped: false });
    });
    fc.assert(property, RUNS);
  });

  test(`applyDefaults of ${nameOf(kind)} gives an object that is decoded and complete`, () => {
    const property = fc.property(generateObject(kind), (object) => {
      const complete = applyDefaults(kind, deepFreeze(object));
      assert.deepEqual(decodeObject(kind, asJson(complete)), { object: complete, strictErrors: [] });
      assert.equal(applyDefaults(kind, deepFreeze(complete)), complete);
      // Random objects may break rules of the kind, but no such rule may break.
      validateObject(kind, complete);
      validateObjectUpdate(kind, complete, complete, "");
    });
    fc.assert(property, RUNS);
  });

  test(`decodeProtobufObject reads what encodeProtobufObject writes of ${nameOf(kind)}`, () => {
    const property = fc.property(generateObject(kind), (object) => {
      const decoded = decodeProtobufObject(findKind, encodeProtobufObject(kind, asJson(object)));
      assert.deepEqual(decodeObject(kind, decoded).object, object);
    });
    fc.assert(property, RUNS);
  });
}
