import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#api/kind.ts";
import { printerColumns } from "./printer-columns.ts";

const object: KubeObject = {
  apiVersion: "example.com/v1",
  kind: "Pool",
  metadata: { name: "web", creationTimestamp: "2025-01-01T00:00:00Z" },
  spec: { text: "a", count: 5, share: 0.5, isOn: true, list: ["a"], when: "2025-01-01T00:00:30Z", odd: "x" },
};
const now = new Date("2025-01-01T00:01:00Z");

test("printerColumns are name and age when none are declared", () => {
  const columns = printerColumns([]);
  assert.deepEqual(
    columns.map(({ name, type }) => [name, type]),
    [
      ["Name", "string"],
      ["Age", "date"],
    ],
  );
  assert.deepEqual(
    columns.map(({ cell }) => cell(object, now)),
    ["web", "60s"],
  );
});

const cells: readonly (readonly [type: string, jsonPath: string, cell: string | number | boolean | null])[] = [
  ["string", ".spec.text", "a"],
  ["string", ".spec.count", "5"],
  ["string", ".spec.list", '["a"]'],
  ["string", ".spec.missing", null],
  ["string", ".spec[broken", null],
  ["integer", ".spec.count", 5],
  ["integer", ".spec.share", 0],
  ["integer", ".spec.text", null],
  ["number", ".spec.share", 0.5],
  ["boolean", ".spec.isOn", true],
  ["boolean", ".spec.text", null],
  ["date", ".spec.when", "30s"],
  ["date", ".spec.odd", "<invalid>"],
  ["date", ".spec.count", null],
];
for (const [type, jsonPath, cell] of cells) {
  test(`printerColumns show ${jsonPath} as ${type}`, () => {
    const [, column] = printerColumns([{ name: "X", type, jsonPath, priority: 2 }]);
    assert.equal(column?.cell(object, now), cell);
    assert.equal(column?.priority, 1);
    assert.equal(column?.doc, `Custom resource definition column (in JSONPath format): ${jsonPath}`);
  });
}
