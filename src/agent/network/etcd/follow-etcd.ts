/** All keys under a prefix of etcd, kept up to date in memory: listed, then watched from that revision on, for ever. */
import { setTimeout as delay } from "node:timers/promises";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { EtcdGateway } from "./etcd-gateway.ts";

export interface EtcdEntry {
  readonly value: string;
  /** ID of the lease that it ends with; "0" of one that stays. */
  readonly lease: string;
}

export interface EtcdFollower extends AsyncDisposable {
  readonly entries: ReadonlyMap<string, EtcdEntry>;
  /** Of etcd as a whole; every change under the prefix up to it is in `entries`. */
  revision(): bigint;
  /** The first list was complete. */
  hasSynced(): boolean;
}

export interface FollowOptions {
  readonly gateway: EtcdGateway;
  /** Without a slash at its end. */
  readonly prefix: string;
  /** Something has changed, or the first list is there. */
  readonly onChange: () => void;
  /** It goes on after a while. */
  readonly onError: (error: unknown) => void;
}

const RETRY_MS = 1_000;

export function followEtcd({ gateway, prefix, onChange, onError }: FollowOptions): EtcdFollower {
  const stop = new AbortController();
  const { signal } = stop;
  const range = rangeBelow(prefix);
  let entries = new Map<string, EtcdEntry>();
  let revision = 0n;
  let hasSynced = false;

  /** Answers the revision that it is of. */
  async function list(): Promise<bigint> {
    const answer = await gateway.call("kv/range", range, signal);
    entries = new Map(objects(answer["kvs"]).map(readEntry));
    revision = revisionOf(answer);
    hasSynced = true;
    onChange();
    return revision;
  }

  /** Until the stream ends. */
  async function watch(from: bigint): Promise<void> {
    const create = { create_request: { ...range, start_revision: String(from + 1n) } };
    for await (const result of gateway.stream("watch", create, signal)) {
      if (result["canceled"] === true) return; // compacted, or the member stops: list again
      const events = objects(result["events"]);
      for (const event of events) {
        const kv = event["kv"];
        if (!isJsonObject(kv)) continue;
        const [key, entry] = readEntry(kv);
        if (event["type"] === "DELETE") entries.delete(key);
        else entries.set(key, entry);
        revision = BigInt(String(kv["mod_revision"] ?? revision));
      }
      if (events.length > 0) onChange();
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await watch(await list());
      } catch (error) {
        if (signal.aborted) return;
        onError(error);
      }
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined); // stopped
    }
  }

  const running = run();
  return {
    get entries() {
      return entries;
    },
    revision: () => revision,
    hasSynced: () => hasSynced,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("etcd is not followed any more"));
      await running;
    },
  };
}

/** All keys below a prefix without a slash at its end: "0" comes after "/". */
export function rangeBelow(prefix: string): { readonly key: string; readonly range_end: string } {
  return { key: encodeBase64(`${prefix}/`), range_end: encodeBase64(`${prefix}0`) };
}

export function encodeBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function readEntry(kv: JsonObject): readonly [string, EtcdEntry] {
  return [decodeBase64(kv["key"]), { value: decodeBase64(kv["value"]), lease: String(kv["lease"] ?? "0") }];
}

function decodeBase64(value: JsonValue | undefined): string {
  return typeof value === "string" ? Buffer.from(value, "base64").toString() : "";
}

function revisionOf({ header }: JsonObject): bigint {
  return isJsonObject(header) ? BigInt(String(header["revision"] ?? "0")) : 0n;
}

/** Absent lists are empty. */
export function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
