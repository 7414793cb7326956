import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeError } from "#base/codec/codec.ts";
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from "./launcher-protocol.ts";

const bytes = fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array));
const text = fc.string({ unit: "grapheme" });
const variable = fc.tuple(
  fc.oneof(fc.constantFrom("__proto__", "constructor", "CNI_ARGS"), text).filter((name) => /^[^=\0]+$/.test(name)),
  text.filter((value) => !value.includes("\0")),
);

test("decodeRequest gives back what encodeRequest was given", () => {
  fc.assert(
    fc.property(text, fc.array(variable), bytes, (plugin, variables, stdin) => {
      const environment = Object.fromEntries(variables);
      const decoded = decodeRequest(encodeRequest({ plugin, environment, stdin }));
      assert.deepEqual({ ...decoded, stdin: Buffer.from(decoded.stdin) }, { plugin, environment, stdin });
    }),
  );
});

test("decodeReply gives back what encodeReply was given", () => {
  fc.assert(
    fc.property(text, text, fc.nat(0xffffffff), (stdout, stderr, exitCode) => {
      assert.deepEqual(decodeReply(encodeReply({ stdout, stderr, exitCode })), { stdout, stderr, exitCode });
    }),
  );
});

const DECODERS = {
  decodeRequest: {
    decode: decodeRequest,
    whole: encodeRequest({ plugin: "bridge", environment: { A: "1", B: "" }, stdin: Buffer.from("{}") }),
    /** Everything behind the environment is stdin. */
    minimum: 12 + "bridge".length + "A=1\0B=\0".length,
  },
  decodeReply: { decode: decodeReply, whole: encodeReply({ exitCode: 1, stdout: "{}", stderr: "x" }), minimum: 16 + 3 },
};

for (const [name, { decode, whole, minimum }] of Object.entries(DECODERS)) {
  test(`${name} refuses what was cut short`, () => {
    for (let length = 0; length < minimum; length++) {
      assert.throws(() => decode(whole.subarray(0, length)), DecodeError, `${length} bytes`);
    }
    decode(whole);
  });

  test(`${name} survives any bytes: a value or a DecodeError`, () => {
    const header = fc.tuple(fc.constant(whole.subarray(0, 4)), bytes).map((parts) => Buffer.concat(parts));
    const mutated = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const copy = Buffer.from(whole);
        for (const [at, value] of changes) copy[at] = value;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(bytes, header, mutated), (input) => {
        try {
          decode(input);
        } catch (error) {
          assert.ok(error instanceof DecodeError, `${error}`);
        }
      }),
      { numRuns: 10_000 },
    );
  });
}

test("decodeRequest ignores entries of the environment that are no variables", () => {
  const entries = Buffer.from("NOTHING\0=x\0A==b=\0\0C=\0");
  const header = Buffer.from("PWC1\0\0\0\0\0\0\0\0", "latin1");
  header.writeUInt32LE(entries.length, 8);
  assert.deepEqual(decodeRequest(Buffer.concat([header, entries])).environment, { A: "=b=", C: "" });
});
