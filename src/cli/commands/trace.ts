/** `podwire trace` */
import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import { formatTrace } from "#trace/format-trace.ts";
import type { PacketProtocol } from "#trace/path/packet.ts";
import { encodePcapng } from "#trace/pcapng/write-pcapng.ts";
import { EndpointError } from "#trace/resolve-endpoint.ts";
import { runTrace } from "#trace/run-trace.ts";
import { CliError, EXIT_CODES } from "../cli-error.ts";
import { clusterStatus, commandSignal, nameOption, requireRoot } from "../cluster/cluster-name.ts";

interface TraceCommandOptions {
  readonly name: string;
  readonly protocol: PacketProtocol;
  readonly port?: number;
  readonly size?: number;
  readonly output?: "json";
  readonly pcapng?: string;
  readonly timeout: number;
}

export function traceCommand(): Command {
  return new Command("trace")
    .description(
      "Sends one marked packet and shows each hop of its way: what the kernels' state predicts, and what was seen there, " +
        "with the outer and inner headers of tunnels. Where the packet stops, it says why.",
    )
    .argument("<source>", "a pod (NAMESPACE/NAME), a node, or an address of one")
    .argument("<destination>", 'as the source; also "outside", or any address')
    .addOption(nameOption())
    .addOption(new Option("--protocol <protocol>", "of the packet").choices(["icmp", "udp", "tcp"]).default("icmp"))
    .option("--port <port>", "destination port (default 80 for tcp, 33434 for udp)", parseNumber(1, 65_535))
    .option("--size <bytes>", "of the whole IP packet", parseNumber(48, 65_535))
    .option("--pcapng <file>", "write what was seen for Wireshark, one interface for each link")
    .addOption(new Option("-o, --output <format>", "print as").choices(["json"]))
    .option("--timeout <seconds>", "for all of it", Number, 30)
    .addHelpText(
      "after",
      "\nExample:\n  sudo podwire trace default/web-1 default/web-2\n  sudo podwire trace default/web-1 10.244.1.5 --protocol tcp --port 80 --pcapng way.pcapng",
    )
    .action(run);
}

async function run(from: string, to: string, options: TraceCommandOptions): Promise<void> {
  requireRoot("Cannot capture packets inside pods");
  const { name, protocol, port, size, output, pcapng, timeout } = options;
  if (port !== undefined && protocol === "icmp") {
    throw new CliError("usage", { what: "ICMP has no ports", next: "add --protocol tcp or --protocol udp" });
  }
  const signal = commandSignal(timeout);
  await clusterStatus(name, signal); // says so when it is not up
  const access = await openClusterAccess(name, signal);
  const { report, capture } = await explained(runTrace(access, { from, to, protocol, port, bytes: size, signal }));
  if (pcapng !== undefined) writeFileSync(pcapng, encodePcapng(capture));
  process.stdout.write(
    output === "json" ? `${JSON.stringify({ version: 1, ...report }, undefined, 2)}\n` : formatTrace(report),
  );
  const isProven = report.arrived || report.unproven.length === 0;
  process.exitCode = report.arrived ? EXIT_CODES.ok : isProven ? EXIT_CODES.failed : EXIT_CODES.inconclusive;
}

async function explained<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    const evidence = error.known.length === 0 ? {} : { evidence: `there are: ${error.known.join(", ")}` };
    throw new CliError("usage", { what: error.message, ...evidence }, { cause: error });
  }
}

function parseNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`It is not a whole number from ${from} to ${to}.`);
  };
}
