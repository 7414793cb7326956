/** What the name server counts, and the same as text for Prometheus. Names follow CoreDNS where it counts the same. */
import type { UpstreamCounters } from "../upstream/create-upstream.ts";

export interface DnsCounters {
  readonly queries: { udp: number; tcp: number };
  /** By response code. */
  readonly responses: Map<number, number>;
  clusterAnswers: number;
  /** What was no query: too short, or an answer. */
  ignored: number;
  /** Connections that were closed because there were too many. */
  refusedConnections: number;
}

export function createDnsCounters(): DnsCounters {
  return { queries: { udp: 0, tcp: 0 }, responses: new Map(), clusterAnswers: 0, ignored: 0, refusedConnections: 0 };
}

const RCODE_NAMES: Readonly<Record<number, string>> = {
  0: "NOERROR",
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP",
  5: "REFUSED",
  16: "BADVERS",
};

export function rcodeName(rcode: number): string {
  return RCODE_NAMES[rcode] ?? `RCODE${rcode}`;
}

export interface DnsMetrics {
  readonly counters: DnsCounters;
  readonly upstream: UpstreamCounters | undefined;
  readonly services: number;
  readonly slices: number;
}

/** Source: Prometheus text exposition format 0.0.4. */
export function formatMetrics({ counters, upstream, services, slices }: DnsMetrics): string {
  const lines: string[] = [];
  const family = (
    name: string,
    type: "counter" | "gauge",
    values: readonly (readonly [label: string, value: number])[],
  ) => {
    lines.push(`# TYPE ${name} ${type}`, ...values.map(([label, value]) => `${name}${label} ${value}`));
  };
  family("podwire_dns_requests_total", "counter", [
    ['{proto="udp"}', counters.queries.udp],
    ['{proto="tcp"}', counters.queries.tcp],
  ]);
  const byCode = [...counters.responses].sort(([a], [b]) => a - b);
  family(
    "podwire_dns_responses_total",
    "counter",
    byCode.map(([rcode, count]) => [`{rcode="${rcodeName(rcode)}"}`, count]),
  );
  family("podwire_dns_cluster_answers_total", "counter", [["", counters.clusterAnswers]]);
  family("podwire_dns_ignored_total", "counter", [["", counters.ignored]]);
  family("podwire_dns_refused_connections_total", "counter", [["", counters.refusedConnections]]);
  for (const [name, value] of Object.entries(upstream ?? {})) {
    family(`podwire_dns_upstream_${name}_total`, "counter", [["", value]]);
  }
  family("podwire_dns_services", "gauge", [["", services]]);
  family("podwire_dns_endpoint_slices", "gauge", [["", slices]]);
  return `${lines.join("\n")}\n`;
}
