/** `podwire bench dns` */
import { spawnSync } from "node:child_process";
import { Command, InvalidArgumentError, Option } from "commander";
import { type DnsContestant, type DnsFigures, dnsContestants, runDnsBench } from "#bench/dns/dns-bench.ts";
import { readMachine } from "#bench/machine.ts";
import { ratio } from "#bench/statistics.ts";
import { CliError } from "../cli-error.ts";
import { printTable } from "../output/print-table.ts";

interface DnsBenchFlags {
  readonly contestant?: readonly DnsContestant[];
  readonly services: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly json?: true;
  readonly quiet?: true;
}

export function dnsBenchCommand(): Command {
  return new Command("dns")
    .description(
      "Measures the node's name server against a plain UDP echo in the same process model, and against dnsmasq where it " +
        "is installed: queries per second, CPU of a query, latency. Everything is on loopback and ends with it.",
    )
    .addOption(new Option("--contestant <name...>", "let only these take part").choices(dnsContestants))
    .option("--services <number>", "names that are asked for", parseNumber, 1000)
    .option("--rounds <number>", "turns of each contestant", parseNumber, 5)
    .option("--seconds <number>", "of each measurement", parseNumber, 2)
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", "\nExample:\n  podwire bench dns --rounds 3")
    .action(run);
}

async function run({ contestant, services, rounds, seconds, json, quiet }: DnsBenchFlags): Promise<void> {
  const hasDnsmasq = spawnSync("dnsmasq", ["--version"]).status === 0;
  if (!hasDnsmasq && contestant?.includes("dnsmasq")) {
    const next = "run: sudo apt-get install dnsmasq-base";
    throw new CliError("machine", { what: "Cannot measure dnsmasq", why: "it is not installed", next });
  }
  const contestants = contestant ?? dnsContestants.filter((name) => name !== "dnsmasq" || hasDnsmasq);
  const progress = quiet ? () => undefined : (line: string) => void process.stderr.write(`${line}\n`);
  const startedAt = new Date().toISOString();
  const options = { contestants, services, rounds, durationMs: seconds * 1000 };
  const figures = await runDnsBench({ ...options, progress });
  const report = {
    benchmark: "dns",
    startedAt,
    machine: readMachine("/tmp"),
    options,
    figures,
    ratios: ratiosOf(figures),
  };
  process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : print(figures));
}

/** Of Podwire to each of the others: more queries, less CPU and less time are better. */
function ratiosOf(figures: readonly DnsFigures[]) {
  const own = figures.find(({ contestant }) => contestant === "podwire");
  const others = figures.filter((each) => each !== own);
  return others.map((other) => ({
    to: other.contestant,
    queriesPerSecond: ratio(own?.queriesPerSecond, other.queriesPerSecond),
    serverCpuUsPerQuery: ratio(own?.serverCpuUsPerQuery, other.serverCpuUsPerQuery),
    medianLatency: ratio(own?.latencyUs.median, other.latencyUs.median),
  }));
}

function print(figures: readonly DnsFigures[]): string {
  const header = ["contestant", "queries/s", "server µs/query", "latency µs", "p99 µs", "lost"];
  const rows = figures.map(({ contestant, queriesPerSecond, serverCpuUsPerQuery, latencyUs, lost }) => [
    contestant,
    String(queriesPerSecond),
    serverCpuUsPerQuery.toFixed(1),
    latencyUs.median.toFixed(0),
    latencyUs.p99.toFixed(0),
    String(lost),
  ]);
  const ratios = ratiosOf(figures).map(
    ({ to, queriesPerSecond = 0, serverCpuUsPerQuery = 0 }) =>
      `podwire/${to}: ${queriesPerSecond.toFixed(2)}× queries per second, ${serverCpuUsPerQuery.toFixed(2)}× CPU per query\n`,
  );
  return `${printTable(header, rows)}\n${ratios.join("")}`;
}

function parseNumber(value: string): number {
  if (!/^[1-9]\d*$/.test(value)) throw new InvalidArgumentError("It must be a whole number above 0.");
  return Number(value);
}
