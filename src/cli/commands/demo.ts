/** `podwire demo` */
import { Command, InvalidArgumentError, Option } from "commander";
import { verdictOf } from "#check/format-report.ts";
import { DEFAULT_NODES, fieldsGiven, parseClusterConfig } from "#cluster/keeper/parse-cluster-config.ts";
import { CliError } from "../cli-error.ts";
import { START_SECONDS } from "../cluster/bring-up.ts";
import { commandSignal, nameOption, requireRoot } from "../cluster/cluster-name.ts";
import { takeDown } from "../cluster/take-down.ts";
import { printDemo } from "../demo/print-demo.ts";
import { type DemoReport, runDemo } from "../demo/run-demo.ts";

interface DemoCommandOptions {
  readonly name: string;
  readonly nodes?: number;
  readonly keep: boolean;
  readonly output?: "json";
  readonly load: number;
  readonly timeout: number;
  readonly quiet?: true;
}

export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "Shows on this machine, without touching its network, what Podwire does: starts a cluster of real nodes, runs pods " +
        "on them through the API, proves their network with packets, follows one packet from node to node, and replaces " +
        "all pods of a Service while clients ask it without a pause. The " +
        "cluster stays up for you to look around in it; podwire down takes it down.",
    )
    .addOption(nameOption())
    .option("--nodes <number>", `how many (default: ${DEFAULT_NODES})`, parseInteger)
    .option("--no-keep", "take the cluster down at the end")
    .addOption(new Option("-o, --output <format>", "print as").choices(["json"]))
    .option("--load <seconds>", "how long the Service is under load while its pods are replaced", parseInteger, 20)
    .option("--timeout <seconds>", "give up when it is not done by then", parseInteger, 180)
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", "\nExample:\n  sudo podwire demo\n  sudo podwire down")
    .action(run);
}

async function run(options: DemoCommandOptions): Promise<void> {
  requireRoot("Cannot run the demo");
  const { name, nodes, keep, output, load, timeout, quiet } = options;
  const say = (line: string): unknown => quiet || process.stderr.write(`podwire: ${line}\n`);
  const config = { name, ...(nodes !== undefined && { nodes }) };
  const spec = parseClusterConfig(config);
  const signal = commandSignal(timeout + START_SECONDS);
  try {
    const cluster = { spec, given: fieldsGiven(config), timeoutMs: timeout * 1000, say };
    const report = await runDemo({ ...cluster, loadSeconds: load }, signal);
    process.stdout.write(
      output === "json" ? `${JSON.stringify(report, undefined, 2)}\n` : printDemo(report, { isKept: keep }),
    );
    requireProven(report);
  } finally {
    if (!keep) say(`cluster "${name}": ${await takeDown(name, AbortSignal.timeout(START_SECONDS * 1000))}`);
  }
}

/** The report says what was wrong; this makes it the end of the command. */
function requireProven({ check, trace, service, status }: DemoReport): void {
  const verdict = verdictOf(check);
  const unanswered = service?.visits.filter(({ answered }) => !answered) ?? [];
  const lost = service?.rollingUpdate?.lost ?? 0;
  const failures = [
    ...(verdict === "passed" ? [] : [`the network check is ${verdict}`]),
    ...(trace.arrived ? [] : ["the packet did not arrive"]),
    ...unanswered.map(({ from, url }) => `${url} does not answer to ${from}`),
    ...(lost > 0 ? [`${lost} requests were lost while the web servers were replaced`] : []),
  ];
  if (failures.length === 0) return;
  const why = failures.join("; ");
  throw new CliError(verdict === "inconclusive" ? "inconclusive" : "failed", {
    what: "The demo has not proven what it claims",
    why,
    evidence: "see above",
    next: `look around: podwire status --name ${status.name}`,
  });
}

function parseInteger(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}
