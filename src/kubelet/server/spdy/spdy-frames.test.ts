import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { createFrameReader, formatFrame, formatHeaders, MAX_FRAME_BYTES, type SpdyFrame } from "./spdy-frames.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const frame: fc.Arbitrary<SpdyFrame> = fc.record(
  {
    type: fc.option(fc.constantFrom(1, 2, 3, 4, 6, 7, 9), { nil: undefined }),
    id: fc.integer({ min: 0, max: 0x7fffffff }),
    flags: fc.integer({ min: 0, max: 255 }),
    payload: bytes,
  },
  { noNullPrototype: true },
);

suite("createFrameReader", () => {
  test("gives what formatFrame wrote, whatever pieces it comes in", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 200 })), (frames, sizes) => {
        const wire = Buffer.concat(frames.map(formatFrame));
        const read = createFrameReader();
        const found: SpdyFrame[] = [];
        for (let offset = 0, index = 0; offset < wire.length; index += 1) {
          const size = sizes[index % Math.max(1, sizes.length)] ?? 7;
          found.push(...read(wire.subarray(offset, offset + size)));
          offset += size;
        }
        assert.deepEqual(found, frames);
      }),
    );
  });

  test("reads a data frame and a reset as they are on the wire", () => {
    const read = createFrameReader();
    const frames = read(
      Buffer.from("00000003" + "01000002" + "6869" + "80030003" + "00000008" + "0000000300000005", "hex"),
    );
    assert.deepEqual(frames, [
      { type: undefined, id: 3, flags: 1, payload: Buffer.from("hi") },
      { type: 3, id: 3, flags: 0, payload: Buffer.from("00000005", "hex") },
    ]);
  });

  test("throws on a frame that is too long instead of waiting for it", () => {
    const head = Buffer.from("0000000100000000", "hex");
    head.writeUIntBE(MAX_FRAME_BYTES + 1, 5, 3);
    assert.throws(() => createFrameReader()(head), RangeError);
  });

  test("any bytes give frames or a RangeError", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (array) => {
        try {
          createFrameReader()(Buffer.from(array));
        } catch (error) {
          assert.ok(error instanceof RangeError);
        }
      }),
    );
  });
});

test("formatHeaders writes a count, and each word behind its length", () => {
  assert.equal(formatHeaders({ a: "bc" }).toString("hex"), "00000001" + "00000001" + "61" + "00000002" + "6263");
});
