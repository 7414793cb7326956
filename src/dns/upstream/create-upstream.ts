/**
 * Names of others: asked from the name servers that were configured, kept for as long as they say, and asked once however
 * many clients want the same at a time. A server that does not answer costs its own questions a moment, and nobody else
 * anything. Source: RFC 2308 (negative answers), RFC 5452 (spoofing), RFC 8767 is not done: nothing is served stale.
 */

import { CHECKING_DISABLED, FLAG, HEADER_BYTES, type Query, RCODE } from "../message/parse-query.ts";
import { EXTENDED_ERROR, type ExtendedError } from "../message/write-response.ts";
import { exchange, type UpstreamServer } from "./exchange.ts";
import { type ForwardedMessage, parseForwarded } from "./forwarded-message.ts";

export type UpstreamAnswer =
  | { readonly message: ForwardedMessage; readonly ageSeconds: number; readonly error?: undefined }
  | { readonly message?: undefined; readonly error: ExtendedError };

export interface Upstream {
  /** Never rejects. `client`: its address. */
  resolve(query: Query, client: string): Promise<UpstreamAnswer>;
  readonly counters: UpstreamCounters;
  readonly servers: readonly UpstreamServer[];
}

export interface UpstreamCounters {
  hits: number;
  misses: number;
  /** Questions that joined one under way. */
  joined: number;
  failures: number;
  refused: number;
}

export interface UpstreamOptions {
  readonly servers: readonly UpstreamServer[];
  readonly clock: () => number;
  /** A whole number below `end`. */
  readonly random: (end: number) => number;
  readonly timeoutMs?: number;
}

/** For each server; a client's resolver waits 5 s. */
const TIMEOUT_MS = 1_500;
const MAX_ATTEMPTS = 3;
/** How long one that failed is asked last. */
const AVOIDED_MS = 5_000;
const MAX_UNDER_WAY = 500;
const MAX_UNDER_WAY_OF_CLIENT = 100;
const MAX_KEPT = 10_000;
const MAX_TTL_SECONDS = 300;
const MAX_NEGATIVE_TTL_SECONDS = 30;
const FAILURE_TTL_SECONDS = 1;
const OUR_OPT_BYTES = 11;
const OUR_PAYLOAD_BYTES = 1232;

interface Kept {
  readonly answer: ForwardedMessage | ExtendedError;
  readonly cameAtMs: number;
  readonly expiresAtMs: number;
}

export function createUpstream({ servers, clock, random, timeoutMs = TIMEOUT_MS }: UpstreamOptions): Upstream {
  const kept = new Map<string, Kept>();
  const underWay = new Map<string, Promise<Kept>>();
  const ofClient = new Map<string, number>();
  const avoidedUntil = new Map<UpstreamServer, number>();
  const counters: UpstreamCounters = { hits: 0, misses: 0, joined: 0, failures: 0, refused: 0 };

  function keep(key: string, entry: Kept): void {
    if (entry.expiresAtMs <= entry.cameAtMs) return;
    // The oldest first: a Map is in the order of its insertions.
    for (const oldest of kept.keys()) {
      if (kept.size < MAX_KEPT) break;
      kept.delete(oldest);
    }
    kept.delete(key);
    kept.set(key, entry);
  }

  async function ask(query: Query): Promise<Kept> {
    let failure = "";
    const now = clock();
    const inOrder = [...servers].sort((a, b) => Number(isAvoided(a, now)) - Number(isAvoided(b, now)));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const server = inOrder[attempt % inOrder.length];
      if (server === undefined) break;
      try {
        const bytes = await exchange(questionFor(query, random), server, AbortSignal.timeout(timeoutMs));
        const message = parseForwarded(bytes);
        const isUsable =
          message !== undefined && message.rcode !== RCODE.serverFailure && message.rcode !== RCODE.refused;
        if (isUsable || (message !== undefined && attempt === MAX_ATTEMPTS - 1)) {
          avoidedUntil.delete(server);
          return entryOf(message, lifetime(message));
        }
        failure = `${server.address} ${message === undefined ? "sent a malformed answer" : `answered code ${message.rcode}`}`;
      } catch (error) {
        const why = error instanceof Error && error.name === "TimeoutError" ? "did not answer" : String(error);
        failure = `${server.address} ${why}`;
        avoidedUntil.set(server, clock() + AVOIDED_MS);
      }
    }
    counters.failures++;
    return entryOf({ code: EXTENDED_ERROR.noReachableAuthority, text: failure }, FAILURE_TTL_SECONDS);
  }

  const isAvoided = (server: UpstreamServer, now: number): boolean => (avoidedUntil.get(server) ?? 0) > now;

  function entryOf(answer: Kept["answer"], ttlSeconds: number): Kept {
    const cameAtMs = clock();
    return { answer, cameAtMs, expiresAtMs: cameAtMs + ttlSeconds * 1000 };
  }

  function answerFrom({ answer, cameAtMs }: Kept): UpstreamAnswer {
    if ("code" in answer) return { error: answer };
    return { message: answer, ageSeconds: Math.floor((clock() - cameAtMs) / 1000) };
  }

  async function askFor(client: string, key: string, query: Query): Promise<Kept> {
    ofClient.set(client, (ofClient.get(client) ?? 0) + 1);
    try {
      const entry = await ask(query);
      keep(key, entry);
      return entry;
    } finally {
      underWay.delete(key);
      const left = (ofClient.get(client) ?? 1) - 1;
      if (left > 0) ofClient.set(client, left);
      else ofClient.delete(client);
    }
  }

  return {
    counters,
    servers,
    async resolve(query, client) {
      const key = keyOf(query);
      const known = kept.get(key);
      if (known !== undefined && known.expiresAtMs > clock()) {
        counters.hits++;
        return answerFrom(known);
      }
      const joined = underWay.get(key);
      if (joined !== undefined) {
        counters.joined++;
        return answerFrom(await joined);
      }
      if (underWay.size >= MAX_UNDER_WAY || (ofClient.get(client) ?? 0) >= MAX_UNDER_WAY_OF_CLIENT) {
        counters.refused++;
        return { error: { code: EXTENDED_ERROR.prohibited, text: "too many questions under way" } };
      }
      counters.misses++;
      const asking = askFor(client, key, query);
      underWay.set(key, asking);
      return answerFrom(await asking);
    },
  };
}

/** What makes answers differ. */
function keyOf({ key, type, class: klass, edns, flags }: Query): string {
  return `${type} ${klass} ${edns?.dnssecOk ?? false} ${flags & CHECKING_DISABLED} ${key}`;
}

function lifetime({ ttlSeconds, counts, rcode }: ForwardedMessage): number {
  const isPositive = rcode === RCODE.noError && counts[0] > 0;
  return Math.min(ttlSeconds, isPositive ? MAX_TTL_SECONDS : MAX_NEGATIVE_TTL_SECONDS);
}

/** The client's question with an id of our own, for a recursive server. */
function questionFor({ bytes, questionEnd, edns, flags }: Query, random: (end: number) => number): Buffer {
  const question = Buffer.alloc(questionEnd + OUR_OPT_BYTES);
  bytes.copy(question, 0, 0, questionEnd);
  question.writeUInt16BE(random(0x10000), 0);
  question.writeUInt16BE(FLAG.recursionDesired | (flags & CHECKING_DISABLED), 2);
  question.writeUInt16BE(1, 4);
  question.fill(0, 6, HEADER_BYTES);
  question.writeUInt16BE(1, 10);
  question.writeUInt16BE(41, questionEnd + 1);
  question.writeUInt16BE(OUR_PAYLOAD_BYTES, questionEnd + 3);
  question.writeUInt16BE(edns?.dnssecOk ? 0x8000 : 0, questionEnd + 7);
  return question;
}
