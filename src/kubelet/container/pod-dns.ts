/** A pod's resolver. Source: Kubernetes documentation, "DNS for Services and Pods", "Pod's DNS Policy". */
import type { Pod } from "#api/kinds/pod/pod.ts";

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface DnsSettings {
  /** Addresses of the cluster's name servers; with none, pods get the node's resolver. */
  readonly clusterServers: readonly string[];
  /** "cluster.local" */
  readonly clusterDomain: string;
  readonly node: DnsConfig;
}

export function podDns({ metadata, spec }: Pod, { clusterServers, clusterDomain, node }: DnsSettings): DnsConfig {
  const base = ((): DnsConfig => {
    const policy = spec.dnsPolicy ?? "ClusterFirst";
    if (policy === "None") return { servers: [], searches: [], options: [] };
    const isCluster = policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && spec.hostNetwork !== true);
    if (!isCluster || clusterServers.length === 0) return node;
    const domains = [`${metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
    return { servers: clusterServers, searches: unique([...domains, ...node.searches]), options: ["ndots:5"] };
  })();
  const { nameservers = [], searches = [], options = [] } = spec.dnsConfig ?? {};
  const own = options.map(({ name = "", value }) => (value ? `${name}:${value}` : name));
  const names = new Set(options.map(({ name }) => name));
  return {
    servers: unique([...base.servers, ...nameservers]),
    searches: unique([...base.searches, ...searches]),
    options: [...base.options.filter((option) => !names.has(option.split(":")[0])), ...own],
  };
}

/** What resolvers read of a resolv.conf. Source: Kubernetes' validation.go, MaxDNSNameservers and those behind it. */
const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;

export interface LimitedDns {
  readonly config: DnsConfig;
  /** What was left out, in the kubelet's words. */
  readonly omissions: readonly string[];
}

/** What resolvers would not read is left out and told, rather than dropped by some of them. */
export function limitDns({ servers, searches, options }: DnsConfig): LimitedDns {
  const fitting: string[] = [];
  let chars = 0;
  for (const search of searches.slice(0, MAX_SEARCHES)) {
    // A space before each but the first.
    chars += search.length + (fitting.length > 0 ? 1 : 0);
    if (chars > MAX_SEARCH_CHARS) break;
    fitting.push(search);
  }
  const first = servers.slice(0, MAX_SERVERS);
  const omitted = (limits: string, what: string, line: string): string =>
    `${limits} limits were exceeded, some ${what} have been omitted, the applied ${line} line is: `;
  return {
    config: { servers: first, searches: fitting, options },
    omissions: [
      ...(first.length < servers.length ? [omitted("Nameserver", "nameservers", "nameserver") + first.join(" ")] : []),
      ...(fitting.length < searches.length
        ? [omitted("Search Line", "search paths", "search") + fitting.join(" ")]
        : []),
    ],
  };
}

/** Source: resolv.conf(5). */
export function parseResolvConf(text: string): DnsConfig {
  const words = text.split("\n").map((line) => line.trim().split(/\s+/));
  const of = (name: string): readonly (readonly string[])[] => words.filter(([first]) => first === name);
  return {
    servers: of("nameserver").flatMap(([, server]) => server ?? []),
    searches: of("search").at(-1)?.slice(1) ?? [],
    options: of("options").flatMap((line) => line.slice(1)),
  };
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
