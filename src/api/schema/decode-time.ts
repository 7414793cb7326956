/**
 * Times as the API keeps them: RFC 3339 in UTC, without fractions or with exactly six digits of them. Other offsets
 * and precisions are converted. Source: RFC 3339 section 5.6; meta/v1 Time and MicroTime; texts of Go's time.Parse.
 */

export type TimePrecision = "seconds" | "microseconds";
export type DecodedTime = { readonly value: string } | { readonly problem: string };

const LAYOUT = { seconds: "2006-01-02T15:04:05Z07:00", microseconds: "2006-01-02T15:04:05.000000Z07:00" } as const;
/** What needs no conversion: days that every month has, in UTC. */
const CANONICAL = {
  seconds: /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3])(?::[0-5]\d){2}Z$/,
  microseconds: /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3])(?::[0-5]\d){2}\.\d{6}Z$/,
} as const;
const FORM =
  /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)T(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)(?:[.,](?<fraction>\d+))?(?:Z|(?<sign>[+-])(?<offsetHour>\d\d):(?<offsetMinute>\d\d))(?<rest>.*)$/s;

/** What stands at each place, and how the layout names it. */
const PARTS: readonly (readonly [form: RegExp, name: string])[] = [
  [/^\d{4}/, "2006"],
  [/^-/, "-"],
  [/^\d\d/, "01"],
  [/^-/, "-"],
  [/^\d\d/, "02"],
  [/^T/, "T"],
  [/^\d\d/, "15"],
  [/^:/, ":"],
  [/^\d\d/, "04"],
  [/^:/, ":"],
  [/^\d\d(?:[.,]\d+)?/, "05"],
  [/^(?:Z|[+-]\d\d:\d\d)/, "Z07:00"],
];

export function decodeTime(text: string, precision: TimePrecision): DecodedTime {
  if (CANONICAL[precision].test(text)) return { value: text };
  const groups = FORM.exec(text)?.groups;
  if (groups === undefined) {
    return { problem: `parsing time ${JSON.stringify(text)} as "${LAYOUT[precision]}": ${firstBadPart(text)}` };
  }
  const number = (name: string): number => Number(groups[name] ?? 0);
  const [month, day, hour, minute, second] = [
    number("month"),
    number("day"),
    number("hour"),
    number("minute"),
    number("second"),
  ];
  const date = startOfDay(number("year"), month, day);
  const unit =
    month < 1 || month > 12
      ? "month"
      : day < 1 || date.getUTCDate() !== day
        ? "day"
        : hour > 23
          ? "hour"
          : minute > 59
            ? "minute"
            : second > 59
              ? "second"
              : number("offsetHour") > 24 || number("offsetMinute") > 60
                ? "time zone offset"
                : undefined;
  if (unit !== undefined) return { problem: `parsing time ${JSON.stringify(text)}: ${unit} out of range` };
  if (groups["rest"] !== "") {
    return { problem: `parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(groups["rest"])}` };
  }
  const offset = (groups["sign"] === "-" ? -1 : 1) * (number("offsetHour") * 60 + number("offsetMinute"));
  date.setUTCHours(hour, minute - offset, second);
  const value = formatTime(date, precision, groups["fraction"]);
  return value === undefined ? { problem: "Time.MarshalJSON: year outside of range [0,9999]" } : { value };
}

/** `fraction`: digits behind the second; what is finer than the precision is cut. Undefined: not in the years 0 to 9999. */
export function formatTime(date: Date, precision: TimePrecision, fraction = ""): string | undefined {
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) return undefined;
  const whole = date.toISOString().slice(0, 19);
  return precision === "seconds" ? `${whole}Z` : `${whole}.${fraction.padEnd(6, "0").slice(0, 6)}Z`;
}

function firstBadPart(text: string): string {
  let rest = text;
  for (const [form, name] of PARTS) {
    const match = form.exec(rest);
    if (match === null) return `cannot parse ${JSON.stringify(rest)} as "${name}"`;
    rest = rest.slice(match[0].length);
  }
  return `extra text: ${JSON.stringify(rest)}`;
}

/** Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999. */
function startOfDay(year: number, month: number, day: number): Date {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date;
}
