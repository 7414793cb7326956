import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { pourText, WRITE_BYTES } from "./pour-text.ts";

function* repeated(piece: string, times: number): Generator<string> {
  for (let time = 0; time < times; time++) yield piece;
}

/** Like a connection: what it has written it needs no more. */
function createSink() {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(bytes: Buffer, _encoding, done) {
      setImmediate(() => {
        chunks.push(Buffer.from(bytes));
        done();
      });
    },
  });
  return { sink, written: () => Buffer.concat(chunks) };
}

for (const piece of ["a", "ä€𝄞", `x${"€".repeat(WRITE_BYTES)}`, ""]) {
  test(`pourText gives all bytes of pieces of ${piece.length} characters, in order`, async () => {
    const { sink, written } = createSink();
    await pourText(repeated(piece, 30), sink);
    assert.ok(written().equals(Buffer.from(piece.repeat(30))));
  });
}

test("pourText takes no piece before the stream has written the last buffer, and never more than one", async () => {
  const waiting: (() => void)[] = [];
  let taken = 0;
  function* pieces(): Generator<string> {
    for (; taken < 3; taken++) yield "x".repeat(WRITE_BYTES + 1);
  }
  const sizes: number[] = [];
  const sink = new Writable({
    highWaterMark: 1,
    write(bytes: Buffer, _encoding, done) {
      sizes.push(bytes.length);
      waiting.push(done);
    },
  });
  const poured = pourText(pieces(), sink);
  assert.deepEqual([taken, waiting.length], [0, 1]);
  while (waiting.length > 0) {
    waiting.shift()?.();
    await new Promise(setImmediate);
    assert.ok(waiting.length <= 1);
  }
  await poured;
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    3 * (WRITE_BYTES + 1),
  );
  assert.ok(sizes.every((size) => size <= WRITE_BYTES));
});

test("pourText rejects when the stream closes before it has everything", async () => {
  const sink = new Writable({ write: () => undefined });
  const poured = pourText(repeated("x".repeat(WRITE_BYTES + 1), 9), sink);
  sink.destroy();
  await assert.rejects(poured, { code: /ERR_STREAM_(PREMATURE_CLOSE|DESTROYED)/ });
});

test("pourText rejects with the signal's reason, and ends the stream", async () => {
  const stop = new AbortController();
  const sink = new Writable({ write: () => undefined });
  const poured = pourText(repeated("x".repeat(WRITE_BYTES + 1), 9), sink, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(poured, { message: "enough" });
  assert.ok(sink.destroyed);
});

test("pourText rejects with what a piece throws, and leaves the stream open", async () => {
  function* broken(): Generator<string> {
    yield "a";
    throw new Error("no more");
  }
  const { sink } = createSink();
  await assert.rejects(pourText(broken(), sink), { message: "no more" });
  assert.ok(!sink.destroyed);
});
