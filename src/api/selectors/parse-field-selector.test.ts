import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isApiError } from "../api-error.ts";
import type { KubeObject } from "../kind.ts";
import { formatFieldRequirements, parseFieldRequirements, parseFieldSelector } from "./parse-field-selector.ts";

const podLike = {
  isNamespaced: true,
  fieldSelectors: { "spec.nodeName": ({ spec }: KubeObject) => String(spec ?? "") },
};
const plain = { isNamespaced: true, fieldSelectors: {} };
const nodeLike = { isNamespaced: false, fieldSelectors: { "spec.unschedulable": () => "false" } };

const object: KubeObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-0", namespace: "default" },
  spec: "a=b,c",
};

const matches: readonly (readonly [text: string, expected: boolean])[] = [
  ["", true],
  [",", true],
  ["metadata.name=web-0", true],
  ["metadata.name==web-0", true],
  ["metadata.name!=web-0", false],
  ["metadata.name=web-1", false],
  ["metadata.namespace=default,metadata.name=web-0", true],
  ["metadata.namespace=other,metadata.name=web-0", false],
  ["metadata.name=web-0,,", true],
  ["spec.nodeName!=", true],
  ["spec.nodeName=", false],
  ["spec.nodeName=a\\=b\\,c", true],
];

for (const [text, expected] of matches) {
  test(`parseFieldSelector("${text}") ${expected ? "matches" : "does not match"}`, () => {
    assert.equal(parseFieldSelector(podLike, text).matches(object), expected);
  });
}

const rejected: readonly (readonly [text: string, message: string])[] = [
  ["spec.bogus=1", "field label not supported: spec.bogus"],
  ["constructor=1", "field label not supported: constructor"],
  ["metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
  ["metadata.name=a,b", "invalid selector: 'metadata.name=a,b'; can't understand 'b'"],
  ["metadata.name=a=b", "invalid field selector: unescaped character in value: 61"],
  ["metadata.name===a", "invalid field selector: unescaped character in value: 61"],
  ["metadata.name=a\\x", "invalid field selector: invalid escape sequence: \\x"],
  ["metadata.name=a\\", "invalid field selector: invalid escape sequence: \\"],
];

for (const [text, message] of rejected) {
  test(`parseFieldSelector rejects "${text}"`, () => {
    assert.throws(() => parseFieldSelector(podLike, text), { code: 400, reason: "BadRequest", message });
  });
}

test("parseFieldSelector names the known fields of a kind without its own", () => {
  assert.throws(() => parseFieldSelector(plain, "spec.x=1"), {
    message: '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
  });
});

test("parseFieldSelector knows no namespace where the kind has its own fields and none", () => {
  assert.throws(() => parseFieldSelector(nodeLike, "metadata.namespace=a"), {
    message: "field label not supported: metadata.namespace",
  });
});

test("FieldMatcher.pinned gives the one value that a field must have", () => {
  const matcher = parseFieldSelector(podLike, "spec.nodeName!=a,metadata.name=web-0");
  assert.equal(matcher.pinned("metadata.name"), "web-0");
  assert.equal(matcher.pinned("spec.nodeName"), undefined);
  assert.equal(matcher.pinned("metadata.namespace"), undefined);
  assert.equal(matcher.selectsAll, false);
  assert.equal(parseFieldSelector(podLike, "").selectsAll, true);
});

test("parseFieldRequirements reads back what formatFieldRequirements prints", () => {
  const term = fc.record({
    field: fc.stringMatching(/^[a-z]+(\.[a-z]+)?$/),
    operator: fc.constantFrom("=" as const, "!=" as const),
    value: fc.string(),
  });
  fc.assert(
    fc.property(fc.array(term), (terms) => {
      const text = formatFieldRequirements(terms);
      const key = (one: (typeof terms)[number]) => JSON.stringify(one);
      assert.deepEqual(parseFieldRequirements(text).map(key).sort(), terms.map(key).sort());
    }),
  );
});

test("parseFieldRequirements gives requirements or ApiError 400 for any text", () => {
  const piece = fc.constantFrom("a", "=", "==", "!=", "!", ",", "\\", "\\\\", "\n", "é");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((list) => list.join("")),
      ),
      (text) => {
        try {
          parseFieldRequirements(text);
        } catch (error) {
          assert(isApiError(error, "BadRequest"), String(error));
        }
      },
    ),
    { numRuns: 1000 },
  );
});
