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
