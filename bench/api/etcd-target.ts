/** etcd itself under the same load: put, range and watch by gRPC, one connection for requests and one for watches. */
import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { type Decoded, decodeMessage, type Encodable, encodeMessage, field, message, string } from "#base/protobuf.ts";
import { rangeRequest, rangeResponse, watchRequest } from "#control-plane/store/etcd/etcd-messages.ts";
import { inLanes } from "./in-lanes.ts";
import { type LoadTarget, UPDATED_OBJECTS } from "./load-target.ts";
import { LISTED_OBJECTS } from "./sample-objects.ts";

// etcd 3.4, etcdserverpb/rpc.proto; what a PutResponse says is of no interest.
const putRequest = message("PutRequest", { key: field(1, string), value: field(2, string) });
const PUT = "/etcdserverpb.KV/Put";
const RANGE = "/etcdserverpb.KV/Range";
const WATCH = "/etcdserverpb.Watch/Watch";
const CREATED = "/created/";
const LISTED = "/listed/";
const CONNECTING = 32;
/** A PutResponse of etcd; a WatchResponse without events is shorter than the key. */
const CHANNEL_OPTIONS = { "grpc.max_receive_message_length": -1, "grpc.use_local_subchannel_pool": 1 };

type WatchStream = ClientDuplexStream<Encodable<typeof watchRequest>, Buffer>;

export function openEtcdTarget(endpoint: string, valueBytes: number, runId: string): LoadTarget {
  const client = new Client(endpoint, credentials.createInsecure(), CHANNEL_OPTIONS);
  const value = "0123456789abcdef".repeat(Math.ceil(valueBytes / 16)).slice(0, valueBytes);
  let updates = 0;

  const put = (key: string, text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        PUT,
        (request: Encodable<typeof putRequest>) => encodeMessage(putRequest, request),
        (bytes) => bytes,
        { key, value: text },
        (error) => (error === null ? resolve() : reject(error)),
      );
    });

  const range = (prefix: string): Promise<Decoded<typeof rangeResponse>> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        RANGE,
        (request: Encodable<typeof rangeRequest>) => encodeMessage(rangeRequest, request),
        (bytes) => decodeMessage(rangeResponse, bytes),
        { key: prefix, rangeEnd: behind(prefix) },
        (error, response) => (error === null && response ? resolve(response) : reject(error)),
      );
    });

  return {
    async prepare() {
      for (let index = 0; index < LISTED_OBJECTS; index++) await put(`${LISTED}${index}`, value);
      for (let lane = 0; lane < UPDATED_OBJECTS; lane++) await put(`/updated/${lane}`, value);
      return valueBytes;
    },
    create: (index) => put(`${CREATED}${runId}-${index}`, value),
    update: (lane) => put(`/updated/${lane}`, `${value.slice(0, -8)}${String(updates++).padStart(8, "0")}`),
    async list() {
      const { kvs } = await range(LISTED);
      if (kvs.length !== LISTED_OBJECTS) throw new Error(`etcd lists ${kvs.length} keys instead of ${LISTED_OBJECTS}`);
    },
    watch: (watchers, onEvent, onEnd) => openWatches(endpoint, { watchers, onEvent, onEnd }),
    [Symbol.dispose]: () => client.close(),
  };
}

interface Watches {
  readonly watchers: number;
  onEvent(watcher: number): void;
  onEnd(error: Error): void;
}

/** A stream for each watcher, as clients have. */
async function openWatches(endpoint: string, { watchers, onEvent, onEnd }: Watches): Promise<Disposable> {
  const client = new Client(endpoint, credentials.createInsecure(), CHANNEL_OPTIONS);
  const streams: WatchStream[] = [];
  let isOver = false;
  await inLanes(watchers, CONNECTING, (watcher) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stream: WatchStream = client.makeBidiStreamRequest(
      WATCH,
      (request: Encodable<typeof watchRequest>) => encodeMessage(watchRequest, request),
      (bytes) => bytes,
    );
    streams.push(stream);
    let isCreated = false;
    stream.on("data", () => {
      // The first response says that the watch stands; each other one carries the event of a put, which waits for it.
      if (isCreated) onEvent(watcher);
      isCreated = true;
      resolve();
    });
    stream.on("error", (error) => {
      reject(error);
      if (!isOver) onEnd(error);
    });
    stream.write({ createRequest: { key: CREATED, rangeEnd: behind(CREATED) } });
    return promise;
  });
  return {
    [Symbol.dispose]() {
      isOver = true;
      for (const stream of streams) stream.cancel();
      client.close();
    },
  };
}

/** The first key that does not begin with the prefix. */
function behind(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
