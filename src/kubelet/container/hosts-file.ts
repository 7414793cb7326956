/** A pod's /etc/hosts. Source: Kubernetes documentation, "Adding entries to Pod /etc/hosts with HostAliases". */
import type { Pod } from "#api/kinds/pod/pod.ts";
import { hostnameOf } from "./sandbox-config.ts";

export function hostsFile(pod: Pod, ips: readonly string[], clusterDomain: string): string {
  const { metadata, spec } = pod;
  const hostname = hostnameOf(pod);
  const full = spec.subdomain ? `${hostname}.${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}\t` : "";
  const aliases = spec.hostAliases ?? [];
  return [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
    ...ips.map((ip) => `${ip}\t${full}${hostname}`),
    ...(aliases.length === 0 ? [] : ["", "# Entries added by HostAliases."]),
    ...aliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join("\t")),
    "",
  ].join("\n");
}
