/**
 * Queries about the cluster that come before its objects are known wait for them: an answer made without them would say
 * that names do not exist. They wait a moment, not for ever; then, and when too many wait, clients are told to ask others
 * or again. Names of others do not wait.
 */
import { labelsOf, parseQuery, type Query, RCODE } from "../message/parse-query.ts";
import { EXTENDED_ERROR, writeError } from "../message/write-response.ts";
import { reverseZoneOf } from "../zone/reverse-name.ts";
import type { Responder, Transport } from "./create-responder.ts";

export interface HeldResponder extends Responder {
  /** From now on everything is answered, what has waited first. */
  open(): void;
}

export interface HoldOptions {
  /** "cluster.local" */
  readonly domain: string;
  /** Below what resolvers wait themselves. */
  readonly waitMs?: number;
}

interface Held {
  readonly query: Query;
  readonly client: string;
  readonly transport: Transport;
  readonly resolve: (response: Buffer | Promise<Buffer>) => void;
  readonly timer: NodeJS.Timeout;
}

const WAIT_MS = 3_000;
const MAX_HELD = 2_000;

export function holdUntilReady(responder: Responder, { domain, waitMs = WAIT_MS }: HoldOptions): HeldResponder {
  /** In the order in which they came. */
  const held = new Set<Held>();
  let isOpen = false;

  function isOurs({ key }: Query): boolean {
    const labels = labelsOf(key);
    return reverseZoneOf(labels) !== undefined || `.${labels.join(".")}`.endsWith(`.${domain}`);
  }

  function refuse(one: Held): void {
    held.delete(one);
    clearTimeout(one.timer);
    const error = { code: EXTENDED_ERROR.notReady, text: "the cluster's names are not known yet" } as const;
    const flags = { authoritative: false, recursion: false };
    one.resolve(writeError(one.query, { rcode: RCODE.serverFailure, flags, error }));
  }

  return {
    open() {
      isOpen = true;
      for (const { query, client, transport, resolve, timer } of held) {
        clearTimeout(timer);
        const response = responder.respond(query.bytes, client, transport);
        if (response !== undefined) resolve(response);
      }
      held.clear();
    },
    respond(bytes, client, transport) {
      const query = isOpen ? undefined : parseQuery(bytes)?.query;
      // What is no query gets its answer without knowing anything.
      if (query === undefined || !isOurs(query)) return responder.respond(bytes, client, transport);
      const { promise, resolve } = Promise.withResolvers<Buffer>();
      const one: Held = { query, client, transport, resolve, timer: setTimeout(() => refuse(one), waitMs) };
      held.add(one);
      const [oldest] = held;
      if (held.size > MAX_HELD && oldest !== undefined) refuse(oldest);
      return promise;
    },
  };
}
