/** A cluster for measuring, brought up and taken down by the command that people type. */
import { createHttpClient, type HttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import type { ClusterStatus } from "#cluster/keeper/cluster-status.ts";
import { runProgram } from "#cluster/program.ts";

export interface BenchClusterOptions {
  /** The command line of Podwire: `./podwire`. */
  readonly podwire: readonly string[];
  readonly name: string;
  readonly nodes: number;
}

export interface BenchCluster extends AsyncDisposable {
  readonly status: ClusterStatus;
  readonly client: HttpClient;
}

const TIMEOUT_MS = 240_000;

export async function startBenchCluster(options: BenchClusterOptions, signal: AbortSignal): Promise<BenchCluster> {
  const { name, nodes } = options;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const arguments_ = ["up", "--name", name, "--nodes", String(nodes), "--output", "json", "--quiet"];
  const output = await runPodwire(options, arguments_, deadline);
  // Printed by `podwire up` from this type.
  const status = JSON.parse(output) as ClusterStatus;
  const client = createHttpClient(loadKubeconfig(status.kubeconfig), { userAgent: "podwire-bench" });
  return {
    status,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await runPodwire(options, ["down", "--name", name, "--quiet"], AbortSignal.timeout(TIMEOUT_MS));
    },
  };
}

async function runPodwire(
  { podwire }: BenchClusterOptions,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const { code, stdout, stderr } = await runProgram([...podwire, ...argv], signal);
  if (code !== 0) throw new Error(`Cannot measure: podwire ${argv[0]} ended with status ${code}: ${stderr.trim()}`);
  return stdout;
}
