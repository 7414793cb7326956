/**
 * The part of an answer behind its question, made once per name and type: the question is given back as it came, with
 * its letters' case, and records of its name point to it. Source: RFC 1035 section 4.1.4, RFC 9267.
 */
import { type Answer, encode } from "dns-packet";
import { ZONE_TTL } from "../zone/create-cluster-zone.ts";
import type { Validity, ZoneAnswer, ZoneRecord } from "../zone/zone-record.ts";
import { HEADER_BYTES, RCODE, type Rcode } from "./parse-query.ts";

export interface AnswerBytes {
  readonly rcode: Rcode;
  /** Each a whole record. */
  readonly answers: readonly Buffer[];
  readonly authority: readonly Buffer[];
  readonly additional: readonly Buffer[];
  /** All of them behind each other. */
  readonly whole: Buffer;
  /** Length of each record of the answer, if they are alike and may change their order. */
  readonly rotatedBytes: number | undefined;
  readonly validity: Validity | undefined;
}

/** Pointer to the question's name. */
const QUESTION_NAME = Buffer.from([0xc0, HEADER_BYTES]);

export function encodeAnswer(answer: ZoneAnswer, questionName: string): AnswerBytes {
  const write = (record: ZoneRecord): Buffer => encodeRecord(record, questionName);
  const answers = answer.answers.map(write);
  const authority = answer.soa === undefined ? [] : [write(answer.soa)];
  return answerBytes({
    rcode: answer.exists ? RCODE.noError : RCODE.nameError,
    answers,
    authority,
    additional: answer.additional.map(write),
    isRotated: answer.answers.every(({ type }) => type === "A" || type === "AAAA"),
    validity: answer.validity,
  });
}

export interface AnswerParts extends Pick<AnswerBytes, "rcode" | "answers" | "authority" | "additional" | "validity"> {
  readonly isRotated: boolean;
}

export function answerBytes({ isRotated, ...parts }: AnswerParts): AnswerBytes {
  const { answers, authority, additional } = parts;
  const rotatedBytes = isRotated && answers.length > 1 ? answers[0]?.length : undefined;
  return { ...parts, whole: Buffer.concat([...answers, ...authority, ...additional]), rotatedBytes };
}

/** `.` is one byte, which the owner's name takes the place of. */
export function encodeRecord(record: ZoneRecord, questionName: string): Buffer {
  const message = encode({ answers: [{ ...record, name: ".", ttl: ZONE_TTL } satisfies Answer] });
  const owner = record.name === questionName ? QUESTION_NAME : encodeName(record.name);
  return Buffer.concat([owner, message.subarray(HEADER_BYTES + 1)]);
}

function encodeName(name: string): Buffer {
  const parts = name.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, "latin1"));
  return Buffer.concat([...parts, Buffer.alloc(1)]);
}
