/**
 * Answers on the wire: the client's own question with our records behind it, cut where the client's limit is.
 * Source: RFC 1035 section 4.1, RFC 2181 section 9 (truncation), RFC 6891 (EDNS0), RFC 8914 (extended errors).
 */
import type { AnswerBytes } from "./answer-bytes.ts";
import {
  CHECKING_DISABLED,
  FLAG,
  HEADER_BYTES,
  type Query,
  RCODE,
  type Rcode,
  RECURSION_AVAILABLE,
  TYPE,
} from "./parse-query.ts";

/** What every resolver takes. */
export const PLAIN_UDP_BYTES = 512;
/** Fits into one packet on nearly every way. Source: DNS flag day 2020. */
export const UDP_BYTES = 1232;
export const TCP_BYTES = 65_535;

/** INFO-CODE of RFC 8914. */
export const EXTENDED_ERROR = {
  notReady: 14,
  prohibited: 18,
  notAuthoritative: 20,
  noReachableAuthority: 22,
  networkError: 23,
} as const;

export interface ExtendedError {
  readonly code: (typeof EXTENDED_ERROR)[keyof typeof EXTENDED_ERROR];
  readonly text: string;
}

/** `recursion`: whether names of others are looked up. */
export interface ResponseFlags {
  readonly authoritative: boolean;
  readonly recursion: boolean;
}

const OPT_BYTES = 11;
const OPTION_HEADER_BYTES = 4;
const EXTENDED_ERROR_OPTION = 15;
/** Of a query: recursion desired and checking disabled are repeated. */
const REPEATED_FLAGS = FLAG.recursionDesired | CHECKING_DISABLED;

export function udpLimit({ edns }: Query): number {
  return edns === undefined ? PLAIN_UDP_BYTES : Math.min(UDP_BYTES, Math.max(PLAIN_UDP_BYTES, edns.payloadBytes));
}

/** `turn`: any number; answers that are alike start at another one each turn. */
export function writeAnswer(
  query: Query,
  answer: AnswerBytes,
  { limit, turn, flags }: { readonly limit: number; readonly turn: number; readonly flags: ResponseFlags },
): Buffer {
  const { questionEnd, edns } = query;
  const optBytes = edns === undefined ? 0 : OPT_BYTES;
  const { whole, answers, authority, additional } = answer;
  if (questionEnd + whole.length + optBytes > limit) return writeWhatFits(query, answer, { limit, turn, flags });
  const response = Buffer.allocUnsafe(questionEnd + whole.length + optBytes);
  writeStart(response, query, { rcode: answer.rcode, flags, truncated: false });
  response.writeUInt16BE(answers.length, 6);
  response.writeUInt16BE(authority.length, 8);
  response.writeUInt16BE(additional.length + (optBytes > 0 ? 1 : 0), 10);
  const { rotatedBytes } = answer;
  if (rotatedBytes === undefined) whole.copy(response, questionEnd);
  else {
    const end = rotatedBytes * answers.length;
    const first = (turn % answers.length) * rotatedBytes;
    whole.copy(response, questionEnd, first, end);
    whole.copy(response, questionEnd + end - first, 0, first);
    whole.copy(response, questionEnd + end, end);
  }
  if (edns !== undefined) writeOpt(response, questionEnd + whole.length, { query, rcode: answer.rcode });
  return response;
}

/** Records of the answer as far as they go, and the sign that there are more; what is beside the answer goes first. */
function writeWhatFits(
  query: Query,
  { rcode, answers, authority }: AnswerBytes,
  { limit, turn, flags }: { readonly limit: number; readonly turn: number; readonly flags: ResponseFlags },
): Buffer {
  const { questionEnd, edns } = query;
  const room = limit - questionEnd - (edns === undefined ? 0 : OPT_BYTES);
  const first = answers.length === 0 ? 0 : turn % answers.length;
  const ordered = [...answers.slice(first), ...answers.slice(0, first)];
  const kept: Buffer[] = [];
  let bytes = 0;
  for (const record of [...ordered, ...authority]) {
    if (bytes + record.length > room) break;
    bytes += record.length;
    kept.push(record);
  }
  const isWhole = kept.length >= answers.length + authority.length;
  const response = Buffer.concat([
    Buffer.alloc(questionEnd),
    ...kept,
    Buffer.alloc(edns === undefined ? 0 : OPT_BYTES),
  ]);
  writeStart(response, query, { rcode, flags, truncated: !isWhole });
  response.writeUInt16BE(Math.min(kept.length, answers.length), 6);
  response.writeUInt16BE(Math.max(0, kept.length - answers.length), 8);
  response.writeUInt16BE(edns === undefined ? 0 : 1, 10);
  if (edns !== undefined) writeOpt(response, questionEnd + bytes, { query, rcode });
  return response;
}

export interface ErrorResponse {
  readonly rcode: Rcode;
  readonly flags: ResponseFlags;
  readonly error?: ExtendedError | undefined;
}

/** Without records; why is told to clients that speak EDNS0. */
export function writeError(query: Query, { rcode, flags, error }: ErrorResponse): Buffer {
  const { questionEnd, edns } = query;
  if (edns === undefined) {
    const response = Buffer.alloc(questionEnd);
    // Response codes of more than 4 bits need the OPT record.
    writeStart(response, query, { rcode: rcode > 15 ? RCODE.formatError : rcode, flags, truncated: false });
    return response;
  }
  const text = Buffer.from(error?.text ?? "");
  const optionBytes = error === undefined ? 0 : OPTION_HEADER_BYTES + 2 + text.length;
  const response = Buffer.alloc(questionEnd + OPT_BYTES + optionBytes);
  writeStart(response, query, { rcode, flags, truncated: false });
  response.writeUInt16BE(1, 10);
  writeOpt(response, questionEnd, { query, rcode });
  if (error !== undefined) {
    response.writeUInt16BE(optionBytes, questionEnd + OPT_BYTES - 2);
    let at = response.writeUInt16BE(EXTENDED_ERROR_OPTION, questionEnd + OPT_BYTES);
    at = response.writeUInt16BE(2 + text.length, at);
    at = response.writeUInt16BE(error.code, at);
    text.copy(response, at);
  }
  return response;
}

/** To what is no query: its header, and its question if there is one. */
export function writeRefusal(bytes: Buffer, rcode: Rcode, questionEnd: number | undefined): Buffer {
  const response = Buffer.alloc(questionEnd ?? HEADER_BYTES);
  bytes.copy(response, 0, 0, response.length);
  const opcodeAndRecursion = bytes.readUInt16BE(2) & (0x7800 | FLAG.recursionDesired);
  response.writeUInt16BE(FLAG.response | opcodeAndRecursion | rcode, 2);
  response.writeUInt16BE(questionEnd === undefined ? 0 : 1, 4);
  response.fill(0, 6, HEADER_BYTES);
  return response;
}

/** Header without the counts of records, and the question. */
function writeStart(
  response: Buffer,
  { bytes, questionEnd, flags: asked }: Query,
  { rcode, flags, truncated }: { readonly rcode: Rcode; readonly flags: ResponseFlags; readonly truncated: boolean },
): void {
  bytes.copy(response, 0, 0, questionEnd);
  const ours =
    FLAG.response |
    (flags.authoritative ? FLAG.authoritative : 0) |
    (truncated ? FLAG.truncated : 0) |
    (flags.recursion ? RECURSION_AVAILABLE : 0);
  response.writeUInt16BE(ours | (asked & REPEATED_FLAGS) | (rcode & 0xf), 2);
  response.writeUInt16BE(1, 4);
  response.fill(0, 6, HEADER_BYTES);
}

/** The root's name, the size that we take, version 0. */
function writeOpt(
  response: Buffer,
  offset: number,
  { query, rcode }: { readonly query: Query; readonly rcode: Rcode },
): void {
  response.writeUInt8(0, offset);
  response.writeUInt16BE(TYPE.OPT, offset + 1);
  response.writeUInt16BE(UDP_BYTES, offset + 3);
  response.writeUInt8(rcode >> 4, offset + 5);
  response.writeUInt8(0, offset + 6);
  response.writeUInt16BE(query.edns?.dnssecOk ? 0x8000 : 0, offset + 7);
  response.writeUInt16BE(0, offset + 9);
}
