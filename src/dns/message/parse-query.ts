/**
 * A question as a resolver sends it: header, one question, and what EDNS0 says behind it. It reads every byte that
 * anybody can send, so it checks every length and gives what is wrong as a response code instead of throwing.
 * Source: RFC 1035 section 4.1, RFC 6891 section 6.1 (OPT), RFC 7766 (lengths are TCP's).
 */

export const RCODE = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;
export type Rcode = (typeof RCODE)[keyof typeof RCODE];

/** Types that are treated apart. Source: IANA, "Domain Name System (DNS) Parameters". */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS_IN = 1;
export const HEADER_BYTES = 12;
/** Bits of the second word of the header. */
export const FLAG = { response: 0x8000, authoritative: 0x400, truncated: 0x200, recursionDesired: 0x100 } as const;
export const RECURSION_AVAILABLE = 0x80;
export const AUTHENTIC_DATA = 0x20;
export const CHECKING_DISABLED = 0x10;
const OPCODE_MASK = 0x7800;
const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
/** What an RR has behind its name: type, class, TTL, length. */
const RR_FIXED_BYTES = 10;

export interface Edns {
  readonly payloadBytes: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

export interface Query {
  readonly bytes: Buffer;
  readonly flags: number;
  /** Labels with their lengths before them, as on the wire, in lower case, without the root's zero. */
  readonly key: string;
  readonly type: number;
  readonly class: number;
  /** Where the question ends. */
  readonly questionEnd: number;
  readonly edns: Edns | undefined;
}

export type ParsedQuery =
  | { readonly query: Query; readonly rcode?: undefined }
  /** `question`: whether there is one to be repeated in the answer. */
  | { readonly query?: undefined; readonly rcode: Rcode; readonly questionEnd: number | undefined };

/** Undefined when nothing may be answered: too short for a header, or an answer itself. */
export function parseQuery(bytes: Buffer): ParsedQuery | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & FLAG.response) !== 0) return undefined;
  if ((flags & OPCODE_MASK) !== 0) return refusal(RCODE.notImplemented);
  if (bytes.readUInt16BE(4) !== 1) return refusal(RCODE.formatError);
  const nameEnd = endOfQuestionName(bytes);
  if (nameEnd === undefined || nameEnd + 4 > bytes.length) return refusal(RCODE.formatError);
  const questionEnd = nameEnd + 4;
  const edns = bytes.readUInt16BE(10) === 0 ? undefined : readEdns(bytes, questionEnd);
  if (edns === "malformed") return { rcode: RCODE.formatError, questionEnd };
  return {
    query: {
      bytes,
      flags,
      key: lowerCase(bytes.toString("latin1", HEADER_BYTES, nameEnd - 1)),
      type: bytes.readUInt16BE(nameEnd),
      class: bytes.readUInt16BE(nameEnd + 2),
      questionEnd,
      edns,
    },
  };
}

/** Labels of a key, the nearest to the root last. */
export function labelsOf(key: string): readonly string[] {
  const labels: string[] = [];
  for (let at = 0; at < key.length; ) {
    const end = at + 1 + key.charCodeAt(at);
    labels.push(key.slice(at + 1, end));
    at = end;
  }
  return labels;
}

/** The key of a name in lower case, without a dot at its end. */
export function keyOfName(name: string): string {
  if (name === "") return "";
  return name
    .split(".")
    .map((label) => String.fromCharCode(label.length) + label)
    .join("");
}

/**
 * Behind the name at `offset`, which may end in a pointer; undefined when it does not end. Pointers are not followed, so
 * there is no loop to be caught in.
 */
export function skipName(bytes: Buffer, offset: number): number | undefined {
  for (let at = offset; ; ) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) return at + 1;
    if ((length & 0xc0) === 0xc0) return at + 2 <= bytes.length ? at + 2 : undefined;
    if (length > MAX_LABEL_BYTES) return undefined;
    at += length + 1;
    if (at - offset >= MAX_NAME_BYTES) return undefined;
  }
}

export interface RecordPlace {
  readonly start: number;
  /** Behind the name. */
  readonly fixed: number;
  readonly type: number;
  readonly end: number;
}

/** Undefined when it does not fit into the message. */
export function readRecordPlace(bytes: Buffer, start: number): RecordPlace | undefined {
  const fixed = skipName(bytes, start);
  if (fixed === undefined || fixed + RR_FIXED_BYTES > bytes.length) return undefined;
  const end = fixed + RR_FIXED_BYTES + bytes.readUInt16BE(fixed + 8);
  return end > bytes.length ? undefined : { start, fixed, type: bytes.readUInt16BE(fixed), end };
}

/** A question's name has nothing before it to point to. */
function endOfQuestionName(bytes: Buffer): number | undefined {
  for (let at = HEADER_BYTES; ; ) {
    const length = bytes[at];
    if (length === undefined || length > MAX_LABEL_BYTES) return undefined;
    at += length + 1;
    if (at - HEADER_BYTES > MAX_NAME_BYTES) return undefined;
    if (length === 0) return at;
  }
}

/** At most one OPT, of the root's name; other records are none of a question's business and skipped. */
function readEdns(bytes: Buffer, questionEnd: number): Edns | undefined | "malformed" {
  const before = bytes.readUInt16BE(6) + bytes.readUInt16BE(8);
  const count = before + bytes.readUInt16BE(10);
  let edns: Edns | undefined;
  let at = questionEnd;
  for (let index = 0; index < count; index++) {
    const place = readRecordPlace(bytes, at);
    if (place === undefined) return "malformed";
    if (place.type === TYPE.OPT) {
      if (edns !== undefined || index < before || place.fixed !== at + 1) return "malformed";
      const { fixed } = place;
      edns = {
        payloadBytes: bytes.readUInt16BE(fixed + 2),
        version: bytes.readUInt8(fixed + 5),
        dnssecOk: (bytes.readUInt8(fixed + 6) & 0x80) !== 0,
      };
    }
    at = place.end;
  }
  return edns;
}

/** ASCII only: other bytes are different names. Lengths are below the letters. */
function lowerCase(key: string): string {
  return /[^\0-\x7f]/.test(key) ? key.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : key.toLowerCase();
}

function refusal(rcode: Rcode): ParsedQuery {
  return { rcode, questionEnd: undefined };
}
