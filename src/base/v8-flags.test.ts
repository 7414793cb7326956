import assert from "node:assert/strict";
import { test } from "node:test";
import { Script } from "node:vm";
import { setV8Flag, withInitialV8Flags } from "./v8-flags.ts";

const FLAG = "semi-space-growth-factor";
/** V8 looks at the source's length alone, and takes a source that it has seen before without bytecode. */
const sourceOf = (number: number): string => `(function name${number}(value) { return 2 * value; })`;
let sources = 1000;
const isAccepted = (cachedData: Buffer): boolean =>
  new Script(sourceOf(sources++), { cachedData }).cachedDataRejected === false;

test("V8 takes bytecode that was made with the flags of the start, and no other", () => {
  const script = new Script(sourceOf(sources++));
  setV8Flag(FLAG, { value: 1, initial: 2 });
  const [plain, initial] = [script.createCachedData(), withInitialV8Flags(() => script.createCachedData())];
  assert.deepEqual([isAccepted(plain), isAccepted(initial)], [true, false], "the flag is still changed");
  setV8Flag(FLAG, { value: 2, initial: 2 });
  assert.deepEqual([isAccepted(plain), isAccepted(initial)], [false, true]);
});
