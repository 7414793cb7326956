/** A real etcd: one member, its data in a folder of the benchmark's. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { freePorts, startServer } from "./server-process.ts";

const ETCD = "etcd";

export interface EtcdProcess extends AsyncDisposable {
  readonly pid: number;
  /** "127.0.0.1:2379" */
  readonly endpoint: string;
}

export interface EtcdOptions {
  readonly folder: string;
  /** False: what it acknowledges outlives its process, not a power cut, as with SQLite in our store. */
  readonly fsync: boolean;
}

/** "etcd Version: 3.4.23"; undefined where there is none. */
export function etcdVersion(): string | undefined {
  const { stdout } = spawnSync(ETCD, ["--version"], { encoding: "utf8" });
  return /etcd Version: (\S+)/.exec(stdout ?? "")?.[1];
}

/** Resolves when it serves clients. */
export async function startEtcd({ folder, fsync }: EtcdOptions, signal: AbortSignal): Promise<EtcdProcess> {
  const [clientPort, peerPort] = await freePorts(2);
  const endpoint = `127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const argv = [
    [ETCD, "--name", "bench", "--data-dir", join(folder, "data"), "--log-outputs", "stderr", "--logger", "zap"],
    ["--listen-client-urls", `http://${endpoint}`, "--advertise-client-urls", `http://${endpoint}`],
    ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `bench=${peer}`],
    fsync ? [] : ["--unsafe-no-fsync"],
  ].flat();
  const server = await startServer(argv, /serving (insecure )?client/, signal);
  return { pid: server.pid, endpoint, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
