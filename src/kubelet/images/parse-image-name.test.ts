import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { parseImageName } from "./parse-image-name.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const names = [
  ["busybox", "docker.io", "library/busybox"],
  ["busybox:1.36", "docker.io", "library/busybox"],
  ["team/app", "docker.io", "team/app"],
  ["localhost/app:1", "localhost", "app"],
  ["registry.example.com:5000/a/b/c:v1", "registry.example.com:5000", "a/b/c"],
  [`registry.example.com/app:1@${DIGEST}`, "registry.example.com", "app"],
  ["[2001:db8::1]:5000/app", "[2001:db8::1]:5000", "app"],
  ["192.0.2.1:9/app:1", "192.0.2.1:9", "app"],
  // A first part in capitals is a host's name.
  ["UPPER/case", "UPPER", "case"],
] as const;

const wrong = [
  ["", "invalid reference format"],
  ["Busybox", "invalid reference format: repository name (library/Busybox) must be lowercase"],
  ["busybox/CASE", "invalid reference format: repository name (busybox/CASE) must be lowercase"],
  ["busybox:", "invalid reference format"],
  ["busybox:a b", "invalid reference format"],
  ["busybox@sha256:12", "invalid reference format"],
  ["-busybox", "invalid reference format"],
  ["a//b", "invalid reference format"],
  ["app:v1:v2", "invalid reference format"],
  ["https://registry.example.com/app", "invalid reference format"],
  [`a/${"b".repeat(260)}`, "repository name must not be more than 255 characters"],
] as const;

suite("parseImageName", () => {
  for (const [text, registry, repository] of names) {
    test(`"${text}" is ${repository} of ${registry}`, () => {
      assert.deepEqual(parseImageName(text), { registry, repository });
    });
  }
  for (const [text, problem] of wrong) {
    test(`"${text.slice(0, 40)}": ${problem}`, () => {
      assert.deepEqual(parseImageName(text), { problem });
    });
  }
  test("any text gives a name or a problem, at once", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "A", "/", ":", "@", ".", "-", "_", "1"), maxLength: 400 });
    fc.assert(fc.property(text, (each) => void parseImageName(each)));
  });
});
