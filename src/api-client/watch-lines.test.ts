import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isApiError } from "#api/api-error.ts";
import { readWatchLines, type WireEvent } from "./watch-lines.ts";

async function* chunksOf(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...places, bytes.length]) {
    yield bytes.subarray(from, to);
    from = to;
  }
}

async function read(bytes: Buffer, cuts: readonly number[] = []): Promise<readonly WireEvent[]> {
  return await readAll(chunksOf(bytes, cuts));
}

async function readAll(chunks: AsyncIterable<Buffer>): Promise<readonly WireEvent[]> {
  const events: WireEvent[] = [];
  for await (const batch of readWatchLines(chunks)) events.push(...batch);
  return events;
}

const anyEvent = fc.record({
  type: fc.constantFrom("ADDED", "MODIFIED", "DELETED", "BOOKMARK"),
  object: fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })),
});

test("readWatchLines gives the same events however the bytes are cut", async () => {
  const check = fc.asyncProperty(fc.array(anyEvent), fc.array(fc.nat(10_000)), async (events, cuts) => {
    const lines = events.map((event) => `${JSON.stringify(event)}\n`).join("\r\n");
    const expected = events.map((event) => JSON.parse(JSON.stringify(event)));
    assert.deepEqual(await read(Buffer.from(lines), cuts), expected);
  });
  await fc.assert(check, { numRuns: 200 });
});

test("readWatchLines leaves out a last line that is not whole", async () => {
  const whole = '{"type":"ADDED","object":{}}\n';
  assert.equal((await read(Buffer.from(`${whole}{"type":"ADDED","object":{}}`))).length, 1);
});

test("readWatchLines refuses a line that never ends", async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) yield Buffer.alloc(1024 * 1024, "a");
  }
  await assert.rejects(readAll(endless()), (error) => isApiError(error, "BadRequest"));
});
