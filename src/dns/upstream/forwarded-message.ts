/**
 * An answer of another name server, as it is kept and given to clients: its bytes with other ids, times to live and
 * without its OPT record, which is about the connection. Names in it may point anywhere before them, so records stay
 * where they are. Source: RFC 1035 section 4.1.4, RFC 2308 section 5, RFC 6891 section 6.1.1.
 */
import {
  AUTHENTIC_DATA,
  CHECKING_DISABLED,
  FLAG,
  HEADER_BYTES,
  type Query,
  RCODE,
  RECURSION_AVAILABLE,
  readRecordPlace,
  skipName,
  TYPE,
} from "../message/parse-query.ts";

export interface ForwardedMessage {
  /** Header, question and records. */
  readonly bytes: Buffer;
  readonly questionEnd: number;
  readonly rcode: number;
  readonly truncated: boolean;
  readonly authenticData: boolean;
  /** How many records each section has. */
  readonly counts: readonly [answers: number, authority: number, additional: number];
  /** Where the records' times to live are. */
  readonly ttlOffsets: readonly number[];
  /** Seconds that all of it may be kept; 0 for not at all. */
  readonly ttlSeconds: number;
}

const SOA_MINIMUM_BYTES = 4;
const MAX_TTL = 0x7fff_ffff;

/** Undefined when it is no whole answer with one question. */
export function parseForwarded(bytes: Buffer): ForwardedMessage | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = bytes.readUInt16BE(2);
  const nameEnd = skipName(bytes, HEADER_BYTES);
  if ((flags & FLAG.response) === 0 || bytes.readUInt16BE(4) !== 1 || nameEnd === undefined) return undefined;
  const questionEnd = nameEnd + 4;
  if (questionEnd > bytes.length) return undefined;
  const truncated = (flags & FLAG.truncated) !== 0;
  const counts: [number, number, number] = [0, 0, 0];
  const ttlOffsets: number[] = [];
  let answerTtl: number | undefined;
  let negativeTtl = 0;
  let at = questionEnd;
  let end = questionEnd;
  sections: for (const section of [0, 1, 2] as const) {
    const count = bytes.readUInt16BE(6 + 2 * section);
    for (let index = 0; index < count; index++) {
      const place = readRecordPlace(bytes, at);
      if (place === undefined) {
        if (truncated) break sections;
        return undefined;
      }
      // What is behind it is beside the answer, and can be left out.
      if (place.type === TYPE.OPT) break sections;
      const ttl = Math.min(bytes.readUInt32BE(place.fixed + 4), MAX_TTL);
      if (section === 0) answerTtl = Math.min(answerTtl ?? ttl, ttl);
      if (section === 1 && place.type === TYPE.SOA && place.end - SOA_MINIMUM_BYTES > place.fixed + 10) {
        negativeTtl = Math.min(ttl, bytes.readUInt32BE(place.end - SOA_MINIMUM_BYTES));
      }
      counts[section]++;
      ttlOffsets.push(place.fixed + 4);
      at = place.end;
      end = place.end;
    }
  }
  const rcode = flags & 0xf;
  const isKept = !truncated && (rcode === RCODE.noError || rcode === RCODE.nameError);
  const isPositive = rcode === RCODE.noError && answerTtl !== undefined;
  const kept = Buffer.from(bytes.subarray(0, end));
  for (const section of [0, 1, 2] as const) kept.writeUInt16BE(counts[section], 6 + 2 * section);
  return {
    bytes: kept,
    questionEnd,
    rcode,
    truncated,
    authenticData: (flags & AUTHENTIC_DATA) !== 0,
    counts,
    ttlOffsets,
    ttlSeconds: isKept ? (isPositive ? (answerTtl ?? 0) : negativeTtl) : 0,
  };
}

export interface WriteForwardedOptions {
  readonly limit: number;
  /** Since it came. */
  readonly ageSeconds: number;
}

const OPT_BYTES = 11;
const OUR_PAYLOAD_BYTES = 1232;

/** For a client that asks the same. What does not fit is asked for again over TCP. */
export function writeForwarded(
  query: Query,
  message: ForwardedMessage,
  { limit, ageSeconds }: WriteForwardedOptions,
): Buffer {
  const { edns, questionEnd, flags: asked } = query;
  const optBytes = edns === undefined ? 0 : OPT_BYTES;
  const fits = message.bytes.length + optBytes <= limit && message.questionEnd === questionEnd;
  const bodyEnd = fits ? message.bytes.length : questionEnd;
  const response = Buffer.alloc(bodyEnd + optBytes);
  if (fits) {
    message.bytes.copy(response);
    for (const offset of message.ttlOffsets) {
      response.writeUInt32BE(Math.max(0, response.readUInt32BE(offset) - ageSeconds), offset);
    }
  }
  query.bytes.copy(response, 0, 0, questionEnd);
  const wantsAuthenticity = (asked & AUTHENTIC_DATA) !== 0 || edns?.dnssecOk === true;
  const flags =
    FLAG.response |
    RECURSION_AVAILABLE |
    (asked & (FLAG.recursionDesired | CHECKING_DISABLED)) |
    (fits && !message.truncated ? 0 : FLAG.truncated) |
    (message.authenticData && wantsAuthenticity ? AUTHENTIC_DATA : 0) |
    message.rcode;
  response.writeUInt16BE(flags, 2);
  response.writeUInt16BE(1, 4);
  const [answers, authority, additional] = fits ? message.counts : [0, 0, 0];
  response.writeUInt16BE(answers, 6);
  response.writeUInt16BE(authority, 8);
  response.writeUInt16BE(additional + (optBytes > 0 ? 1 : 0), 10);
  if (edns !== undefined) {
    response.writeUInt16BE(TYPE.OPT, bodyEnd + 1);
    response.writeUInt16BE(OUR_PAYLOAD_BYTES, bodyEnd + 3);
    response.writeUInt16BE(edns.dnssecOk ? 0x8000 : 0, bodyEnd + 7);
  }
  return response;
}
