import assert from "node:assert/strict";
import { test } from "node:test";
import { createExpectations } from "./expectations.ts";

function setUp() {
  let time = 0;
  const expectations = createExpectations(() => new Date(time));
  const pass = (ms: number) => {
    time += ms;
  };
  return { expectations, pass, isOpen: () => expectations.waitMs("a") > 0 };
}

test("createExpectations waits until all creations are observed or failed", () => {
  const { expectations, isOpen } = setUp();
  assert.equal(isOpen(), false);
  expectations.expectCreations("a", 3);
  expectations.creationsObserved("a");
  assert.equal(isOpen(), true);
  expectations.creationsObserved("a", 2);
  assert.equal(isOpen(), false);
});

test("createExpectations does not take pods of others as payment in advance", () => {
  const { expectations, isOpen } = setUp();
  expectations.creationsObserved("a", 5);
  expectations.expectCreations("a", 1);
  assert.equal(isOpen(), true);
});

test("createExpectations counts each deletion once, by its UID", () => {
  const { expectations, isOpen } = setUp();
  expectations.expectDeletions("a", ["u1", "u2"]);
  expectations.deletionObserved("a", "u1");
  expectations.deletionObserved("a", "u1");
  expectations.deletionObserved("b", "u2");
  assert.equal(isOpen(), true);
  expectations.deletionObserved("a", "u2");
  assert.equal(isOpen(), false);
});

test("createExpectations says how long it will wait, and forgets after five minutes", () => {
  const { expectations, pass, isOpen } = setUp();
  expectations.expectCreations("a", 1);
  pass(299_000);
  assert.equal(expectations.waitMs("a"), 1000);
  pass(1000);
  assert.equal(isOpen(), false);
  expectations.expectCreations("a", 1);
  assert.equal(expectations.waitMs("a"), 300_000);
  expectations.forget("a");
  assert.equal(isOpen(), false);
});
