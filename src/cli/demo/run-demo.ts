/** A demo from beginning to end: a cluster, pods on every node, the proof of their network, and one packet's way. */
import type { Pod } from "#api/kinds/pod/pod.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import { type CheckReport, checkNetwork } from "#check/check-network.ts";
import { dnsAddresses } from "#cluster/keeper/cluster-spec.ts";
import type { ClusterStatus } from "#cluster/keeper/cluster-status.ts";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import { cachedNginxImage } from "#cluster/registry/cached-nginx-image.ts";
import { runTrace } from "#trace/run-trace.ts";
import type { TraceReport } from "#trace/trace-report.ts";
import { CliError } from "../cli-error.ts";
import { type BringUpOptions, bringUp } from "../cluster/bring-up.ts";
import { clusterPrograms } from "../cluster/cluster-programs.ts";
import { createPhases } from "../output/phases.ts";
import { type ServiceReport, showService } from "./show-service.ts";
import { CLIENT, runWorkloads, WEB } from "./workloads.ts";

export interface DemoPod {
  readonly name: string;
  readonly node: string;
  readonly ip: string;
}

export interface DemoReport {
  readonly status: ClusterStatus;
  readonly pods: readonly DemoPod[];
  readonly check: CheckReport;
  /** From a client to a web server on another node; on the only one, where there is no other. */
  readonly trace: TraceReport;
  /** Undefined when nobody translates Services. */
  readonly service: ServiceReport | undefined;
}

export interface DemoOptions extends BringUpOptions {
  /** How long the Service is under load while its pods are replaced; 0: it is not. */
  readonly loadSeconds: number;
}

export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<DemoReport> {
  const { spec, say, loadSeconds } = options;
  const phases = createPhases((line) => void say(line));
  // Made of Debian's packages the first time, and kept: nodes would wait for it.
  await phases.run("nginx image", () => buildWebImage(signal));
  const status = await bringUp(options, signal);
  using client = createHttpClient(loadKubeconfig(status.kubeconfig), { userAgent: "podwire-demo" });
  const { length: nodes } = status.nodes;
  const count = `${nodes} web servers and ${nodes} clients run`;
  await phases.run(count, () => runWorkloads(client, nodes, signal));
  const { items } = await client.list(podKind, { namespace: "default" }, signal);
  const pods = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(demoPod);
  const access = await openClusterAccess(spec.name, signal);
  const check = await phases.run("network checked", () => checkNetwork(access, { signal }));
  const { from, to } = farApart(pods);
  const { report: trace } = await phases.run("one packet followed", () =>
    runTrace(access, { from: `default/${from.name}`, to: `default/${to.name}`, protocol: "tcp", port: 80, signal }),
  );
  const [nameServer] = status.spec.dns === "podwire" ? dnsAddresses(status.spec) : [];
  const what =
    loadSeconds > 0 ? "all web servers replaced under load, through a Service" : "web servers reached by a Service";
  const service =
    status.spec.serviceProxy === "none"
      ? undefined
      : await phases.run(what, () => showService({ client, access, nameServer, loadSeconds, signal }));
  return { status, pods, check, trace, service };
}

function demoPod({ metadata, spec, status }: Pod): DemoPod {
  return { name: metadata.name ?? "", node: spec?.nodeName ?? "", ip: status?.podIP ?? "" };
}

/** A client and a web server on different nodes, if there are such. */
export function farApart(pods: readonly DemoPod[]): { readonly from: DemoPod; readonly to: DemoPod } {
  const [clients, servers] = [CLIENT, WEB].map((app) => pods.filter(({ name }) => name.startsWith(`${app}-`)));
  const pairs = (clients ?? []).flatMap((from) => (servers ?? []).map((to) => ({ from, to })));
  const pair = pairs.find(({ from, to }) => from.node !== to.node) ?? pairs[0];
  if (pair !== undefined) return pair;
  throw new CliError("failed", { what: "The demo's pods have gone", next: "see: kubectl get pods -A" });
}

async function buildWebImage(signal: AbortSignal): Promise<void> {
  try {
    await cachedNginxImage(clusterPrograms().imageDir, signal);
  } catch (cause) {
    signal.throwIfAborted();
    const evidence = cause instanceof Error ? cause.message : String(cause);
    const next = "see whether the machine reaches its package sources: apt-get update";
    throw new CliError("machine", { what: "Cannot make the nginx image of Debian's packages", evidence, next });
  }
}
