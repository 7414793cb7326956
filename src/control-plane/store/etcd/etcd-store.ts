/**
 * The store in an etcd cluster, which other API servers may use at the same time. Reads are linearizable; a write is
 * one transaction that compares the key's revision, and the fence's. A write is never repeated by itself: when its
 * answer is lost, only the caller can tell whether it happened.
 */
import type { Encodable } from "#base/protobuf.ts";
import { endOfPrefix } from "../key-range.ts";
import {
  isStoreError,
  type ListRequest,
  type Page,
  type Revision,
  type Store,
  type StoredEntry,
  StoreError,
  type WriteRequest,
} from "../store.ts";
import { changedError, closedError, conflictError, fencedError } from "../store-errors.ts";
import { createEtcdConnection, type EtcdConnectionOptions } from "./etcd-connection.ts";
import { etcdStoreError } from "./etcd-error.ts";
import type { KeyValue, txnRequest } from "./etcd-messages.ts";
import { compact, type EtcdMethod, leaseGrant, range, txn } from "./etcd-methods.ts";
import { createEtcdWatchHub } from "./etcd-watch-hub.ts";

export interface EtcdStoreOptions extends Omit<EtcdConnectionOptions, "timeoutMs"> {
  /** Stands for "/registry" at the beginning of each key. Clusters that share an etcd need different ones. */
  readonly prefix?: string;
  readonly timeoutMs?: number;
}

/** What all keys of the store begin with; etcd has `prefix` instead. */
const ROOT = "/registry";

/** Connects with the first call. */
export function createEtcdStore({ prefix = ROOT, timeoutMs = 5_000, ...options }: EtcdStoreOptions): Store {
  const connection = createEtcdConnection({ ...options, timeoutMs });
  const hub = createEtcdWatchHub(connection, fromEtcd);
  const name = options.endpoints.join(",");
  let isClosed = false;
  /** The newest revision that etcd has told: linearizable answers never go back behind it. */
  let newest: Revision = 0;

  function toEtcd(key: string): string {
    if (!key.startsWith(`${ROOT}/`)) throw new RangeError(`Cannot use the key "${key}": it must begin with ${ROOT}/`);
    return prefix + key.slice(ROOT.length);
  }

  function fromEtcd(key: string): string | undefined {
    return key.startsWith(`${prefix}/`) ? ROOT + key.slice(prefix.length) : undefined;
  }

  function entryOf({ key, value, modRevision }: KeyValue): StoredEntry {
    return { key: fromEtcd(key) ?? key, value, revision: Number(modRevision) };
  }

  interface Ask<Request, Response> {
    readonly action: string;
    readonly method: EtcdMethod<Request, Response>;
    readonly request: Request;
    /** The revision that the request names. */
    readonly asked?: Revision;
  }

  async function ask<Request, Response>(
    { action, method, request, asked = 0 }: Ask<Request, Response>,
    signal: AbortSignal,
  ): Promise<Response> {
    if (isClosed) throw closedError(name);
    try {
      return await connection.call(method, request, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isClosed) throw closedError(name);
      throw etcdStoreError(action, error, asked);
    }
  }

  /** As `ask`, for answers that tell etcd's revision: notices when etcd's data was replaced by older ones. */
  async function askInOrder<Request, Response extends WithHeader>(
    question: Ask<Request, Response>,
    signal: AbortSignal,
  ): Promise<Response & { readonly revision: Revision }> {
    const floor = newest;
    const response = await ask(question, signal);
    const revision = Number(response.header?.revision ?? 0n);
    if (revision < floor) {
      newest = revision;
      const message = `Cannot go on at revision ${floor}: etcd is at ${revision}, its data was replaced`;
      hub.end(new StoreError({ code: "compacted", message }));
    } else {
      newest = Math.max(newest, revision);
    }
    return { ...response, revision };
  }

  async function read({ prefix: from, after, limit, revision: at }: ListRequest, signal: AbortSignal): Promise<Page> {
    const start = toEtcd(from);
    const request = {
      key: after === undefined || after < from ? start : `${toEtcd(after)}\0`,
      rangeEnd: endOfPrefix(start) ?? "\0",
      limit: BigInt(limit ?? 0),
      revision: BigInt(at ?? 0),
    };
    const page = await askInOrder({ action: "list keys", method: range, request, asked: at ?? 0 }, signal);
    const { kvs, count, revision } = page;
    return { entries: kvs.map(entryOf), revision: at ?? revision, remaining: Number(count) - kvs.length };
  }

  async function grantLease(seconds: number, signal: AbortSignal): Promise<bigint> {
    const request = { ttl: BigInt(Math.max(1, Math.ceil(seconds))) };
    const { id, error } = await ask({ action: "write", method: leaseGrant, request }, signal);
    if (error !== "") throw new StoreError({ code: "unavailable", message: `Cannot write: no lease (${error})` });
    return id;
  }

  async function write(request: WriteRequest, signal: AbortSignal): Promise<Revision> {
    const { key, value, expected, ttlSeconds, fence, unchanged } = request;
    // Each its own lease: keys of one lease would be deleted in one revision.
    const lease = ttlSeconds === undefined || value === undefined ? 0n : await grantLease(ttlSeconds, signal);
    const compares = [isAt(toEtcd(key), expected)];
    if (fence !== undefined) compares.push(isAt(toEtcd(fence.key), fence.revision));
    if (unchanged !== undefined) compares.push(isUnchanged(toEtcd(unchanged.prefix), unchanged.since));
    const change = value === undefined ? deletion(toEtcd(key)) : { requestPut: { key: toEtcd(key), value, lease } };
    // When the comparison fails, the answer tells what is there: the key, then the fence.
    const reads = [key, ...(fence === undefined ? [] : [fence.key])].map((name) => ({
      requestRange: { key: toEtcd(name) },
    }));
    const transaction = { compare: compares, success: [change], failure: reads };
    const outcome = await askInOrder({ action: "write", method: txn, request: transaction }, signal);
    if (outcome.succeeded) return outcome.revision;
    const [there, fenceThere] = outcome.responses.map(({ responseRange }) => responseRange?.kvs[0]);
    if (fence !== undefined && Number(fenceThere?.modRevision ?? 0n) !== fence.revision) throw fencedError(fence.key);
    const isAsExpected = Number(there?.modRevision ?? 0n) === expected;
    if (unchanged !== undefined && isAsExpected) throw changedError(unchanged);
    throw conflictError(key, expected, there && entryOf(there));
  }

  return {
    isSoleWriter: false,
    async get(key, signal) {
      const request = { key: toEtcd(key) };
      const { kvs } = await askInOrder({ action: "read a key", method: range, request }, signal);
      return kvs[0] && entryOf(kvs[0]);
    },
    list: read,
    write,
    watch(from, after, listener) {
      if (isClosed) throw closedError(name);
      return hub.watch(from, after, listener);
    },
    async currentRevision(signal) {
      const request = { key: `${prefix}/`, keysOnly: true };
      return (await askInOrder({ action: "read the revision", method: range, request }, signal)).revision;
    },
    async compact(revision, signal) {
      try {
        const request = { revision: BigInt(revision) };
        await ask({ action: "compact", method: compact, request, asked: revision }, signal);
        hub.forget(revision);
      } catch (error) {
        // Another API server was first.
        if (!isStoreError(error, "compacted")) throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      hub.end(closedError(name));
      connection[Symbol.dispose]();
    },
  };
}

interface WithHeader {
  readonly header: { readonly revision: bigint } | undefined;
}

type Compare = NonNullable<Encodable<typeof txnRequest>["compare"]>[number];

function isAt(key: string, revision: Revision): Compare {
  return { result: "EQUAL", target: "MOD", key, modRevision: BigInt(revision) };
}

/** Holds for each key of the range. */
function isUnchanged(prefix: string, since: Revision): Compare {
  const rangeEnd = endOfPrefix(prefix) ?? "\0";
  return { result: "LESS", target: "MOD", key: prefix, rangeEnd, modRevision: BigInt(since + 1) };
}

function deletion(key: string) {
  return { requestDeleteRange: { key } };
}
