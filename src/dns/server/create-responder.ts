/**
 * From a query to its answer. Names of the cluster are answered at once, from bytes that are made once per name and type
 * and hold until something changes; names of others later, by the upstream.
 */
import { type AnswerBytes, encodeAnswer } from "../message/answer-bytes.ts";
import { CLASS_IN, labelsOf, parseQuery, type Query, RCODE, type Rcode, TYPE } from "../message/parse-query.ts";
import {
  EXTENDED_ERROR,
  type ExtendedError,
  type ResponseFlags,
  TCP_BYTES,
  udpLimit,
  writeAnswer,
  writeError,
  writeRefusal,
} from "../message/write-response.ts";
import type { Upstream } from "../upstream/create-upstream.ts";
import { writeForwarded } from "../upstream/forwarded-message.ts";
import type { ClusterZone, ZoneType } from "../zone/create-cluster-zone.ts";
import { reverseZoneOf } from "../zone/reverse-name.ts";
import type { ZoneAnswer } from "../zone/zone-record.ts";
import { chaseAlias } from "./chase-alias.ts";
import type { DnsCounters } from "./dns-counters.ts";

export type Transport = "udp" | "tcp";

export interface Responder {
  /** Undefined: nothing is to be sent. Never throws or rejects. `client`: its address. */
  respond(bytes: Buffer, client: string, transport: Transport): Buffer | Promise<Buffer> | undefined;
}

export interface ResponderOptions {
  readonly zone: ClusterZone;
  /** Absent: names of others are refused. */
  readonly upstream?: Upstream | undefined;
  readonly counters: DnsCounters;
  readonly onError: (error: unknown) => void;
}

/** Names whose answers are kept; some of them are made up by clients. */
const MAX_PREPARED = 10_000;

const ZONE_TYPES: ReadonlyMap<number, ZoneType> = new Map([
  [TYPE.A, "A"],
  [TYPE.AAAA, "AAAA"],
  [TYPE.CNAME, "CNAME"],
  [TYPE.NS, "NS"],
  [TYPE.PTR, "PTR"],
  [TYPE.SOA, "SOA"],
  [TYPE.SRV, "SRV"],
  [TYPE.TXT, "TXT"],
]);

export function createResponder({ zone, upstream, counters, onError }: ResponderOptions): Responder {
  const prepared = new Map<string, Map<number, AnswerBytes>>();
  const ours: ResponseFlags = { authoritative: true, recursion: upstream !== undefined };
  const theirs: ResponseFlags = { authoritative: false, recursion: upstream !== undefined };
  let turn = 0;

  const limitOf = (query: Query, transport: Transport): number => (transport === "udp" ? udpLimit(query) : TCP_BYTES);

  function finish(query: Query, answer: AnswerBytes, transport: Transport, flags = ours): Buffer {
    count(answer.rcode);
    return writeAnswer(query, answer, { limit: limitOf(query, transport), turn: turn++, flags });
  }

  function count(rcode: Rcode | number): void {
    counters.responses.set(rcode, (counters.responses.get(rcode) ?? 0) + 1);
  }

  function refuse(query: Query, rcode: Rcode, error?: ExtendedError): Buffer {
    count(rcode);
    return writeError(query, { rcode, flags: theirs, error });
  }

  function remember({ key, type }: Query, answer: AnswerBytes): void {
    if (prepared.size >= MAX_PREPARED) prepared.clear();
    const ofName = prepared.get(key) ?? new Map<number, AnswerBytes>();
    prepared.set(key, ofName.set(type, answer));
  }

  function respondTo(query: Query, client: string, transport: Transport): Buffer | Promise<Buffer> {
    const known = prepared.get(query.key)?.get(query.type);
    if (known?.validity?.valid === true && query.class === CLASS_IN && (query.edns?.version ?? 0) === 0) {
      counters.clusterAnswers++;
      return finish(query, known, transport);
    }
    if (query.edns !== undefined && query.edns.version !== 0) return refuse(query, RCODE.badVersion);
    if (query.class !== CLASS_IN) return refuse(query, RCODE.refused);
    if (query.type === TYPE.AXFR || query.type === TYPE.IXFR) return refuse(query, RCODE.refused);
    const labels = labelsOf(query.key);
    const found = zone.lookUp(labels, ZONE_TYPES.get(query.type));
    if (found === undefined) return respondToOthers(query, { labels, client, transport });
    counters.clusterAnswers++;
    const name = labels.join(".");
    if (found.leadsTo !== undefined && upstream !== undefined && query.type !== TYPE.ANY) {
      const { leadsTo } = found;
      const chased = chaseAlias({ query, name, alias: found, leadsTo, upstream, client });
      return chased.then((answer) => finish(query, answer, transport));
    }
    const answer = query.type === TYPE.ANY && found.exists ? minimalAnswer(name) : encodeAnswer(found, name);
    if (answer.validity !== undefined) remember(query, answer);
    return finish(query, answer, transport);
  }

  function respondToOthers(
    query: Query,
    { labels, client, transport }: { labels: readonly string[]; client: string; transport: Transport },
  ): Buffer | Promise<Buffer> {
    if (upstream !== undefined) {
      return upstream.resolve(query, client).then((answer) => {
        if (answer.error !== undefined) return refuse(query, RCODE.serverFailure, answer.error);
        count(answer.message.rcode);
        const { ageSeconds, message } = answer;
        return writeForwarded(query, message, { limit: limitOf(query, transport), ageSeconds });
      });
    }
    const reverse = reverseZoneOf(labels);
    if (reverse !== undefined) return finish(query, encodeAnswer(nobody(zone, reverse), labels.join(".")), transport);
    const text = "no name servers of other names are configured";
    return refuse(query, RCODE.refused, { code: EXTENDED_ERROR.notAuthoritative, text });
  }

  return {
    respond(bytes, client, transport) {
      const parsed = parseQuery(bytes);
      if (parsed === undefined) {
        counters.ignored++;
        return undefined;
      }
      if (parsed.query === undefined) {
        count(parsed.rcode);
        return writeRefusal(bytes, parsed.rcode, parsed.questionEnd);
      }
      const { query } = parsed;
      counters.queries[transport]++;
      try {
        const response = respondTo(query, client, transport);
        if (!(response instanceof Promise)) return response;
        return response.catch((error: unknown) => {
          onError(error);
          return refuse(query, RCODE.serverFailure);
        });
      } catch (error) {
        onError(error);
        return refuse(query, RCODE.serverFailure);
      }
    },
  };
}

/** An address that nothing of the cluster has, and nobody else can be asked. */
function nobody(zone: ClusterZone, reverse: string): ZoneAnswer {
  const soa = zone.lookUp(zone.domain.split("."), "SOA")?.answers[0];
  return { exists: false, answers: [], additional: [], soa: soa && { ...soa, name: reverse } };
}

/** To a question for everything. Source: RFC 8482 section 4.2. */
function minimalAnswer(name: string): AnswerBytes {
  const answers = [{ name, type: "HINFO", data: { cpu: "RFC8482", os: "" } }] as const;
  return encodeAnswer({ exists: true, answers, additional: [], soa: undefined }, name);
}
