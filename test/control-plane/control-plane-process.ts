/**
 * The API server of a control plane, without controllers, as a process that tests can watch and kill. What it is like
 * stands in its argument as JSON; it tells its port, answers questions over IPC, and ends with its parent.
 */
import { join } from "node:path";
import { boundHeap } from "#base/bound-heap.ts";
import { parsePrefix } from "#base/ip-address.ts";
import type { ListenerLimits } from "#control-plane/http/listener-limits.ts";
import { startControlPlane } from "#control-plane/start-control-plane.ts";
import { createEtcdStore } from "#control-plane/store/etcd/etcd-store.ts";
import { createSqliteStore } from "#control-plane/store/sqlite/sqlite-store.ts";
import type { Store } from "#control-plane/store/store.ts";

export interface ProcessOptions {
  /** Certificates, and the file of a SQLite store. */
  readonly directory: string;
  /** Of the store's file; processes that run at the same time need different ones. */
  readonly name?: string;
  /** 0: any free one. */
  readonly port: number;
  /** "127.0.0.1:port"; absent: SQLite. */
  readonly etcd?: { readonly endpoint: string; readonly timeoutMs: number };
  readonly limits?: Partial<ListenerLimits>;
}

export type ProcessMessage =
  | { readonly type: "ready"; readonly port: number }
  /** What the server logs as an error: a request that failed by its fault, a watch that was lost. */
  | { readonly type: "error"; readonly text: string }
  | { readonly type: "memory"; readonly rss: number; readonly heap: number };

/** Read from what start-process.ts formatted. */
const options = JSON.parse(process.argv[2] ?? "") as ProcessOptions;

const say = (message: ProcessMessage): void => void process.send?.(message);

process.on("disconnect", () => process.exit());
process.on("message", () => {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  say({ type: "memory", rss, heap: heapUsed });
});

// As in production.
boundHeap();
const { directory, port, etcd, name = "store" } = options;
const store: Store =
  etcd === undefined
    ? createSqliteStore({ path: join(directory, `${name}.db`) })
    : createEtcdStore({ endpoints: [etcd.endpoint], timeoutMs: etcd.timeoutMs });
const { server } = await startControlPlane({
  listen: { host: "127.0.0.1", port },
  dataDirectory: directory,
  store,
  serverNames: [],
  serviceCidrs: [parsePrefix("10.96.0.0/16")],
  staticTokens: [{ token: "reader", user: { name: "jane", groups: [] } }],
  defaultAccountWaitMs: 0,
  ...(options.limits !== undefined && { limits: options.limits }),
  podwireVersion: "0.0.0",
  log: {
    info: () => undefined,
    error: (event, fields) => say({ type: "error", text: `${event} ${JSON.stringify(fields)}` }),
  },
});
say({ type: "ready", port: server.port });
