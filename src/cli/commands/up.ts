/** `podwire up` */
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { parse } from "yaml";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { ConfigError } from "#cluster/keeper/config-reader.ts";
import { DEFAULT_NAME, DEFAULT_NODES, fieldsGiven, parseClusterConfig } from "#cluster/keeper/parse-cluster-config.ts";
import { CliError } from "../cli-error.ts";
import { type BringUpOptions, bringUp, START_SECONDS } from "../cluster/bring-up.ts";
import { commandSignal, NAME_VARIABLE, requireRoot } from "../cluster/cluster-name.ts";
import { printUp } from "../cluster/print-cluster.ts";

interface UpOptions {
  readonly config?: string;
  readonly name?: string;
  readonly nodes?: number;
  readonly network?: string;
  readonly store?: string;
  readonly dualStack?: true;
  readonly podCidr?: string;
  readonly serviceCidr?: string;
  readonly serviceProxy?: string;
  readonly policy?: string;
  readonly established?: string;
  readonly loadBalancerPool?: string;
  readonly dns?: string;
  readonly dnsUpstream?: string;
  readonly mtu?: number;
  readonly uplink?: true;
  readonly timeout: number;
  readonly output?: "json";
  readonly quiet?: true;
}

export function upCommand(): Command {
  return new Command("up")
    .description(
      "Starts a cluster on this machine: every node is a set of Linux namespaces with its own containerd, kubelet and " +
        "agent; the control plane is a process; a network namespace is the wire between them. kubectl works as usual. " +
        "One that is up already is left as it is.",
    )
    .addOption(new Option("--name <name>", `of the cluster (default: "${DEFAULT_NAME}")`).env(NAME_VARIABLE))
    .option("--nodes <number>", `how many (default: ${DEFAULT_NODES})`, parseInteger)
    .option("--config <file>", "YAML with these options as keys: nodes, network, podCidr, …")
    .option("--network <type>", "how pods reach pods of other nodes: vxlan, host-gw or udp (default: vxlan)")
    .option(
      "--store <store>",
      "where objects are kept: sqlite, etcd (one of its own) or etcd://HOST:PORT (default: sqlite)",
    )
    .option("--dual-stack", "IPv6 besides IPv4")
    .option("--pod-cidr <prefixes>", "pods of all nodes (default: 10.244.0.0/16, fd00:244::/56)")
    .option("--service-cidr <prefixes>", "Services (default: 10.96.0.0/16, fd00:96::/112)")
    .option(
      "--service-proxy <kind>",
      "how Services are translated: nftables, iptables, ipvs or none (default: nftables)",
    )
    .option("--policy <kind>", "how NetworkPolicies are enforced: nftables or none (default: nftables)")
    .option(
      "--established <what>",
      "connections that a changed policy no longer allows: keep or reevaluate, which ends them (default: reevaluate)",
    )
    .option("--load-balancer-pool <prefixes>", "addresses for Services of type LoadBalancer (default: they get none)")
    .option(
      "--dns <server>",
      "who answers for the cluster's names: podwire (each node itself) or none (default: podwire)",
    )
    .option("--dns-upstream <servers>", "name servers of all other names, behind commas (default: they are refused)")
    .option("--mtu <bytes>", "of the links between nodes (default: 1500)", parseInteger)
    .option("--uplink", "nodes and pods reach what this machine reaches (IPv4), by address translation on this machine")
    .option("--timeout <seconds>", "give up when its nodes are not ready by then", parseInteger, 120)
    .addOption(new Option("-o, --output <format>", "print the cluster's status as").choices(["json"]))
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText(
      "after",
      "\nExample:\n  sudo podwire up --nodes 3\n  sudo podwire up --name lab --network host-gw --dual-stack",
    )
    .action(run);
}

async function run(options: UpOptions): Promise<void> {
  const config = readConfig(options);
  requireRoot("Cannot start a cluster");
  const say = (line: string): unknown => options.quiet || process.stderr.write(`podwire: ${line}\n`);
  const signal = commandSignal(options.timeout + START_SECONDS);
  const status = await bringUp({ ...config, timeoutMs: options.timeout * 1000, say }, signal);
  process.stdout.write(options.output === "json" ? `${JSON.stringify(status, undefined, 2)}\n` : printUp(status));
}

/** Options beat the file. */
function readConfig(options: UpOptions): Pick<BringUpOptions, "spec" | "given"> {
  const { config, timeout: _timeout, output: _output, quiet: _quiet, ...given } = options;
  const file = config === undefined ? {} : readConfigFile(config);
  try {
    const merged = { ...file, ...given };
    return { spec: parseClusterConfig(merged), given: fieldsGiven(merged) };
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const [key = ""] = cause.key.split(".");
    const isOption = key in given;
    throw new CliError(
      "usage",
      {
        what: "Cannot start such a cluster",
        why: cause.message,
        evidence: isOption
          ? `option --${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
          : `file ${config ?? "-"}`,
        next: "see: podwire up --help",
      },
      { cause },
    );
  }
}

function readConfigFile(path: string): JsonObject {
  const what = `Cannot use the configuration "${path}"`;
  let value: unknown;
  try {
    value = parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError("usage", { what, why }, { cause });
  }
  if (!isJsonObject(value)) throw new CliError("usage", { what, why: "it is no object with keys and values" });
  return value;
}

function parseInteger(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}
