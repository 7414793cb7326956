/**
 * The Kubernetes network model as tests on a running cluster: reads all kernels, sends packets between all namespaces, and
 * explains what failed from the kernels' state. Statements of absence have a positive control: where it fails, the answer
 * means nothing.
 */

import { type ClusterAccess, namespacesOf, podName } from "#trace/cluster-access.ts";
import { observeWorld } from "#trace/facts/observe-world.ts";
import { findLinkByName, type WorldFacts } from "#trace/facts/world-facts.ts";
import type { Diagnosis } from "#trace/path/diagnose-packet.ts";
import { CAUSES } from "#trace/path/path.ts";
import { diagnose } from "./diagnose.ts";
import { type Inspection, inspectDuplicates, inspectLeaks, inspectPodAddresses } from "./inspect.ts";
import { readNeighbourLimit, sameNodePeers } from "./neighbour-limit.ts";
import { CHECKS, type CheckName, type Probe, planProbes } from "./plan-probes.ts";
import { type Failure, judge, type ProbeResult } from "./probe-result.ts";
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
  readonly checks: readonly CheckResult[];
}

export interface CheckOptions {
  readonly answerTimeoutMs?: number | undefined;
  readonly signal: AbortSignal;
}

const ANSWER_TIMEOUT_MS = 2000;
/** Failures that are explained one by one, for each check and family. */
const EXPLAINED = 5;

/** Pods that do not run are left out: they have no network yet, or none any more. */
export async function checkNetwork(cluster: ClusterAccess, options: CheckOptions): Promise<CheckReport> {
  const access = { ...cluster, pods: cluster.pods.filter(({ phase = "Running" }) => phase === "Running") };
  const startedMs = performance.now();
  const before = readWorld(cluster);
  const podsOfNodes = access.nodes.map(({ name }) => access.pods.filter(({ node }) => node === name).length);
  const limit = readNeighbourLimit();
  const peers = sameNodePeers(limit, podsOfNodes);
  const probes = planProbes(access, { mtuBytes: podMtus(access, before), sameNodePeers: peers });
  const { signal, answerTimeoutMs = ANSWER_TIMEOUT_MS } = options;
  const results = await runProbes(access, probes, { answerTimeoutMs, signal });
  signal.throwIfAborted();
  const failures = results.flatMap((result) => judge(result) ?? []);
  // Traffic resolves neighbours and teaches bridges: what explains a failure is the state after it.
  const after = failures.length === 0 ? before : readWorld(cluster);
  return {
    cluster: access.name,
    nodes: access.nodes.length,
    pods: access.pods.length,
    probes: probes.length,
    ...(peers !== undefined && {
      note: `pods send to ${peers} of their node's others each: more would overflow neighbour tables of ${limit} entries`,
    }),
    durationMs: Math.round(performance.now() - startedMs),
    checks: [
      inspected("pod-address", inspectPodAddresses(access, before)),
      inspected("address-unique", inspectDuplicates(access, before)),
      ...probed(after, results, failures),
      inspected("leaks", inspectLeaks(cluster, before)),
    ],
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

function inspected(name: CheckName, { looked, findings }: Inspection): CheckResult {
  const status = findings.length > 0 ? "failed" : looked === 0 ? "skipped" : "passed";
  const reason = status === "skipped" ? "there is nothing to look at" : undefined;
  const failures = findings.map(({ cause, hop, message, evidence }) => {
    const text = message.includes(hop) ? message : `${hop}: ${message}`;
    return { hop, message: text, evidence, diagnosis: { cause, hop, message: CAUSES[cause], evidence } };
  });
  return {
    name,
    title: CHECKS[name],
    family: undefined,
    status,
    count: looked,
    reason,
    failed: failures.length,
    failures,
  };
}

/** Checks that send packets, in the order of their table. */
const SENDING = Object.keys(CHECKS).filter(isSending);

function isSending(name: string): name is CheckName {
  return name !== "pod-address" && name !== "address-unique" && name !== "leaks";
}

function probed(
  world: WorldFacts,
  results: readonly ProbeResult[],
  failures: readonly Failure[],
): readonly CheckResult[] {
  const families = [4, 6].filter((family): family is 4 | 6 => results.some(({ probe }) => probe.family === family));
  return families.flatMap((family) =>
    SENDING.map((name) => {
      const isOurs = ({ probe }: { readonly probe: Probe }) => probe.check === name && probe.family === family;
      const count = results.filter(isOurs).length;
      const failed = failures.filter(({ result }) => isOurs(result));
      const base = { name, title: CHECKS[name], family, count, failed: failed.length };
      if (count === 0) return { ...base, status: "skipped" as const, reason: whyNone(name), failures: [] };
      if (failed.length > 0) return { ...base, status: "failed" as const, failures: explain(world, failed) };
      const control = failedControl(name, family, results, failures);
      const status = control === undefined ? ("passed" as const) : ("inconclusive" as const);
      return { ...base, status, reason: control, failures: [] };
    }),
  );
}

function explain(world: WorldFacts, failures: readonly Failure[]): readonly CheckFailure[] {
  return failures.slice(0, EXPLAINED).map((failure) => {
    const diagnosis = diagnose(world, failure);
    return { message: failure.message, diagnosis, hop: diagnosis.hop, evidence: diagnosis.evidence };
  });
}

/** What must be seen to work for the absence of something to mean anything. Undefined: it was seen. */
function failedControl(
  name: CheckName,
  family: 4 | 6,
  results: readonly ProbeResult[],
  failures: readonly Failure[],
): string | undefined {
  if (name !== "over-size") return undefined;
  const isFullSize = ({ probe }: ProbeResult) => probe.check === "full-size" && probe.family === family;
  const passed = results.filter(isFullSize).length - failures.filter(({ result }) => isFullSize(result)).length;
  return passed > 0 ? undefined : "control failed: not even packets of the MTU pass";
}

function whyNone(name: CheckName): string {
  switch (name) {
    case "pod-to-pod-same-node":
      return "no node has two pods";
    case "pod-to-pod-other-node":
      return "fewer than two nodes have pods";
    case "pod-to-outside":
      return "the cluster has no place outside";
    default:
      return "there are too few pods";
  }
}
