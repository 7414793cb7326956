/**
 * Connections to the members of an etcd cluster, one used at a time; when it fails, the first other one that is
 * there. A call ends with a response, with an error at the connection's deadline, or when its signal aborts.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientUnaryCall,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { type Decoded, decodeMessage, type Encodable, encodeMessage } from "#base/protobuf.ts";
import { isEndpointFailure, isTransient } from "./etcd-error.ts";
import { watchRequest, watchResponse } from "./etcd-messages.ts";
import { type EtcdMethod, WATCH_PATH } from "./etcd-methods.ts";

export interface EtcdConnectionOptions {
  /** "host:port" of each member. */
  readonly endpoints: readonly string[];
  /** Longest time for one call, with waiting for a connection and repeats. */
  readonly timeoutMs: number;
  /** PEM texts; absent: no TLS. */
  readonly tls?: { readonly ca: string; readonly certificate: string; readonly key: string };
}

export type WatchStream = ClientDuplexStream<Encodable<typeof watchRequest>, Decoded<typeof watchResponse>>;

export interface EtcdConnection extends Disposable {
  call<Request, Response>(
    method: EtcdMethod<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): Promise<Response>;
  /** Waits for a member that can be reached; rejects at the deadline. */
  openWatch(): Promise<WatchStream>;
  /** The stream's member is to blame: the next call goes to another. */
  giveUpMember(): void;
}

/** Between the repeats of a call that a reachable member rejects, for example while there is no leader. */
const REPEAT_MS = 50;

/**
 * Keepalive finds a member that hangs; etcd wants 5 s between pings at least. Messages have no limit: a page of large
 * objects has many megabytes. A broken connection is tried again after a second at the latest.
 */
const CHANNEL_OPTIONS = {
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
} as const;

/** A member without a leader ends the watch then, instead of keeping silent. */
const watchMetadata = new Metadata();
watchMetadata.set("hasleader", "true");

export function createEtcdConnection({ endpoints, timeoutMs, tls }: EtcdConnectionOptions): EtcdConnection {
  if (endpoints.length === 0) throw new RangeError("Cannot connect to etcd: there are no endpoints");
  const security = channelCredentials(tls);
  // Channels of their own: closing one store must not touch another in the same process.
  const options = { ...CHANNEL_OPTIONS, "grpc.use_local_subchannel_pool": 1 };
  const members = endpoints.map((endpoint) => new Client(endpoint, security, options));
  const calls = new Set<ClientUnaryCall>();
  let preferred = 0;

  function giveUpMember(): void {
    preferred = (preferred + 1) % members.length;
  }

  /** The preferred member when its connection stands, else another, else the first whose connection does. */
  async function reachable(deadline: number): Promise<Client> {
    const order = members.map((_, index) => (preferred + index) % members.length);
    preferred =
      order.find((index) => isReady(memberAt(index))) ??
      (await firstOf(order.map((index) => whenReady(memberAt(index), deadline).then(() => index))));
    return memberAt(preferred);
  }

  function memberAt(index: number): Client {
    const member = members[index];
    if (member === undefined) throw new RangeError(`Cannot connect to etcd: there is no endpoint ${index}`);
    return member;
  }

  return {
    async call(method, request, signal) {
      signal.throwIfAborted();
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const member = await abortable(reachable(deadline), signal);
        try {
          return await callUnary({ member, method, deadline, calls }, request, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (isEndpointFailure(error) && member === members[preferred]) giveUpMember();
          if (!method.isRepeatable || !isTransient(error) || Date.now() + REPEAT_MS >= deadline) throw error;
          await delay(REPEAT_MS, undefined, { signal });
        }
      }
    },
    async openWatch() {
      const member = await reachable(Date.now() + timeoutMs);
      return member.makeBidiStreamRequest(
        WATCH_PATH,
        (value: Encodable<typeof watchRequest>) => encodeMessage(watchRequest, value),
        (bytes) => decodeMessage(watchResponse, bytes),
        watchMetadata,
      );
    },
    giveUpMember,
    [Symbol.dispose]() {
      for (const call of calls) call.cancel();
      for (const member of members) member.close();
    },
  };
}

function channelCredentials(tls: EtcdConnectionOptions["tls"]): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const { ca, certificate, key } = tls;
  return credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(certificate));
}

function isReady(member: Client): boolean {
  return member.getChannel().getConnectivityState(false) === connectivityState.READY;
}

async function firstOf(waiting: readonly Promise<number>[]): Promise<number> {
  try {
    return await Promise.any(waiting);
  } catch (cause) {
    throw new Error("no endpoint can be reached", { cause });
  }
}

function whenReady(member: Client, deadline: number): Promise<void> {
  return new Promise((resolve, reject) => {
    member.waitForReady(deadline, (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

interface Call<Request, Response> {
  readonly member: Client;
  readonly method: EtcdMethod<Request, Response>;
  readonly deadline: number;
  /** Those under way. */
  readonly calls: Set<ClientUnaryCall>;
}

function callUnary<Request, Response>(
  { member, method, deadline, calls }: Call<Request, Response>,
  request: Request,
  signal: AbortSignal,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const call = member.makeUnaryRequest(
      method.path,
      (value: Request) => encodeMessage(method.request, value),
      (bytes) => decodeMessage(method.response, bytes),
      request,
      new Metadata(),
      { deadline },
      (error: ServiceError | null, response) => {
        signal.removeEventListener("abort", cancel);
        calls.delete(call);
        if (error !== null) reject(error);
        else if (response === undefined) reject(new Error(`etcd gives an empty response to ${method.path}`));
        else resolve(response);
      },
    );
    const cancel = (): void => call.cancel();
    calls.add(call);
    signal.addEventListener("abort", cancel, { once: true });
  });
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
