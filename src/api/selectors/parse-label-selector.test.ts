import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isApiError } from "../api-error.ts";
import type { LabelOperator, LabelRequirement, Labels } from "./label-requirement.ts";
import { formatRequirements, labelMatcher, parseLabelSelector } from "./parse-label-selector.ts";

const parsed: readonly (readonly [text: string, printed: string])[] = [
  ["", ""],
  ["  \t\r\n", ""],
  ["a=b", "a=b"],
  ["a==b", "a==b"],
  ["a = b", "a=b"],
  ["a!=b", "a!=b"],
  ["a=", "a="],
  ["a==,b=", "a==,b="],
  ["a=b,c!=d,e in (x,y),f notin (z),g,!h", "a=b,c!=d,e in (x,y),f notin (z),g,!h"],
  ["z,a", "a,z"],
  ["x in (b,a,b)", "x in (a,b)"],
  ["x in ()", "x in ()"],
  ["x in (,)", "x in ()"],
  ["x in (a,)", "x in (,a)"],
  ["x in (a,,b)", "x in (,a,b)"],
  ["x in(a)", "x in (a)"],
  ["x notin\t( a , b )", "x notin (a,b)"],
  ["in in (in,notin)", "in in (in,notin)"],
  ["notin", "notin"],
  ["!in", "!in"],
  ["x=in", "x=in"],
  ["! x", "!x"],
  ["n>1,m<7", "m<7,n>1"],
  ["example.com/app=web", "example.com/app=web"],
  ["a=b\0c=d", "a=b"],
];

for (const [text, printed] of parsed) {
  test(`parseLabelSelector reads ${JSON.stringify(text)}`, () => {
    const { requirements, selectsAll } = parseLabelSelector(text);
    assert.equal(formatRequirements(requirements), printed);
    assert.equal(selectsAll, printed === "");
  });
}

const OPERATORS = "in, notin, =, ==, !=, gt, lt";
const QUALIFIED =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const rejected: readonly (readonly [text: string, message: string])[] = [
  [",", "found ',', expected: !, identifier, or 'end of string'"],
  ["=a", "found '=', expected: !, identifier, or 'end of string'"],
  ["a,", "found '', expected: identifier after ','"],
  ["a,,b", "found ',', expected: identifier after ','"],
  ["a b", `unable to parse requirement: found 'b', expected: ${OPERATORS}`],
  ["a (b)", `unable to parse requirement: found '(', expected: ${OPERATORS}`],
  ["a=b c", "found 'c', expected: ',' or 'end of string'"],
  ["a===b", "unable to parse requirement: found '=', expected: identifier"],
  ["!", "unable to parse requirement: found '', expected: identifier"],
  ["!!a", "unable to parse requirement: found '!', expected: identifier"],
  ["!a=b", "found '=', expected: ',' or 'end of string'"],
  ["a in", "unable to parse requirement: found '' expected: '('"],
  ["a in b", "unable to parse requirement: found 'b' expected: '('"],
  ["a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"],
  ["a in (b", "unable to parse requirement: found '', expected: ',' or ')'"],
  ["a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"],
  ["a in (b,", "unable to parse requirement: found '', expected: ',', or identifier"],
  ["a in (,(", "unable to parse requirement: found '(', expected: ',', or identifier"],
  [
    "a>b",
    "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer",
  ],
  ["-a", `unable to parse requirement: <nil>: Invalid value: "-a": ${QUALIFIED}`],
];

for (const [text, message] of rejected) {
  test(`parseLabelSelector rejects ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseLabelSelector(text), { code: 400, reason: "BadRequest", message });
  });
}

test("parseLabelSelector names the values that no label can have", () => {
  const bad = "x".repeat(64);
  assert.throws(
    () => parseLabelSelector(`a in (-b,${bad})`),
    (error) => {
      assert(isApiError(error, "BadRequest"));
      assert.match(
        error.message,
        /^unable to parse requirement: \[values\[0\]\[a\]: Invalid value: "-b": a valid label must/,
      );
      assert.match(error.message, /, values\[1\]\[a\]: Invalid value: "x+": must be no more than 63 characters\]$/);
      return true;
    },
  );
});

const labels: Labels = { app: "web", tier: "", n: "10" };
const matches: readonly (readonly [text: string, expected: boolean])[] = [
  ["", true],
  ["app=web", true],
  ["app==db", false],
  ["app!=db", true],
  ["app!=web", false],
  ["none!=web", true],
  ["app in (db,web)", true],
  ["app in (db,cache)", false],
  ["none in (web,db)", false],
  ["none in ()", false],
  ["tier in ()", true],
  ["app notin (db,cache)", true],
  ["app notin (db,web)", false],
  ["none notin (a,b)", true],
  ["tier", true],
  ["none", false],
  ["!tier", false],
  ["!none", true],
  ["n>9", true],
  ["n>10", false],
  ["n<11", true],
  ["app>1", false],
  ["none<1", false],
  ["app=web,none", false],
  ["constructor", false],
  ["toString!=x", true],
];

for (const [text, expected] of matches) {
  test(`parseLabelSelector("${text}") ${expected ? "matches" : "does not match"}`, () => {
    assert.equal(parseLabelSelector(text).matches(labels), expected);
  });
}

test("LabelMatcher.matches takes absent labels as none", () => {
  assert.equal(parseLabelSelector("!a").matches(undefined), true);
  assert.equal(parseLabelSelector("a").matches(undefined), false);
});

const name = fc.stringMatching(/^[a-z]([a-z0-9._-]{0,5}[a-z0-9])?$/);
const value = fc.oneof(fc.constant(""), name, fc.constantFrom("in", "notin"));
const requirement = fc
  .oneof(
    fc.record({ key: name, operator: fc.constantFrom<LabelOperator[]>("=", "==", "!="), values: fc.tuple(value) }),
    fc.record({
      key: name,
      operator: fc.constantFrom<LabelOperator[]>("in", "notin"),
      values: fc.uniqueArray(value, { minLength: 1, maxLength: 4 }).map((list) => list.toSorted()),
    }),
    fc.record({ key: name, operator: fc.constantFrom<LabelOperator[]>("exists", "!"), values: fc.constant([]) }),
    fc.record({
      key: name,
      operator: fc.constantFrom<LabelOperator[]>("gt", "lt"),
      values: fc.tuple(fc.nat().map(String)),
    }),
  )
  .map((plain): LabelRequirement => ({ ...plain }));

test("parseLabelSelector reads back what formatRequirements prints", () => {
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 5 }), (requirements) => {
      const matcher = labelMatcher(requirements);
      assert.deepEqual(parseLabelSelector(formatRequirements(matcher.requirements)).requirements, matcher.requirements);
    }),
  );
});

test("parseLabelSelector gives a matcher or ApiError 400 for any text", () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .array(fc.constantFrom("a", "b", "in", "notin", "(", ")", ",", "=", "==", "!", "!=", ">", "<", " ", "1"))
      .map((list) => list.join("")),
  );
  fc.assert(
    fc.property(text, (selector) => {
      try {
        const { requirements } = parseLabelSelector(selector);
        assert.deepEqual(parseLabelSelector(formatRequirements(requirements)).requirements, requirements);
      } catch (error) {
        assert(isApiError(error, "BadRequest"), String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test("a negated requirement matches exactly what the requirement does not", () => {
  const opposite = { "=": "!=", in: "notin", exists: "!" } as const;
  const keys = fc.constantFrom("a", "b");
  const values = fc.uniqueArray(fc.constantFrom("", "x", "y"), { minLength: 1 });
  fc.assert(
    fc.property(keys, values, fc.dictionary(keys, fc.constantFrom("", "x", "y")), (key, list, some) => {
      for (const operator of ["=", "in", "exists"] as const) {
        const used = operator === "exists" ? [] : operator === "=" ? list.slice(0, 1) : list;
        const is = labelMatcher([{ key, operator, values: used }]);
        const isNot = labelMatcher([{ key, operator: opposite[operator], values: used }]);
        assert.notEqual(is.matches(some), isNot.matches(some));
      }
    }),
  );
});
