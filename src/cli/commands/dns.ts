/** `podwire dns` */
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { AddressError, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { CliError } from "../cli-error.ts";

interface DnsFlags {
  readonly kubeconfig?: string;
  readonly nodeName?: string;
  readonly domain: string;
  readonly address?: readonly IpAddress[];
  readonly dnsUpstream: readonly IpAddress[] | "host";
  readonly quiet?: true;
}

export function dnsCommand(): Command {
  return new Command("dns")
    .description(
      "Serves the cluster's names on this node, at the cluster's DNS address, until SIGTERM or SIGINT. Stays off while " +
        "others, such as CoreDNS, serve the Service kube-system/kube-dns.",
    )
    .option("--kubeconfig <file>", "how to reach the API (default: the service account of the pod it runs in)")
    .option("--node-name <name>", "of this node: podwire wait service waits for its names, too")
    .option("--domain <domain>", "of the cluster", "cluster.local")
    .option(
      "--address <addresses>",
      "to serve at, behind commas (default: those of kube-system/kube-dns)",
      parseAddresses,
    )
    .option(
      "--dns-upstream <servers>",
      "name servers of all other names, behind commas; host: the node's; none: those names are refused",
      parseUpstream,
      [],
    )
    .option("-q, --quiet", "log errors only")
    .addHelpText(
      "after",
      "\nExample:\n  sudo podwire dns --kubeconfig /etc/podwire/agent.kubeconfig --dns-upstream host",
    )
    .action(run);
}

async function run({ kubeconfig, nodeName, domain, address = [], dnsUpstream, quiet }: DnsFlags): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new CliError("machine", { what: "Cannot serve DNS", why: "it needs root", next: "run: sudo podwire dns" });
  }
  const upstream = dnsUpstream === "host" ? hostServers() : dnsUpstream;
  const own = upstream.find((server) => address.includes(server));
  if (own !== undefined) {
    const why = `name server ${own} would be this one: it would ask itself for ever`;
    throw new CliError("usage", { what: "Cannot serve DNS", why, next: "give others with --dns-upstream" });
  }
  const [{ runDns }, { createLog }] = await Promise.all([import("#agent/dns/run-dns.ts"), import("#base/log.ts")]);
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
  const log = createLog();
  const quietLog = { ...log, info: () => undefined };
  const options = { kubeconfig, nodeName, domain, addresses: address, upstream, environment: process.env };
  await runDns({ ...options, log: quiet ? quietLog : log }, stop.signal);
}

/** Source: resolv.conf(5). */
function hostServers(): readonly IpAddress[] {
  const path = "/etc/resolv.conf";
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []).map(parseAddress);
  } catch (cause) {
    const why = `"${path}" names no name servers: ${cause instanceof Error ? cause.message : cause}`;
    throw new CliError("usage", { what: "Cannot serve DNS", why, next: "give them with --dns-upstream" }, { cause });
  }
}

function parseUpstream(text: string): readonly IpAddress[] | "host" {
  if (text === "none") return [];
  return text === "host" ? "host" : parseAddresses(text);
}

function parseAddresses(text: string): readonly IpAddress[] {
  try {
    return text.split(",").map((one) => parseAddress(one.trim()));
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new InvalidArgumentError("Write addresses, more of them behind commas.");
  }
}
