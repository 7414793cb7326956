/**
 * Messages of etcd's API v3: the fields that the store uses. Keys and values are bytes on the wire, here UTF-8 text.
 * Source: etcd 3.4, etcdserverpb/rpc.proto and mvccpb/kv.proto.
 */
import { bool, type Decoded, enumeration, field, int64, message, repeated, string } from "#base/protobuf.ts";

const responseHeader = message("ResponseHeader", { revision: field(3, int64) });

const keyValue = message("KeyValue", {
  key: field(1, string),
  createRevision: field(2, int64),
  modRevision: field(3, int64),
  value: field(5, string),
});
export type KeyValue = Decoded<typeof keyValue>;

const event = message("Event", {
  type: field(1, enumeration("EventType", ["PUT", "DELETE"])),
  kv: field(2, keyValue),
  prevKv: field(3, keyValue),
});
export type EtcdEvent = Decoded<typeof event>;

export const rangeRequest = message("RangeRequest", {
  key: field(1, string),
  /** The first key behind the range; absent: one key; "\0": all keys from `key` on. */
  rangeEnd: field(2, string),
  /** 0: all. */
  limit: field(3, int64),
  /** 0: now. */
  revision: field(4, int64),
  keysOnly: field(8, bool),
});

export const rangeResponse = message("RangeResponse", {
  header: field(1, responseHeader),
  kvs: repeated(2, keyValue),
  /** Keys in the range, also beyond the limit. */
  count: field(4, int64),
});

const putRequest = message("PutRequest", { key: field(1, string), value: field(2, string), lease: field(3, int64) });
const deleteRangeRequest = message("DeleteRangeRequest", { key: field(1, string) });

const compare = message("Compare", {
  result: field(1, enumeration("CompareResult", ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"])),
  target: field(2, enumeration("CompareTarget", ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"])),
  key: field(3, string),
  /** 0, and so absent: the key must not be there. */
  modRevision: field(6, int64),
  /** The first key behind the range that is compared, as in RangeRequest; absent: one key. */
  rangeEnd: field(64, string),
});

const requestOp = message("RequestOp", {
  requestRange: field(1, rangeRequest),
  requestPut: field(2, putRequest),
  requestDeleteRange: field(3, deleteRangeRequest),
});

export const txnRequest = message("TxnRequest", {
  compare: repeated(1, compare),
  success: repeated(2, requestOp),
  failure: repeated(3, requestOp),
});

export const txnResponse = message("TxnResponse", {
  header: field(1, responseHeader),
  succeeded: field(2, bool),
  responses: repeated(3, message("ResponseOp", { responseRange: field(1, rangeResponse) })),
});

export const compactionRequest = message("CompactionRequest", { revision: field(1, int64) });
export const compactionResponse = message("CompactionResponse", { header: field(1, responseHeader) });

export const leaseGrantRequest = message("LeaseGrantRequest", {
  /** Seconds. */
  ttl: field(1, int64),
});
export const leaseGrantResponse = message("LeaseGrantResponse", { id: field(2, int64), error: field(4, string) });

export const watchRequest = message("WatchRequest", {
  createRequest: field(
    1,
    message("WatchCreateRequest", {
      key: field(1, string),
      rangeEnd: field(2, string),
      /** The first revision that is told; 0: from now on. */
      startRevision: field(3, int64),
      prevKv: field(6, bool),
    }),
  ),
});

export const watchResponse = message("WatchResponse", {
  header: field(1, responseHeader),
  canceled: field(4, bool),
  /** Not 0: the start is older than this. */
  compactRevision: field(5, int64),
  cancelReason: field(6, string),
  events: repeated(11, event),
});
