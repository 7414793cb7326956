/**
 * The Kubernetes network model as tests on a running cluster: reads all kernels, sends packets between all namespaces, and
 * explains what failed from the kernels' state. Statements of absence have a positive control: where it fails, the answer
 * means nothing. Before something counts as failed, the cluster is looked at again: pods come and go.
 */
import { isDeepStrictEqual } from "node:util";
import { type AccessPod, type ClusterAccess, namespacesOf, podName } from "#trace/cluster-access.ts";
import { observeWorld } from "#trace/facts/observe-world.ts";
import { findLinkByName, type WorldFacts } from "#trace/facts/world-facts.ts";
import type { Diagnosis } from "#trace/path/diagnose-packet.ts";
import { type ExplainableFailure, inspected, probed } from "./check-results.ts";
import { choosePods, type SkippedPod, stayingPods } from "./choose-pods.ts";
import { type Inspection, inspectDuplicates, inspectLeaks, inspectPodAddresses } from "./inspect.ts";
import { forgetNeighbours, readNeighbourLimit } from "./neighbour-table.ts";
import { type Probe, planProbes } from "./plan-probes.ts";
import { planWaves } from "./plan-waves.ts";
import { judge, type ProbeResult } from "./probe-result.ts";
import { runProbes } from "./run-probes.ts";

export interface CheckFailure {
  readonly message: string;
  readonly diagnosis?: Diagnosis | undefined;
  readonly hop: string;
  readonly evidence: readonly string[];
  /** What to do next, where the diagnosis does not say it. */
  readonly next?: string | undefined;
}

export interface CheckResult {
  readonly name: string;
  readonly title: string;
  readonly family: 4 | 6 | undefined;
  readonly status: "passed" | "failed" | "skipped" | "inconclusive";
  /** Packets sent, or things looked at. */
  readonly count: number;
  /** Why it was skipped, or means nothing. */
  readonly reason?: string | undefined;
  readonly failed: number;
  /** The first ones, with what explains them. */
  readonly failures: readonly CheckFailure[];
}

export interface CheckReport {
  /** What was checked. Default: the network. */
  readonly subject?: "network" | "services";
  readonly cluster: string;
  readonly nodes: number;
  readonly pods: number;
  readonly probes: number;
  readonly durationMs: number;
  /** What was not tested, and why. */
  readonly note?: string;
  /** Pods that were not checked. */
  readonly skippedPods?: readonly SkippedPod[];
  readonly checks: readonly CheckResult[];
}

export interface CheckOptions {
  readonly answerTimeoutMs?: number | undefined;
  /** Entries that the kernel's neighbour tables hold. Default: what the kernel says. */
  readonly neighbourLimit?: number | undefined;
  readonly signal: AbortSignal;
}

const ANSWER_TIMEOUT_MS = 2000;

/** What is known of some pods: they are looked at and sent to, and nothing of others is in it. */
interface Findings {
  readonly pods: readonly AccessPod[];
  readonly addresses: Inspection;
  readonly duplicates: Inspection;
  readonly leaks: Inspection;
  readonly results: readonly ProbeResult[];
  readonly failures: readonly ExplainableFailure[];
}

export async function checkNetwork(cluster: ClusterAccess, options: CheckOptions): Promise<CheckReport> {
  const { pods, skipped } = choosePods(cluster.pods);
  const access = { ...cluster, pods };
  const startedMs = performance.now();
  const before = readWorld(cluster);
  const limit = options.neighbourLimit ?? readNeighbourLimit();
  const waves = planWaves(planProbes(access, { mtuBytes: podMtus(access, before) }), limit);
  const found: Findings = {
    pods,
    addresses: inspectPodAddresses(access, before),
    duplicates: inspectDuplicates(access, before),
    leaks: inspectLeaks(cluster, before),
    ...(await sendWaves(cluster, waves, before, options)),
  };
  const standing = isSound(found) ? { ...found, skipped: [] } : await lookAgain(access, before, found, options.signal);
  const skippedPods = [...skipped, ...standing.skipped];
  return {
    cluster: access.name,
    nodes: access.nodes.length,
    pods: standing.pods.length,
    probes: standing.results.length,
    ...(waves.length > 1 && {
      note: `sent in ${waves.length} waves: all at once would overflow neighbour tables of ${limit} entries`,
    }),
    ...(skippedPods.length > 0 && { skippedPods }),
    durationMs: Math.round(performance.now() - startedMs),
    checks: [
      inspected("pod-address", standing.addresses),
      inspected("address-unique", standing.duplicates),
      ...probed(standing.results, standing.failures),
      inspected("leaks", standing.leaks),
    ],
  };
}

async function sendWaves(
  cluster: ClusterAccess,
  waves: readonly (readonly Probe[])[],
  before: WorldFacts,
  { signal, answerTimeoutMs = ANSWER_TIMEOUT_MS }: CheckOptions,
): Promise<Pick<Findings, "results" | "failures">> {
  const failures: (readonly ExplainableFailure[])[] = [];
  const behindWave = (results: readonly ProbeResult[]): void => {
    const failed = results.flatMap((result) => judge(result) ?? []);
    // What explains a failure is the state behind it, before its neighbours are forgotten.
    const world = failed.length === 0 ? before : readWorld(cluster);
    failures.push(failed.map((failure) => ({ ...failure, world })));
    if (failures.length < waves.length) forgetNeighbours(namespacesOf(cluster), before);
  };
  const results = await runProbes(cluster, waves, { answerTimeoutMs, signal, behindWave });
  signal.throwIfAborted();
  return { results, failures: failures.flat() };
}

function isSound({ addresses, duplicates, leaks, failures }: Findings): boolean {
  return [addresses, duplicates, leaks].every(({ findings }) => findings.length === 0) && failures.length === 0;
}

/** Without the pods that have gone, and without what has been tidied up, meanwhile. */
async function lookAgain(
  access: ClusterAccess,
  before: WorldFacts,
  found: Findings,
  signal: AbortSignal,
): Promise<Findings & { readonly skipped: readonly SkippedPod[] }> {
  const isTidy = found.leaks.findings.length === 0;
  const now = await access.again?.(isTidy ? "pods" : "everything", signal);
  if (now === undefined) return { ...found, skipped: [] };
  const { pods, skipped } = stayingPods(found.pods, now.pods);
  const staying = new Set(pods.map(podName));
  const gone = new Set(found.pods.map(podName).filter((name) => !staying.has(name)));
  const stays = { ...access, pods };
  const world = {
    ...before,
    namespaces: new Map([...before.namespaces].filter(([name]) => !gone.has(name))),
  };
  const isOfGone = ({ from, to }: Probe): boolean => gone.has(from.namespace) || gone.has(to.namespace);
  const leaks = isTidy ? [] : inspectLeaks(now, readWorld(now)).findings;
  return {
    pods,
    skipped,
    addresses: inspectPodAddresses(stays, world),
    duplicates: inspectDuplicates(stays, world),
    leaks: {
      ...found.leaks,
      findings: found.leaks.findings.filter((finding) => leaks.some((later) => isDeepStrictEqual(later, finding))),
    },
    results: found.results.filter(({ probe }) => !isOfGone(probe)),
    failures: found.failures.filter(({ result }) => !isOfGone(result.probe)),
  };
}

function readWorld(cluster: ClusterAccess): WorldFacts {
  return observeWorld(namespacesOf(cluster), cluster.nodes);
}

function podMtus({ pods }: ClusterAccess, world: WorldFacts): ReadonlyMap<string, number> {
  return new Map(
    pods.flatMap((pod) => {
      const facts = world.namespaces.get(podName(pod));
      const eth0 = facts && findLinkByName(facts, "eth0");
      return eth0 === undefined ? [] : [[podName(pod), eth0.mtu] as const];
    }),
  );
}
