import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatImageReference, isRepositoryName, parseImageReference } from "./image-reference.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

const cases: readonly (readonly [string, string])[] = [
  ["nginx", "docker.io/library/nginx:latest"],
  ["nginx:1.25-alpine", "docker.io/library/nginx:1.25-alpine"],
  ["library/nginx", "docker.io/library/nginx:latest"],
  ["someone/web:2", "docker.io/someone/web:2"],
  ["docker.io/nginx", "docker.io/library/nginx:latest"],
  ["index.docker.io/library/nginx", "docker.io/library/nginx:latest"],
  ["registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"],
  ["registry.k8s.io/e2e-test-images/busybox:1.29-4", "registry.k8s.io/e2e-test-images/busybox:1.29-4"],
  ["localhost/web", "localhost/web:latest"],
  ["localhost:5000/web", "localhost:5000/web:latest"],
  ["localhost:5000/web:1", "localhost:5000/web:1"],
  [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
  [`nginx:1@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
];

for (const [text, full] of cases) {
  test(`parseImageReference reads ${text} as ${full}`, () => {
    assert.equal(formatImageReference(parseImageReference(text)), full);
  });
}

for (const text of [
  "",
  ":",
  "Nginx",
  "nginx:",
  "nginx:-x",
  "a//b",
  "/nginx",
  "nginx@sha256:1",
  `a@${DIGEST}@${DIGEST}`,
]) {
  test(`parseImageReference refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseImageReference(text), /Cannot read image name/);
  });
}

test("a full name is read as it was written", () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}$/);
  const name = fc
    .tuple(
      fc.stringMatching(/^[a-z0-9]{1,8}\.[a-z]{2,4}(:[0-9]{1,4})?$/),
      fc.array(part, { minLength: 1, maxLength: 3 }),
    )
    .map(([host, parts]) => `${host}/${host.startsWith("docker.io") ? "library/" : ""}${parts.join("/")}`);
  fc.assert(
    fc.property(name, fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/), (repository, tag) => {
      const text = `${repository}:${tag}`;
      assert.equal(formatImageReference(parseImageReference(text)), text);
    }),
  );
});

test("isRepositoryName holds to the grammar of the distribution specification", () => {
  for (const name of ["a", "a/b", "a.b/c_d/e__f/g---h", "0"]) assert.equal(isRepositoryName(name), true, name);
  for (const name of ["", "A", "a/", "/a", "a..b", "a_-b", "a___b", "-a", "a".repeat(256)]) {
    assert.equal(isRepositoryName(name), false, name);
  }
});
