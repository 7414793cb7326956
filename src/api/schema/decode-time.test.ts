import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeTime, formatTime } from "./decode-time.ts";

const seconds: readonly (readonly [text: string, value: string])[] = [
  ["2024-02-29T12:34:56Z", "2024-02-29T12:34:56Z"],
  ["2024-12-31T23:59:59.999999999Z", "2024-12-31T23:59:59Z"],
  ["2024-01-01T00:30:00+01:00", "2023-12-31T23:30:00Z"],
  ["2024-01-01T00:30:00.5-05:30", "2024-01-01T06:00:00Z"],
  ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"],
  ["0050-03-01T00:00:00Z", "0050-03-01T00:00:00Z"],
];

for (const [text, value] of seconds) {
  test(`decodeTime of ${text} is ${value}`, () => assert.deepEqual(decodeTime(text, "seconds"), { value }));
}

const micros: readonly (readonly [text: string, value: string])[] = [
  ["2024-01-01T00:00:00.123456Z", "2024-01-01T00:00:00.123456Z"],
  ["2024-01-31T00:00:00.12Z", "2024-01-31T00:00:00.120000Z"],
  ["2024-01-31T00:00:00.123456789Z", "2024-01-31T00:00:00.123456Z"],
  ["2024-01-31T00:00:00+02:00", "2024-01-30T22:00:00.000000Z"],
];

for (const [text, value] of micros) {
  test(`decodeTime of ${text} in microseconds is ${value}`, () =>
    assert.deepEqual(decodeTime(text, "microseconds"), { value }));
}

const LAYOUT = 'as "2006-01-02T15:04:05Z07:00"';
const wrong: readonly (readonly [text: string, problem: string])[] = [
  ["", `parsing time "" ${LAYOUT}: cannot parse "" as "2006"`],
  ["yesterday", `parsing time "yesterday" ${LAYOUT}: cannot parse "yesterday" as "2006"`],
  ["2024-01-01", `parsing time "2024-01-01" ${LAYOUT}: cannot parse "" as "T"`],
  ["2024-01-01 00:00:00Z", `parsing time "2024-01-01 00:00:00Z" ${LAYOUT}: cannot parse " 00:00:00Z" as "T"`],
  ["2024-01-01T00:00:00", `parsing time "2024-01-01T00:00:00" ${LAYOUT}: cannot parse "" as "Z07:00"`],
  ["2024-13-01T00:00:00Z", 'parsing time "2024-13-01T00:00:00Z": month out of range'],
  ["2023-02-29T00:00:00Z", 'parsing time "2023-02-29T00:00:00Z": day out of range'],
  ["2024-01-01T24:00:00Z", 'parsing time "2024-01-01T24:00:00Z": hour out of range'],
  ["2024-01-01T00:00:60Z", 'parsing time "2024-01-01T00:00:60Z": second out of range'],
  ["2024-01-01T00:00:00Zx", 'parsing time "2024-01-01T00:00:00Zx": extra text: "x"'],
];

for (const [text, problem] of wrong) {
  test(`decodeTime refuses ${JSON.stringify(text)}`, () => assert.deepEqual(decodeTime(text, "seconds"), { problem }));
}

test("decodeTime gives what Date understands as the same moment", () => {
  const date = fc.date({
    min: new Date("0001-01-02T00:00:00Z"),
    max: new Date("9999-12-30T00:00:00Z"),
    noInvalidDate: true,
  });
  const property = fc.property(date, fc.integer({ min: -720, max: 720 }), (moment, offset) => {
    const local = new Date(moment.getTime() + offset * 60_000).toISOString().slice(0, 23);
    const [hours, minutes] = [Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60].map((n) =>
      String(n).padStart(2, "0"),
    );
    const decoded = decodeTime(`${local}${offset < 0 ? "-" : "+"}${hours}:${minutes}`, "microseconds");
    assert.deepEqual(decoded, { value: `${moment.toISOString().slice(0, 23)}000Z` });
  });
  fc.assert(property);
});

test("formatTime gives undefined outside of the years 0 to 9999", () => {
  assert.equal(formatTime(new Date(8.64e15), "seconds"), undefined);
  assert.equal(formatTime(new Date(Number.NaN), "seconds"), undefined);
});
