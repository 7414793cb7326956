/** A real etcd for tests: one member on free ports of 127.0.0.1, its data in a temporary folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ETCD = "/usr/bin/etcd";

/** Why there can be no etcd here; in CI it must be there. */
export const etcdMissing: string | undefined =
  existsSync(ETCD) || process.env["CI"] === "true" ? undefined : `${ETCD} is missing: install etcd-server`;

export interface EtcdServer extends AsyncDisposable {
  /** "127.0.0.1:port"; stays the same over restarts. */
  readonly endpoint: string;
  /** Resolves when it serves clients. */
  start(): Promise<void>;
  /** Ends it with SIGKILL; its data stay. */
  kill(): Promise<void>;
  /** Removes the data of a server that does not run. */
  wipe(): Promise<void>;
  /** Stops and continues the process: connections stay, nobody answers. */
  pause(): void;
  resume(): void;
}

export async function createEtcdServer(): Promise<EtcdServer> {
  const folder = await mkdtemp(join(tmpdir(), "podwire-etcd-"));
  const [clientPort, peerPort] = await freePorts();
  const endpoint = `127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const args = [
    ["--name", "test", "--data-dir", join(folder, "data"), "--log-outputs", "stderr", "--logger", "zap"],
    ["--listen-client-urls", `http://${endpoint}`, "--advertise-client-urls", `http://${endpoint}`],
    ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `test=${peer}`],
    // An election of one member needs no patience, and no test cuts the power.
    ["--heartbeat-interval", "10", "--election-timeout", "100", "--unsafe-no-fsync"],
  ].flat();
  let child: ChildProcess | undefined;
  const killAtExit = (): void => void child?.kill("SIGKILL");
  // The test runner ends a file that takes too long by this signal, and no "exit" comes then.
  const endBySignal = (): void => {
    killAtExit();
    process.exit(1);
  };
  process.once("exit", killAtExit);
  process.once("SIGTERM", endBySignal);

  async function kill(): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const exit = once(ending, "exit");
    ending.kill("SIGKILL");
    await exit;
  }

  return {
    endpoint,
    async start() {
      const started = spawn(ETCD, args, { stdio: ["ignore", "ignore", "pipe"] });
      child = started;
      await ready(started);
    },
    kill,
    wipe: () => rm(join(folder, "data"), { recursive: true, force: true }),
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      await kill();
      process.off("exit", killAtExit);
      process.off("SIGTERM", endBySignal);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** etcd's log says when it serves; what follows is thrown away, so that the pipe never fills. */
async function ready(etcd: ChildProcess): Promise<void> {
  const lines: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const reader = createInterface({ input: etcd.stderr ?? process.stdin });
  reader.on("line", (line) => {
    if (lines.length < 200) lines.push(line);
    if (/serving (insecure )?client/.test(line)) resolve();
  });
  etcd.once("error", reject);
  etcd.once("exit", (code) => reject(new Error(`etcd ended with ${code}:\n${lines.slice(-5).join("\n")}`)));
  await promise;
}

async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()] as const;
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : 0;
    }),
  );
  for (const server of servers) {
    server.close();
    await once(server, "close");
  }
  return [ports[0] ?? 0, ports[1] ?? 0];
}
