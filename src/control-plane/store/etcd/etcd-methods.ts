/** The calls of etcd that the store makes. Source: etcd 3.4, etcdserverpb/rpc.proto. */
import type { ProtobufType } from "#base/protobuf.ts";
import {
  compactionRequest,
  compactionResponse,
  leaseGrantRequest,
  leaseGrantResponse,
  rangeRequest,
  rangeResponse,
  txnRequest,
  txnResponse,
} from "./etcd-messages.ts";

export interface EtcdMethod<Request, Response> {
  readonly path: string;
  /** Asked twice it does what it does once: it may be repeated when it failed on the way. */
  readonly isRepeatable: boolean;
  readonly request: ProtobufType<unknown, Request, undefined>;
  readonly response: ProtobufType<Response, never, undefined>;
}

function method<Request, Response>(
  path: string,
  isRepeatable: boolean,
  request: ProtobufType<unknown, Request, undefined>,
  response: ProtobufType<Response, never, undefined>,
): EtcdMethod<Request, Response> {
  return { path: `/etcdserverpb.${path}`, isRepeatable, request, response };
}

export const range = method("KV/Range", true, rangeRequest, rangeResponse);
export const txn = method("KV/Txn", false, txnRequest, txnResponse);
export const compact = method("KV/Compact", true, compactionRequest, compactionResponse);
export const leaseGrant = method("Lease/LeaseGrant", true, leaseGrantRequest, leaseGrantResponse);

export const WATCH_PATH = "/etcdserverpb.Watch/Watch";
