/** The control plane of a cluster and, where it brings one along, its etcd: programs on this machine. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { waitForLogLine } from "../wait-for-log-line.ts";
import type { ClusterSpec } from "./cluster-spec.ts";
import { type Component, type ComponentProcess, spawnOnMachine } from "./component.ts";

export interface ControlOptions {
  readonly spec: ClusterSpec;
  /** Command line of Podwire itself; arguments follow. */
  readonly podwire: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Runs its arguments in the cluster's control groups. */
  readonly inCgroups: (argv: readonly string[]) => readonly string[];
  /** "10.213.0.1" */
  readonly address: string;
  readonly dataDir: string;
  readonly logDir: string;
  readonly storeUrl: string;
}

export const API_PORT = 6443;
const START_TIMEOUT_MS = 30_000;

export function controlPlaneComponent(options: ControlOptions): Component {
  const { spec, podwire, address, dataDir, storeUrl } = options;
  const argv = [
    ...podwire,
    "control-plane",
    ...["--listen", `${address}:${API_PORT}`, "--data-dir", dataDir, "--store", storeUrl, "--name", spec.name],
    ...["--pod-cidr", spec.podCidrs.join(","), "--service-cidr", spec.serviceCidrs.join(",")],
    ...(spec.loadBalancerPools.length > 0 ? ["--load-balancer-pool", spec.loadBalancerPools.join(",")] : []),
  ];
  return programComponent("control-plane", argv, / control plane ready /, options);
}

export interface EtcdOptions extends Pick<ControlOptions, "environment" | "inCgroups" | "dataDir" | "logDir"> {
  /** Clients; peers have the next one. Only this machine reaches them. */
  readonly port: number;
}

export function etcdComponent(options: EtcdOptions): Component {
  const { port, dataDir } = options;
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${port + 1}`];
  const argv = [
    ...["etcd", "--name", "podwire", "--data-dir", dataDir],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `podwire=${peer}`],
  ];
  return programComponent("etcd", argv, /ready to serve client requests/, options);
}

type Surroundings = Pick<ControlOptions, "environment" | "inCgroups" | "logDir">;

/** Ready when its log says so. */
function programComponent(name: string, argv: readonly string[], ready: RegExp, options: Surroundings): Component {
  const { environment, inCgroups, logDir } = options;
  const logPath = join(logDir, `${name}.log`);
  return {
    name,
    async start(signal) {
      const offset = existsSync(logPath) ? statSync(logPath).size : 0;
      const program = await spawnOnMachine({ name, argv: inCgroups(argv), environment, logPath });
      await untilReady(
        program,
        (waiting) => waitForLogLine({ path: logPath, offset, pattern: ready }, waiting),
        signal,
      );
      return program;
    },
  };
}

/** Ends the program when it does not become ready, and says why. */
export async function untilReady(
  program: ComponentProcess,
  wait: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
  try {
    await wait(AbortSignal.any([signal, timeout, program.ended]));
  } catch (cause) {
    await program.end("SIGKILL");
    signal.throwIfAborted();
    // What it ended with, if that came first.
    if (timeout.aborted) throw new Error(`not ready after ${START_TIMEOUT_MS} ms: ${await program.exited}`, { cause });
    throw cause;
  }
}
