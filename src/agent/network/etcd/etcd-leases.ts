/** What a node does with its lease in etcd: it claims subnets that nobody has, says how it is reached, and stays alive. */
import type { JsonObject } from "#base/json.ts";
import type { EtcdGateway } from "./etcd-gateway.ts";
import { encodeBase64, rangeBelow } from "./follow-etcd.ts";

/** As flanneld's: a node that is gone for a day gives its subnets back. */
export const LEASE_TTL_SECONDS = 24 * 60 * 60;

export interface Claim {
  readonly key: string;
  readonly value: string;
  /** Keys by which other nodes claim theirs start so. */
  readonly among: string;
  /** No such key has come since: subnets overlap in either family, which keys that differ do not show. */
  readonly seenRevision: bigint;
}

export interface EtcdLeases {
  /** Answers the lease's ID; undefined when somebody else was faster. */
  claim(claim: Claim, signal: AbortSignal): Promise<string | undefined>;
  /** Writes the value of a key that was claimed. */
  write(key: string, value: string, lease: string, signal: AbortSignal): Promise<void>;
  /** Answers whether the lease still lives. */
  keepAlive(lease: string, signal: AbortSignal): Promise<boolean>;
  remove(key: string, signal: AbortSignal): Promise<void>;
}

export function createEtcdLeases(gateway: EtcdGateway): EtcdLeases {
  const putOf = (key: string, value: string, lease: string): JsonObject => ({
    key: encodeBase64(key),
    value: encodeBase64(value),
    ...(lease !== "0" && { lease }),
  });
  return {
    async claim({ key, value, among, seenRevision }, signal) {
      const { ID: id } = await gateway.call("lease/grant", { TTL: String(LEASE_TTL_SECONDS) }, signal);
      const lease = String(id);
      const isUnchanged = {
        ...rangeBelow(among),
        target: "CREATE",
        result: "LESS",
        create_revision: String(seenRevision + 1n),
      };
      const isAbsent = { key: encodeBase64(key), target: "VERSION", result: "EQUAL", version: "0" };
      const transaction = { compare: [isUnchanged, isAbsent], success: [{ request_put: putOf(key, value, lease) }] };
      const { succeeded } = await gateway.call("kv/txn", transaction, signal);
      if (succeeded === true) return lease;
      await gateway.call("lease/revoke", { ID: lease }, signal);
      return undefined;
    },
    async write(key, value, lease, signal) {
      await gateway.call("kv/put", putOf(key, value, lease), signal);
    },
    async keepAlive(lease, signal) {
      if (lease === "0") return true;
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(KEEP_ALIVE_TIMEOUT_MS)]);
      for await (const { TTL: ttl } of gateway.stream("lease/keepalive", { ID: lease }, deadline)) {
        return Number(ttl ?? 0) > 0;
      }
      return false;
    },
    async remove(key, signal) {
      await gateway.call("kv/deleterange", { key: encodeBase64(key) }, signal);
    },
  };
}

const KEEP_ALIVE_TIMEOUT_MS = 10_000;
