import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import {
  AddressError,
  addressBytes,
  addressLength,
  addressToBigInt,
  bigIntToAddress,
  contains,
  type Family,
  familyOf,
  formatAddress,
  formatPrefix,
  hostPrefix,
  isAddress,
  lastAddress,
  networkOf,
  overlaps,
  parseAddress,
  parsePrefix,
} from "./ip-address.ts";

const CANONICAL = [
  ["10.1.0.5", "10.1.0.5"],
  ["0.0.0.0", "0.0.0.0"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["FD00:0:0::1", "fd00::1"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
  ["fd00::00ff", "fd00::ff"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::FFFF:0a00:0001", "10.0.0.1"],
] as const;

for (const [text, canonical] of CANONICAL) {
  test(`parseAddress reads ${text} as ${canonical}`, () => {
    assert.equal(parseAddress(text), canonical);
    assert.ok(isAddress(text));
  });
}

const BAD_ADDRESSES = [
  ["empty", ""],
  ["three octets", "10.0.1"],
  ["five octets", "10.0.0.0.1"],
  ["leading zero", "10.0.0.01"],
  ["octet above 255", "10.0.0.256"],
  ["space", " 10.0.0.1"],
  ["sign", "10.0.0.+1"],
  ["one colon", ":"],
  ["three colons", ":::"],
  ["two gaps", "1::2::3"],
  ["leading colon", ":1::2"],
  ["trailing colon", "1::2:"],
  ["seven groups", "1:2:3:4:5:6:7"],
  ["nine groups", "1:2:3:4:5:6:7:8:9"],
  ["a gap of nothing", "1:2:3:4::5:6:7:8"],
  ["five digits", "12345::"],
  ["zone", "fe80::1%eth0"],
  ["IPv4 not at the end", "1.2.3.4::"],
  ["IPv4 before a group", "::1.2.3.4:5"],
  ["prefix", "10.0.0.0/8"],
] as const;

for (const [what, text] of BAD_ADDRESSES) {
  test(`parseAddress refuses ${what}: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseAddress(text), AddressError);
    assert.ok(!isAddress(text));
  });
}

const PREFIXES = [
  { text: "10.1.0.5/16", family: 4, network: "10.1.0.0/16", last: "10.1.255.255" },
  { text: "192.168.7.9/32", family: 4, network: "192.168.7.9/32", last: "192.168.7.9" },
  { text: "1.2.3.4/0", family: 4, network: "0.0.0.0/0", last: "255.255.255.255" },
  { text: "fd00::5/64", family: 6, network: "fd00::/64", last: "fd00::ffff:ffff:ffff:ffff" },
  { text: "::1/128", family: 6, network: "::1/128", last: "::1" },
] as const;

for (const { text, family, network, last } of PREFIXES) {
  test(`parsePrefix, networkOf and lastAddress of ${text}`, () => {
    const prefix = parsePrefix(text);
    assert.equal(prefix.family, family);
    assert.equal(formatPrefix(prefix), text);
    assert.equal(formatPrefix(networkOf(prefix)), network);
    assert.equal(lastAddress(prefix), last);
  });
}

test("parsePrefix reads an IPv4-mapped prefix as IPv4", () => {
  assert.deepEqual(parsePrefix("::ffff:10.0.0.1/120"), { family: 4, address: "10.0.0.1", length: 24 });
});

for (const text of ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "::/129", "/8", "x/8"]) {
  test(`parsePrefix refuses ${text}`, () => {
    assert.throws(() => parsePrefix(text), AddressError);
  });
}

test("parsePrefix refuses an IPv4-mapped prefix that is wider than IPv4", () => {
  assert.throws(() => parsePrefix("::ffff:10.0.0.1/64"), AddressError);
});

test("contains keeps the families apart", () => {
  assert.equal(contains(parsePrefix("0.0.0.0/0"), parseAddress("::")), false);
  assert.equal(contains(parsePrefix("::/0"), parseAddress("10.0.0.1")), false);
});

test("overlaps is about the network part only", () => {
  assert.equal(overlaps(parsePrefix("10.1.2.3/16"), parsePrefix("10.1.9.0/24")), true);
  assert.equal(overlaps(parsePrefix("10.1.9.0/24"), parsePrefix("10.1.2.3/16")), true);
  assert.equal(overlaps(parsePrefix("10.1.0.0/24"), parsePrefix("10.1.1.0/24")), false);
});

const family = fc.constantFrom<Family>(4, 6);
const familyAndValue = family.chain((family) =>
  fc.record({
    family: fc.constant(family),
    value: fc.bigInt({ min: 0n, max: (1n << BigInt(addressLength(family))) - 1n }),
    length: fc.integer({ min: 0, max: addressLength(family) }),
  }),
);

test("bigint, bytes and text are the same address", () => {
  fc.assert(
    fc.property(familyAndValue, ({ family, value }) => {
      const address = bigIntToAddress(family, value);
      assert.equal(familyOf(address), family);
      assert.equal(addressToBigInt(address), value);
      assert.equal(formatAddress(addressBytes(address)), address);
      assert.equal(family === 4 ? isIPv4(address) : isIPv6(address), true);
      if (!address.startsWith("::ffff:")) assert.equal(parseAddress(address), address);
    }),
  );
});

test("IPv6 text is what WHATWG URL prints for the same bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 }), (bytes) => {
      const address = formatAddress(Uint8Array.from(bytes));
      if (address.startsWith("::ffff:")) return;
      assert.equal(new URL(`http://[${address}]/`).hostname, `[${address}]`);
    }),
  );
});

test("parseAddress accepts nothing that node:net refuses, and throws only AddressError", () => {
  const pieces = fc.array(fc.constantFrom("0", "1", "25", "ff", "ffff", ":", "::", ".", "/", "%", "g", " "));
  fc.assert(
    fc.property(
      pieces.map((parts) => parts.join("")),
      (text) => {
        let accepted = true;
        try {
          parseAddress(text);
        } catch (error) {
          assert.ok(error instanceof AddressError);
          accepted = false;
        }
        assert.equal(accepted, (isIPv4(text) || isIPv6(text)) && !text.includes("%"));
      },
    ),
    { numRuns: 5000 },
  );
});

test("networkOf and lastAddress are the ends of what contains accepts", () => {
  fc.assert(
    fc.property(familyAndValue, ({ family, value, length }) => {
      const prefix = { family, address: bigIntToAddress(family, value), length };
      const first = addressToBigInt(networkOf(prefix).address);
      const last = addressToBigInt(lastAddress(prefix));
      assert.equal(last - first, (1n << BigInt(addressLength(family) - length)) - 1n);
      assert.ok(first <= value && value <= last);
      assert.ok(contains(prefix, bigIntToAddress(family, first)));
      assert.ok(contains(prefix, bigIntToAddress(family, last)));
      if (first > 0n) assert.ok(!contains(prefix, bigIntToAddress(family, first - 1n)));
      assert.ok(contains(hostPrefix(prefix.address), prefix.address));
    }),
  );
});

test("bigIntToAddress refuses what does not fit", () => {
  assert.throws(() => bigIntToAddress(4, 1n << 32n), AddressError);
  assert.throws(() => bigIntToAddress(6, 1n << 128n), AddressError);
  assert.throws(() => bigIntToAddress(4, -1n), AddressError);
});

test("formatAddress refuses other lengths", () => {
  assert.throws(() => formatAddress(new Uint8Array(5)), AddressError);
});
