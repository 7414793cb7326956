/** `podwire bench dns` */
import { spawnSync } from "node:child_process";
import { Command, Option } from "commander";
import { type DnsContestant, dnsContestants, runDnsBench } from "#bench/dns/dns-bench.ts";
import { dnsRatios, printDnsBench } from "#bench/dns/print-dns-bench.ts";
import {
  parseWholeNumber,
  type ReportFlags,
  requireProgram,
  runBenchmark,
  withReportOptions,
} from "./run-benchmark.ts";

interface DnsFlags extends ReportFlags {
  readonly contestant?: readonly DnsContestant[];
  readonly services: number;
  readonly rounds: number;
  readonly seconds: number;
}

export function dnsBenchCommand(): Command {
  const command = new Command("dns")
    .description(
      "Measures the node's name server against a plain UDP echo in the same process model, and against dnsmasq where it " +
        "is installed: queries per second, CPU of a query, latency. Everything is on loopback and ends with it.",
    )
    .addOption(new Option("--contestant <name...>", "let only these take part").choices(dnsContestants))
    .option("--services <number>", "names that are asked for", parseWholeNumber, 1000)
    .option("--rounds <number>", "turns of each contestant", parseWholeNumber, 5)
    .option("--seconds <number>", "of each measurement", parseWholeNumber, 2);
  return withReportOptions(command).addHelpText("after", "\nExample:\n  podwire bench dns --rounds 3").action(run);
}

async function run({ contestant, services, rounds, seconds, ...flags }: DnsFlags): Promise<void> {
  if (contestant?.includes("dnsmasq")) {
    requireProgram("dnsmasq", { what: "Cannot measure dnsmasq", next: "run: sudo apt-get install dnsmasq-base" });
  }
  const hasDnsmasq = (): boolean => spawnSync("dnsmasq", ["--version"]).status === 0;
  const contestants = contestant ?? dnsContestants.filter((name) => name !== "dnsmasq" || hasDnsmasq());
  const options = { contestants, services, rounds, durationMs: seconds * 1000 };
  await runBenchmark(flags, {
    name: "dns",
    async measure({ progress }) {
      const figures = await runDnsBench({ ...options, progress });
      return { options, figures, ratios: dnsRatios(figures) };
    },
    print: printDnsBench,
  });
}
