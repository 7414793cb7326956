/** An ExternalName outside the cluster: the alias, and behind it what the upstream knows of its target. */
import { type Answer, decode, encode } from "dns-packet";
import { type AnswerBytes, answerBytes, encodeRecord } from "../message/answer-bytes.ts";
import { HEADER_BYTES, keyOfName, type Query, RCODE } from "../message/parse-query.ts";
import type { Upstream } from "../upstream/create-upstream.ts";
import type { ZoneAnswer } from "../zone/zone-record.ts";

export interface AliasToChase {
  readonly query: Query;
  /** Of the question. */
  readonly name: string;
  readonly alias: ZoneAnswer;
  readonly leadsTo: string;
  readonly upstream: Upstream;
  readonly client: string;
}

/** The alias alone when nobody knows more: it is right, and the client may know others to ask. */
export async function chaseAlias({
  query,
  name,
  alias,
  leadsTo,
  upstream,
  client,
}: AliasToChase): Promise<AnswerBytes> {
  const own = alias.answers.map((record) => encodeRecord(record, name));
  const { message, ageSeconds = 0 } = await resolve(query, leadsTo, { upstream, client });
  const found =
    message === undefined ? [] : decode(message.bytes).answers?.map((answer) => reencode(answer, ageSeconds));
  return answerBytes({
    rcode: message?.rcode === RCODE.nameError ? RCODE.nameError : RCODE.noError,
    answers: [...own, ...(found ?? [])],
    authority: [],
    additional: [],
    isRotated: false,
    validity: undefined,
  });
}

async function resolve(query: Query, leadsTo: string, { upstream, client }: Pick<AliasToChase, "upstream" | "client">) {
  const key = keyOfName(leadsTo);
  const header = query.bytes.subarray(0, HEADER_BYTES);
  const type = query.bytes.subarray(query.questionEnd - 4, query.questionEnd);
  const bytes = Buffer.concat([header, Buffer.from(`${key}\0`, "latin1"), type]);
  const answer = await upstream.resolve({ ...query, bytes, key, questionEnd: bytes.length }, client);
  return answer.message === undefined ? {} : { message: answer.message, ageSeconds: answer.ageSeconds };
}

/** Without pointers into the message that it came in. */
function reencode(answer: Answer, ageSeconds: number): Buffer {
  const aged = "ttl" in answer ? { ...answer, ttl: Math.max(0, (answer.ttl ?? 0) - ageSeconds) } : answer;
  return Buffer.from(encode({ answers: [aged] }).subarray(HEADER_BYTES));
}
