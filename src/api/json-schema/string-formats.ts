/**
 * The formats of strings that API servers check; all others are ignored.
 * Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (validation); the
 * meaning of each is that of the go-openapi string formats.
 */
import { findAddress, findPrefix } from "../kinds/network/address.ts";

type IsValid = (text: string) => boolean;

const UUID = "[0-9a-f]{8}-?[0-9a-f]{4}-?{}-?{}-?[0-9a-f]{12}";
const RGB_PART = "\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*";

const HOSTNAME_LABEL = /^[a-zA-Z0-9\p{S}\p{L}](?:[a-zA-Z0-9\p{S}\p{L}-]{0,61}[a-zA-Z0-9\p{S}\p{L}])?$/u;
const DURATION =
  /^[-+]?(?:0|(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*)$/;
const LOOSE_DURATION =
  /\d+\s*(?:ns|nano[a-z]*|us|µs|micro[a-z]*|ms|milli[a-z]*|s|sec[a-z]*|m|min[a-z]*|h|hr|hour[a-z]*|d|day[a-z]*|w|wk|week[a-z]*)(?![a-zµ])/i;
const TIME = /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:.\d+)?(?:z|[+-]\d{2}:\d{2})$/;
const CREDIT_CARD =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;

const formats: Readonly<Record<string, IsValid>> = {
  bsonobjectid: like("[0-9a-fA-F]{24}"),
  uri: isRequestUri,
  email: like("(?:[^<>]*<)?[^\\s@<>]+@[^\\s@<>]+>?"),
  hostname: isHostname,
  ipv4: (text) => text.includes(".") && findAddress(text) !== undefined,
  ipv6: (text) => text.includes(":") && findAddress(text) !== undefined,
  cidr: (text) => findPrefix(text) !== undefined,
  mac: isMac,
  uuid: uuid("[0-9a-f]{4}", "[0-9a-f]{4}"),
  uuid3: uuid("3[0-9a-f]{3}", "[0-9a-f]{4}"),
  uuid4: uuid("4[0-9a-f]{3}", "[89ab][0-9a-f]{3}"),
  uuid5: uuid("5[0-9a-f]{3}", "[89ab][0-9a-f]{3}"),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  ssn: like("\\d{3}[- ]?\\d{2}[- ]?\\d{4}"),
  hexcolor: like("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
  rgbcolor: like(`rgb\\(${RGB_PART},${RGB_PART},${RGB_PART}\\)`),
  byte: like("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"),
  password: () => true,
  date: isDate,
  duration: (text) => DURATION.test(text) || LOOSE_DURATION.test(text),
  datetime: isDateTime,
};

/** undefined: the format is not checked. "date-time" and "datetime" are the same. */
export function findStringFormat(format: string): IsValid | undefined {
  const name = format.replaceAll("-", "");
  return Object.hasOwn(formats, name) ? formats[name] : undefined;
}

function like(pattern: string, flags = ""): IsValid {
  const expression = new RegExp(`^(?:${pattern})$`, flags);
  return (text) => expression.test(text);
}

function uuid(version: string, variant: string): IsValid {
  return like(UUID.replace("{}", version).replace("{}", variant), "i");
}

function isRequestUri(text: string): boolean {
  if (text.startsWith("/")) return true;
  return /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text) && URL.canParse(text);
}

function isHostname(text: string): boolean {
  return text.length <= 255 && text.split(".").every((label) => HOSTNAME_LABEL.test(label));
}

function isMac(text: string): boolean {
  const colons = /^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1)*[0-9a-f]{2}$/i.test(text) && [17, 23, 59].includes(text.length);
  return colons || (/^[0-9a-f]{4}(?:\.[0-9a-f]{4})+$/i.test(text) && [14, 19, 49].includes(text.length));
}

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year === undefined) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return date.getUTCMonth() + 1 === Number(month) && date.getUTCDate() === Number(day);
}

function isDateTime(text: string): boolean {
  const [date = "", time = ""] = text.toLowerCase().split("t");
  return isDate(date) && TIME.test(time);
}

function digitsOf(text: string): string {
  return text.replace(/[\s-]+/g, "");
}

function isIsbn10(text: string): boolean {
  const digits = digitsOf(text);
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce(
    (total, digit, index) => total + (index + 1) * (digit === "X" ? 10 : Number(digit)),
    0,
  );
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = digitsOf(text);
  if (!/^\d{13}$/.test(digits)) return false;
  return [...digits].reduce((total, digit, index) => total + (index % 2 === 0 ? 1 : 3) * Number(digit), 0) % 10 === 0;
}

function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D+/g, "");
  if (!CREDIT_CARD.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = index % 2 === 0 ? Number(digit) : 2 * Number(digit);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}
