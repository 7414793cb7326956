/** What became of the connections to a Service, and whether that is what had to be. Pure. */
import { familyOf, type IpAddress } from "#base/ip-address.ts";
import type { Backend } from "#service/service-port.ts";
import type { ServiceProbe } from "./plan-service-probes.ts";
import type { ServiceCheckName } from "./service-checks.ts";

/** Where connection tracking says that a connection went. */
export interface Translation {
  readonly backend: Backend;
  /** The source that the backend sees. */
  readonly source: IpAddress;
}

export interface ServiceAttempt {
  /** `sent`: a datagram, of whose answer nobody knows. */
  readonly outcome: "connected" | "sent" | "refused" | "silent" | "failed";
  /** The errno's name, where there was one. */
  readonly code?: string | undefined;
  /** Undefined: no entry, so nothing was translated. */
  readonly translation?: Translation | undefined;
}

export interface ServiceFinding {
  readonly check: ServiceCheckName;
  readonly probe: ServiceProbe;
  /** One sentence. */
  readonly message: string;
  readonly evidence: readonly string[];
}

/** The first of each kind; one Service that is broken is one finding for each client. */
export function judgeServiceProbe(probe: ServiceProbe, attempts: readonly ServiceAttempt[]): readonly ServiceFinding[] {
  const find = (check: ServiceCheckName, what: string, evidence: readonly string[] = []): ServiceFinding => ({
    check,
    probe,
    message: `${describeProbe(probe)}: ${what}`,
    evidence,
  });
  const { expected } = probe;
  if (expected.kind !== "connects") {
    const wrong = attempts.find((attempt) => (expected.kind === "refused" ? !isRefused(attempt) : !isDropped(attempt)));
    if (wrong === undefined) return [];
    return [
      find(probe.check, `it was ${say(wrong)}; it has to be ${expected.kind}: ${expected.why}`, trackedBy(wrong)),
    ];
  }
  const broken = attempts.flatMap((attempt) => wrongConnection(probe, expected.backends, attempt) ?? []);
  const [first] = broken;
  if (first !== undefined) {
    const count = broken.length > 1 ? ` (${broken.length} of ${attempts.length} connections)` : "";
    return [find(probe.check, `${first.what}${count}`, first.evidence)];
  }
  return [
    ...spreadFinding(probe, expected.backends, attempts).map((what) =>
      find(probe.spread === "one" ? "affinity" : "distribution", what),
    ),
    ...attempts
      .flatMap((attempt) => wrongSource(probe, attempt) ?? [])
      .slice(0, 1)
      .map((what) => find("source-address", what)),
  ];
}

function isRefused({ outcome, translation }: ServiceAttempt): boolean {
  return outcome === "refused" && translation === undefined;
}

/** Nobody hears of a datagram that was dropped, its sender included. */
function isDropped({ outcome, translation }: ServiceAttempt): boolean {
  return (outcome === "silent" || outcome === "sent") && translation === undefined;
}

export function describeProbe({ port, frontend, address, client, node }: ServiceProbe): string {
  const where = familyOf(address) === 6 ? `[${address}]` : address;
  const place = client.name === node ? client.name : `${client.name}${client.kind === "pod" ? ` on ${node}` : ""}`;
  return `Service ${port.id.split(":")[0]}, ${frontend.kind} ${where}:${frontend.port}/${port.protocol} from ${place}`;
}

function say({ outcome, code, translation }: ServiceAttempt): string {
  if (outcome === "silent") return "not answered";
  if (outcome === "sent") return translation === undefined ? "sent, and nothing came back" : "let through";
  return outcome === "failed" ? `stopped by ${code}` : outcome;
}

function trackedBy({ translation }: ServiceAttempt): readonly string[] {
  if (translation === undefined) return [];
  return [`connection tracking: it went to ${backendText(translation.backend)} with source ${translation.source}`];
}

function wrongConnection(
  { address, port, frontend }: ServiceProbe,
  backends: readonly Backend[],
  attempt: ServiceAttempt,
): { readonly what: string; readonly evidence: readonly string[] } | undefined {
  const { outcome, translation } = attempt;
  const wanted = `one of ${backends.slice(0, 4).map(backendText).join(", ")}${backends.length > 4 ? ", …" : ""}`;
  const evidence = trackedBy(attempt);
  if (translation === undefined) {
    // With no entry at all a proxy without connection tracking may have served it.
    if (outcome === "connected") return undefined;
    return { what: `it was ${say(attempt)} and not translated; it has to reach ${wanted}`, evidence };
  }
  const { backend } = translation;
  if (backend.address === address && backend.port === frontend.port) {
    return { what: `nobody translates it (${say(attempt)}); it has to reach ${wanted}`, evidence };
  }
  if (!backends.some((one) => one.address === backend.address && one.port === backend.port)) {
    return { what: `it went to ${backendText(backend)}, which is no endpoint; it has to reach ${wanted}`, evidence };
  }
  if (outcome === "connected" || outcome === "sent") return undefined;
  const hint =
    outcome === "refused"
      ? `nothing listens on ${port.protocol} port ${backend.port} there`
      : "the network between them, or the pod";
  return { what: `it was translated to ${backendText(backend)} and ${say(attempt)}: ${hint}`, evidence };
}

function spreadFinding(
  { spread, connections }: ServiceProbe,
  backends: readonly Backend[],
  attempts: readonly ServiceAttempt[],
): readonly string[] {
  const seen = new Set(attempts.flatMap(({ translation }) => (translation ? [backendText(translation.backend)] : [])));
  if (spread === undefined || attempts.some(({ translation }) => translation === undefined)) return [];
  if (spread === "one") {
    return seen.size === 1 ? [] : [`${connections} connections of one client went to ${[...seen].join(" and ")}`];
  }
  const missed = backends.map(backendText).filter((text) => !seen.has(text));
  return missed.length === 0 ? [] : [`none of ${connections} connections reached ${missed.join(", ")}`];
}

function wrongSource({ client, expected }: ServiceProbe, { translation }: ServiceAttempt): string | undefined {
  if (expected.kind !== "connects" || translation === undefined || expected.source === "any") return undefined;
  const { source, backend } = translation;
  const isOwn = client.addresses.includes(source);
  // A pod that reaches itself needs another source: else its answer would never leave it.
  if (client.addresses.includes(backend.address)) return undefined;
  if (expected.source === "client" && !isOwn) return `${backendText(backend)} sees ${source} and not the client`;
  if (expected.source === "node" && isOwn)
    return `${backendText(backend)} sees ${source}: its answers may pass the node by`;
  return undefined;
}

export function backendText({ address, port }: Backend): string {
  return familyOf(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
