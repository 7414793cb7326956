/** The flags of `podwire agent` that concern Services. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { NetworkOptions } from "#agent/network/start-network.ts";
import type { ServicesOptions } from "#agent/services/start-services.ts";
import { AddressError, networkOf, type Prefix, parsePrefix } from "#base/ip-address.ts";
import { SERVICE_PROXIES, type ServiceProxyName } from "#dataplane/services/contract.ts";

export interface ServiceFlags {
  readonly serviceProxy: ServiceProxyName | "none";
  readonly serviceCidr: readonly Prefix[];
  readonly nodePortAddresses: readonly Prefix[];
  readonly besideKubeProxy?: true;
}

export function addServiceFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--service-proxy <kind>", "how Services are translated on this node; off where kube-proxy does it")
        .choices([...SERVICE_PROXIES, "none"])
        .default("nftables"),
    )
    .option("--service-cidr <prefixes>", "where clusterIPs are: one that no Service has is refused", parsePrefixes, [])
    .option(
      "--node-port-addresses <prefixes>",
      "node ports listen on the node's addresses in these (default: on all but loopback)",
      parsePrefixes,
      [],
    )
    .option("--beside-kube-proxy", "translate Services also where kube-proxy does");
}

/** Undefined when they are not wanted, or when there is no API to learn of them. */
export function servicesOptions(flags: ServiceFlags, network: NetworkOptions | undefined): ServicesOptions | undefined {
  const { serviceProxy: proxy, serviceCidr, nodePortAddresses, besideKubeProxy = false } = flags;
  if (proxy === "none" || network === undefined || network.source.type === "etcd") return undefined;
  return { nodeName: network.nodeName, proxy, serviceNetworks: serviceCidr, nodePortAddresses, besideKubeProxy };
}

export function parsePrefixes(text: string): readonly Prefix[] {
  try {
    return text
      .split(",")
      .filter((one) => one !== "")
      .map((one) => networkOf(parsePrefix(one.trim())));
  } catch (error) {
    if (error instanceof AddressError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}
