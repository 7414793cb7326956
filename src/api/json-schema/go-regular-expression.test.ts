import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { goRegularExpression } from "./go-regular-expression.ts";

const table: readonly { readonly pattern: string; readonly yes: readonly string[]; readonly no: readonly string[] }[] =
  [
    { pattern: "^[a-z]+$", yes: ["abc"], no: ["", "a1"] },
    { pattern: "^(?i)(Info|Debug)?$", yes: ["info", "DEBUG", ""], no: ["x"] },
    { pattern: "(?i)^abc$", yes: ["ABC"], no: ["ab"] },
    { pattern: "^(a(?i)b|c)d$", yes: ["abd", "aBd", "Cd"], no: ["Abd", "cD"] },
    { pattern: "^(?i:a)b$", yes: ["Ab"], no: ["AB"] },
    { pattern: "\\Aa\\z", yes: ["a"], no: ["ab"] },
    { pattern: "^[[:alpha:]_][[:alnum:]]*$", yes: ["_a1"], no: ["1a"] },
    { pattern: "^[]a]+$", yes: ["]a"], no: ["b"] },
    { pattern: "^[a[]+$", yes: ["[a"], no: ["b"] },
    { pattern: "^\\pL+$", yes: ["äß"], no: ["1"] },
    { pattern: "^(?P<year>\\d{4})-\\d$", yes: ["2024-1"], no: ["24-1"] },
    { pattern: "^\\Qa.b\\E$", yes: ["a.b"], no: ["axb"] },
    { pattern: "^\\x{41}$", yes: ["A"], no: ["x{41}"] },
    { pattern: "^[\\w-.]+\\-\\_$", yes: ["a.b-c-_"], no: ["-_"] },
    { pattern: "^(10|[0-9])(\\.[0-9]+)?$", yes: ["10", "1.5"], no: ["11"] },
  ];
for (const { pattern, yes, no } of table) {
  test(`goRegularExpression reads ${pattern}`, () => {
    const expression = goRegularExpression(pattern);
    for (const text of yes) assert.ok(expression.test(text), `${text} should match`);
    for (const text of no) assert.ok(!expression.test(text), `${text} should not match`);
  });
}

for (const pattern of ["(", "[a", "a**", "(?U)a", "\\", "a{2,1}"]) {
  test(`goRegularExpression refuses ${pattern}`, () => {
    assert.throws(() => goRegularExpression(pattern), SyntaxError);
  });
}

test("goRegularExpression matches text that is quoted", () => {
  const property = fc.property(
    fc.string().filter((text) => !text.includes("\\E")),
    (text) => {
      assert.ok(goRegularExpression(`^\\Q${text}\\E$`).test(text));
    },
  );
  fc.assert(property, { numRuns: 300 });
});
