import assert from "node:assert/strict";
import { test } from "node:test";
import { errorMessage } from "./error-message.ts";

test("errorMessage tells what came first when cleaning up fails as well", async () => {
  const failing = async (): Promise<void> => {
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Promise.reject(new Error("busy")));
    stack.defer(() => Promise.reject(new Error("in use")));
    throw new Error("no such image");
  };
  const error = await failing().catch((thrown: unknown) => thrown);
  assert.equal(
    errorMessage(error),
    "no such image; cleaning up failed as well: in use; cleaning up failed as well: busy",
  );
});

test("errorMessage takes anything thrown", () => {
  assert.equal(errorMessage("text"), "text");
  assert.equal(errorMessage(new TypeError("wrong")), "wrong");
});
