import assert from "node:assert/strict";
import { test } from "node:test";
import { findStringFormat } from "./string-formats.ts";

const table: Readonly<Record<string, { readonly yes: readonly string[]; readonly no: readonly string[] }>> = {
  ipv4: { yes: ["10.0.0.1"], no: ["::1", "10.0.0", "10.0.0.256"] },
  ipv6: { yes: ["::1", "fd00::1"], no: ["10.0.0.1", "x"] },
  cidr: { yes: ["10.0.0.0/8", "fd00::/64"], no: ["10.0.0.0", "10.0.0.0/33"] },
  mac: { yes: ["00:11:22:aa:BB:cc", "0011.2233.4455"], no: ["00:11:22:aa:BB", "00:11:22:aa:BB-cc"] },
  uuid: { yes: ["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"], no: ["x"] },
  uuid4: { yes: ["123e4567-e89b-42d3-a456-426614174000"], no: ["123e4567-e89b-12d3-a456-426614174000"] },
  "date-time": {
    yes: ["2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123+01:00"],
    no: ["2024-01-02", "2024-02-30T00:00:00Z"],
  },
  date: { yes: ["2024-02-29"], no: ["2023-02-29", "2024-1-1"] },
  duration: { yes: ["1h30m", "10s", "0", "5 minutes", "22 ns"], no: ["", "abc", "10"] },
  byte: { yes: ["YWJj", "YQ=="], no: ["a", "YQ="] },
  hostname: { yes: ["example.com", "a", "1a.b"], no: ["-a", "a..b", "a_b"] },
  email: { yes: ["a@b", "A <a@b.c>"], no: ["a", "@b"] },
  uri: { yes: ["https://a/b", "/path"], no: ["a b", "relative"] },
  hexcolor: { yes: ["#fff", "a0B1c2"], no: ["#ffff"] },
  rgbcolor: { yes: ["rgb(1, 2,255)"], no: ["rgb(1,2)"] },
  creditcard: { yes: ["4111 1111 1111 1111"], no: ["4111 1111 1111 1112"] },
  isbn: { yes: ["0321751043", "978-0321751041"], no: ["0321751044"] },
  ssn: { yes: ["111-22-3333"], no: ["1-2-3"] },
  bsonobjectid: { yes: ["507f1f77bcf86cd799439011"], no: ["5"] },
  password: { yes: ["", "x"], no: [] },
};
for (const [format, { yes, no }] of Object.entries(table)) {
  test(`findStringFormat knows ${format}`, () => {
    const isValid = findStringFormat(format);
    assert.ok(isValid !== undefined);
    for (const text of yes) assert.ok(isValid(text), `${text} is a ${format}`);
    for (const text of no) assert.ok(!isValid(text), `${text} is no ${format}`);
  });
}

test("findStringFormat leaves others unchecked", () => {
  for (const format of ["", "bogus", "int32", "constructor"]) assert.equal(findStringFormat(format), undefined);
});
