/** `podwire check network` */
import { Command, Option } from "commander";
import { type CheckReport, checkNetwork } from "#check/check-network.ts";
import { formatReport, REPORT_FORMATS, type ReportFormat, verdictOf } from "#check/format-report.ts";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import { EXIT_CODES } from "../cli-error.ts";
import { clusterStatus, commandSignal, nameOption, requireRoot } from "../cluster/cluster-name.ts";

interface CheckCommandOptions {
  readonly name: string;
  readonly output: ReportFormat;
  readonly timeout: number;
}

const EXIT_CODE_OF = {
  passed: EXIT_CODES.ok,
  failed: EXIT_CODES.failed,
  inconclusive: EXIT_CODES.inconclusive,
} as const;

export function checkCommand(): Command {
  const check = new Command("check").description("Proves with packets that a cluster does what it promises.");
  check.addCommand(
    new Command("network")
      .description(
        "Tests the Kubernetes network model on a running cluster, from inside its pods and nodes: each pod reaches each " +
          "pod as itself, nodes reach pods, pods reach the outside, packets of full size pass, nothing has leaked.",
      )
      .addOption(nameOption())
      .addOption(new Option("-o, --output <format>", "print as").choices([...REPORT_FORMATS]).default("table"))
      .option("--timeout <seconds>", "for all of it", Number, 120)
      .addHelpText(
        "after",
        "\nExample:\n  sudo podwire check network\n  sudo podwire check network -o junit > network.xml",
      )
      .action(run),
  );
  return check;
}

async function run({ name, output, timeout }: CheckCommandOptions): Promise<void> {
  requireRoot("Cannot open sockets inside pods");
  const signal = commandSignal(timeout);
  await clusterStatus(name, signal); // says so when it is not up
  const access = await openClusterAccess(name, signal);
  const report: CheckReport = await checkNetwork(access, { signal });
  process.stdout.write(formatReport(report, output));
  process.exitCode = EXIT_CODE_OF[verdictOf(report)];
}
