import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeError } from "#base/codec/codec.ts";
import { readPcapng } from "./read-pcapng.ts";
import { encodePcapng, type PcapngFile } from "./write-pcapng.ts";

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const files: fc.Arbitrary<PcapngFile> = fc.record(
  {
    interfaces: fc.array(
      fc.record({ name: text, description: text, hasEthernet: fc.boolean() }, { noNullPrototype: true }),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
    packets: fc.array(
      fc.record(
        {
          interface: fc.nat(3),
          timeNs: fc.bigInt({ min: 0n, max: (1n << 62n) - 1n }),
          direction: fc.constantFrom("in" as const, "out" as const),
          data: fc.uint8Array({ maxLength: 70 }).map((bytes) => Buffer.from(bytes)),
          comment: text,
        },
        { requiredKeys: ["interface", "timeNs", "direction", "data"], noNullPrototype: true },
      ),
      { maxLength: 5 },
    ),
  },
  { noNullPrototype: true },
);

test("readPcapng reads what encodePcapng writes", () => {
  fc.assert(fc.property(files, (file) => assert.deepEqual(readPcapng(encodePcapng(file)), file)));
});

test("readPcapng throws DecodeError alone, for any bytes and for a file that is changed or cut", () => {
  const [sample] = fc.sample(files, { numRuns: 1, seed: 7 });
  assert.ok(sample);
  const bytes = encodePcapng(sample);
  const tolerant = (input: Buffer) => {
    try {
      readPcapng(input);
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (any) => tolerant(Buffer.from(any))));
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(bytes.length), (at, value, end) => {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(value, at);
      tolerant(changed.subarray(0, end));
      tolerant(changed);
    }),
    { numRuns: 1000 },
  );
});
