/**
 * What Services promise as tests on a running cluster: connections from pods, nodes and outside to every address that a
 * Service has, compared with what its objects say; where each went is read from the nodes' connection tracking. A Service
 * that was changed meanwhile is left out.
 */
import { isDeepStrictEqual } from "node:util";
import { familyOf, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { findNetns, type Netns } from "#kernel/netns/netns.ts";
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import type { ClusterAccess } from "#trace/cluster-access.ts";
import type { CheckFailure, CheckReport, CheckResult } from "../check-network.ts";
import { askDns } from "./ask-dns.ts";
import { judgeServiceProbe, type ServiceFinding } from "./judge-service-probe.ts";
import { judgeDnsAnswer, planDnsQuestions } from "./plan-dns-questions.ts";
import { planServiceProbes, type ServiceVantage, vantagesOf } from "./plan-service-probes.ts";
import { programmedEvidence } from "./programmed-evidence.ts";
import { runServiceProbes, type ServiceRun } from "./run-service-probes.ts";
import { SERVICE_CHECKS, type ServiceCheckName, type ServiceObjects, serviceKey, slicesOf } from "./service-checks.ts";

export interface CheckServicesOptions {
  /** Reads the objects: before the check, and again when something failed. */
  readonly readObjects: (signal: AbortSignal) => Promise<ServiceObjects>;
  readonly clusterDomain?: string | undefined;
  readonly answerTimeoutMs?: number | undefined;
  readonly signal: AbortSignal;
}

const ANSWER_TIMEOUT_MS = 3000;
const DOMAIN = "cluster.local";
/** Failures that are explained one by one, for each check and family. */
const EXPLAINED = 5;

interface Found {
  readonly check: ServiceCheckName;
  readonly family: 4 | 6 | undefined;
  /** `namespace/name` */
  readonly service: string;
  readonly failure: () => CheckFailure;
}

export async function checkServices(access: ClusterAccess, options: CheckServicesOptions): Promise<CheckReport> {
  const { readObjects, signal, answerTimeoutMs = ANSWER_TIMEOUT_MS } = options;
  const startedMs = performance.now();
  using stack = new DisposableStack();
  const nodes = new Map<string, Netns>();
  for (const { name, netnsPath = "" } of access.nodes) {
    const netns = findNetns(netnsPath);
    if (netns !== undefined) nodes.set(name, stack.use(netns));
  }
  const objects = await readObjects(signal);
  const vantages = vantagesOf(access, objects, (name) => addressesIn(nodes.get(name)));
  const { probes, notes: untested } = planServiceProbes(access, objects, vantages);
  const runs = await runServiceProbes(probes, { answerTimeoutMs, nodes, signal });
  const dns = await checkDns(objects, vantages, { ...options, answerTimeoutMs });
  const found = [...runs.flatMap((run) => connectionFindings(run, nodes)), ...dns.found];
  const changed = found.length === 0 ? new Set<string>() : changedServices(objects, await readObjects(signal));
  const meanwhile = `changed meanwhile, and left out: ${[...changed].toSorted().join(", ")}`;
  const notes = [...untested, ...(changed.size > 0 ? [meanwhile] : [])];
  const standing = found.filter(({ service }) => !changed.has(service));
  const sent = runs.reduce((sum, { attempts }) => sum + attempts.length, 0) + dns.asked;
  return {
    subject: "services",
    cluster: access.name,
    nodes: access.nodes.length,
    pods: access.pods.length,
    probes: sent,
    durationMs: Math.round(performance.now() - startedMs),
    ...(notes.length > 0 && { note: notes.join("; ") }),
    checks: [...connectionResults(runs, standing), dnsResult(dns, standing)],
  };
}

function addressesIn(netns: Netns | undefined): readonly IpAddress[] {
  if (netns === undefined) return [];
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  return listAddresses(socket).map(({ prefix }) => prefix.address);
}

function connectionFindings({ probe, attempts }: ServiceRun, nodes: ReadonlyMap<string, Netns>): readonly Found[] {
  return judgeServiceProbe(probe, attempts).map((finding) => ({
    check: finding.check,
    family: probe.family,
    service: probe.service,
    failure: () => explain(finding, nodes),
  }));
}

function explain({ message, evidence, probe, check }: ServiceFinding, nodes: ReadonlyMap<string, Netns>): CheckFailure {
  const netns = nodes.get(probe.node);
  const kernel = netns === undefined || check === "source-address" ? [] : programmedEvidence(netns, probe);
  const next = `podwire wait service ${probe.service}: says whether ${probe.node} has it as it is now; then podwire trace ${traceOf(probe)}`;
  return { message, hop: probe.node, evidence: [...evidence, ...kernel], next };
}

function traceOf({ client, address, frontend, port }: ServiceFinding["probe"]): string {
  const protocol = port.protocol === "UDP" ? "udp" : "tcp";
  return `${client.name.replace(/^pod /, "")} ${address} --protocol ${protocol} --port ${frontend.port}`;
}

/** Those that are another thing now than what was tested. */
function changedServices(before: ServiceObjects, after: ServiceObjects): ReadonlySet<string> {
  const stateOf = (objects: ServiceObjects, key: string) => {
    const service = objects.services.find((one) => serviceKey(one) === key);
    const slices = service === undefined ? [] : slicesOf(objects, service);
    return [service, ...slices].map((object) => [object?.metadata.uid, object?.metadata.resourceVersion]);
  };
  const keys = before.services.map(serviceKey);
  return new Set(keys.filter((key) => !isDeepStrictEqual(stateOf(before, key), stateOf(after, key))));
}

function connectionResults(runs: readonly ServiceRun[], found: readonly Found[]): readonly CheckResult[] {
  const families = ([4, 6] as const).filter((family) => runs.some(({ probe }) => probe.family === family));
  const names = Object.keys(SERVICE_CHECKS).filter(isAboutConnections);
  return (families.length === 0 ? [4 as const] : families).flatMap((family) =>
    names.map((name): CheckResult => {
      const ours = runs.filter(({ probe }) => probe.family === family && isPartOf(name, probe));
      const count = ours.reduce((sum, { attempts }) => sum + attempts.length, 0);
      return result(name, family, count, found, WHY_NONE[name]);
    }),
  );
}

function isAboutConnections(name: string): name is Exclude<ServiceCheckName, "dns"> {
  return name !== "dns";
}

function isPartOf(name: ServiceCheckName, { check, spread, expected }: ServiceRun["probe"]): boolean {
  if (name === "distribution") return spread === "all";
  if (name === "affinity") return spread === "one";
  if (name === "source-address") return expected.kind === "connects" && expected.source !== "any";
  return check === name;
}

const WHY_NONE: Readonly<Record<ServiceCheckName, string>> = {
  "cluster-ip": "no Service has an endpoint",
  "node-port": "no Service with endpoints has a node port",
  "external-address": "no Service with endpoints has such an address",
  "no-endpoints": "every Service has endpoints for everybody",
  distribution: "no Service has between two and eight endpoints",
  affinity: "no Service has session affinity",
  "source-address": "no Service has endpoints in pods",
  dns: "there is no Service kube-system/kube-dns, or no pod to ask from",
};

function result(
  name: ServiceCheckName,
  family: 4 | 6 | undefined,
  count: number,
  found: readonly Found[],
  whyNone: string,
): CheckResult {
  const ours = found.filter((one) => one.check === name && one.family === family);
  const base = { name, title: SERVICE_CHECKS[name], family, count, failed: ours.length };
  if (ours.length > 0) {
    return { ...base, status: "failed", failures: ours.slice(0, EXPLAINED).map(({ failure }) => failure()) };
  }
  return count === 0
    ? { ...base, status: "skipped", reason: whyNone, failures: [] }
    : { ...base, status: "passed", failures: [] };
}

interface DnsRun {
  readonly asked: number;
  readonly found: readonly Found[];
}

async function checkDns(
  objects: ServiceObjects,
  vantages: readonly ServiceVantage[],
  { clusterDomain = DOMAIN, answerTimeoutMs = ANSWER_TIMEOUT_MS }: CheckServicesOptions,
): Promise<DnsRun> {
  const server = objects.services.find((service) => serviceKey(service) === "kube-system/kube-dns");
  const addresses = (server?.spec.clusterIPs ?? []).filter((text) => text !== "None").map(parseAddress);
  const questions = planDnsQuestions(objects, clusterDomain);
  const found: Found[] = [];
  let asked = 0;
  for (const { node, clients } of vantages) {
    const pod = clients.find(({ kind }) => kind === "pod");
    const address = addresses.find((one) => pod?.addresses.some((own) => familyOf(own) === familyOf(one)));
    using netns = pod && findNetns(pod.netnsPath);
    if (pod === undefined || address === undefined || netns === undefined) continue;
    const answers = await askDns(questions, { netns, server: address, timeoutMs: answerTimeoutMs });
    asked += questions.length;
    for (const [index, question] of questions.entries()) {
      const answer = answers[index];
      const wrong = answer && judgeDnsAnswer(question, answer);
      if (wrong === undefined) continue;
      const message = `${pod.name} on ${node.name} asks ${address}: ${wrong}`;
      const next = `podwire node exec ${node.name} -- /opt/cni/bin/.podwire/podwire agent status -o json: "dns" says whether it is on`;
      const failure = { message, hop: node.name, evidence: [], next };
      found.push({ check: "dns", family: undefined, service: question.service, failure: () => failure });
    }
  }
  return { asked, found };
}

function dnsResult({ asked }: DnsRun, found: readonly Found[]): CheckResult {
  return result("dns", undefined, asked, found, WHY_NONE.dns);
}
