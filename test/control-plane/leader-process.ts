/**
 * A whole control plane, with controllers and scheduler, as `podwire control-plane` runs it: what it is like stands in
 * its argument as JSON, it tells over IPC when it leads, and ends with its parent. Its writes are recorded.
 */
import { join } from "node:path";
import { parsePrefix } from "#base/ip-address.ts";
import { runControlPlane } from "#control-plane/run-control-plane.ts";
import { createRecordedStore, type RecordedStore } from "./recorded-store.ts";

export interface LeaderOptions {
  /** Certificates, the same for all. */
  readonly directory: string;
  /** Of this process alone. */
  readonly name: string;
  readonly folder: string;
  /** "127.0.0.1:port" */
  readonly etcd: string;
  readonly leaseDurationMs: number;
}

export type LeaderMessage =
  | { readonly type: "ready"; readonly port: number }
  | { readonly type: "leading"; readonly term: number }
  | { readonly type: "not leading" }
  | { readonly type: "held"; readonly key: string }
  | { readonly type: "outcome"; readonly text: string };

export type LeaderCommand = "hold" | "go";

/** Read from what start-leader.ts formatted. */
const options = JSON.parse(process.argv[2] ?? "") as LeaderOptions;
const say = (message: LeaderMessage): void => void process.send?.(message);
let store: RecordedStore | undefined;

async function obey(command: LeaderCommand): Promise<void> {
  if (store === undefined) return;
  if (command === "hold") say({ type: "held", key: await store.hold() });
  else say({ type: "outcome", text: await store.go() });
}

process.on("disconnect", () => process.exit());
process.on("message", (command: LeaderCommand) => void obey(command));

const { name, folder, leaseDurationMs } = options;
await runControlPlane({
  listen: { host: "127.0.0.1", port: 0 },
  dataDirectory: options.directory,
  kubeconfigPath: join(folder, `${name}.kubeconfig`),
  storeUrl: `etcd://${options.etcd}`,
  clusterName: "test",
  podCidrs: [parsePrefix("10.244.0.0/16")],
  serviceCidrs: [parsePrefix("10.96.0.0/16")],
  serverNames: [],
  podwireVersion: "0.0.0",
  election: { leaseDurationMs, renewDeadlineMs: leaseDurationMs * 0.7, retryPeriodMs: leaseDurationMs / 10 },
  throughStore(inner) {
    store = createRecordedStore(inner, join(folder, `${name}.writes`));
    return store;
  },
  log: {
    info(event, fields) {
      if (event === "leading") say({ type: "leading", term: Number(fields?.["fence"]) });
      if (event === "not leading any more") say({ type: "not leading" });
    },
    error: (event, fields) => void process.stderr.write(`${event} ${JSON.stringify(fields)}\n`),
  },
  signal: new AbortController().signal,
  onReady: (url) => say({ type: "ready", port: Number(new URL(url).port) }),
});
