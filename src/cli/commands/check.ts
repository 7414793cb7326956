/** `podwire check network` and `podwire check services` */
import { Command, Option } from "commander";
import { createHttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import { type CheckReport, checkNetwork } from "#check/check-network.ts";
import { formatReport, REPORT_FORMATS, type ReportFormat, verdictOf } from "#check/format-report.ts";
import { checkServices } from "#check/services/check-services.ts";
import { readServiceObjects } from "#check/services/read-service-objects.ts";
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
      .action(runNetwork),
  );
  check.addCommand(
    new Command("services")
      .description(
        "Tests every Service of a running cluster, from a pod of each node, each node and the outside: connections reach " +
          "the right endpoints, all of them, with the right source; without endpoints they are refused; names resolve.",
      )
      .addOption(nameOption())
      .addOption(new Option("-o, --output <format>", "print as").choices([...REPORT_FORMATS]).default("table"))
      .option("--timeout <seconds>", "for all of it", Number, 120)
      .addHelpText(
        "after",
        "\nExample:\n  sudo podwire check services\n  sudo podwire check services -o junit > services.xml",
      )
      .action(runServices),
  );
  return check;
}

async function runNetwork({ name, output, timeout }: CheckCommandOptions): Promise<void> {
  requireRoot("Cannot open sockets inside pods");
  const signal = commandSignal(timeout);
  await clusterStatus(name, signal); // says so when it is not up
  const access = await openClusterAccess(name, signal);
  print(await checkNetwork(access, { signal }), output);
}

async function runServices({ name, output, timeout }: CheckCommandOptions): Promise<void> {
  requireRoot("Cannot open sockets inside pods");
  const signal = commandSignal(timeout);
  const { kubeconfig } = await clusterStatus(name, signal);
  const access = await openClusterAccess(name, signal);
  using client = createHttpClient(loadKubeconfig(kubeconfig), { userAgent: "podwire-check" });
  const readObjects = (reading: AbortSignal) => readServiceObjects(client, reading);
  print(await checkServices(access, { readObjects, signal }), output);
}

function print(report: CheckReport, output: ReportFormat): void {
  process.stdout.write(formatReport(report, output));
  process.exitCode = EXIT_CODE_OF[verdictOf(report)];
}
