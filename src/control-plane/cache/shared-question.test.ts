import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createSharedQuestion } from "./shared-question.ts";

test("createSharedQuestion gives an answer that was asked for later to all who come meanwhile", async () => {
  const asked: PromiseWithResolvers<number>[] = [];
  const ask = createSharedQuestion(() => {
    const question = Promise.withResolvers<number>();
    asked.push(question);
    return question.promise;
  });
  const first = ask();
  const meanwhile = [ask(), ask(), ask()];
  assert.equal(asked.length, 1);
  asked[0]?.resolve(1);
  assert.equal(await first, 1);
  await setImmediate();
  assert.equal(asked.length, 2);
  asked[1]?.resolve(2);
  assert.deepEqual(await Promise.all(meanwhile), [2, 2, 2]);
  const later = ask();
  const failing = ask();
  asked[2]?.reject(new Error("away"));
  await Promise.all([later, failing].map((question) => assert.rejects(question, /away/)));
  const again = ask();
  asked[3]?.resolve(4);
  assert.equal(await again, 4);
});
