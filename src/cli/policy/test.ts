/** `podwire policy test` */
import { Command, Option } from "commander";
import { createNftablesEnforcer } from "#dataplane/policy/nftables/nftables-enforcer.ts";
import { formatReports, TEST_FORMATS, type TestFormat } from "#policy-test/report/format-reports.ts";
import { type PolicyTestReport, reportStatus } from "#policy-test/report/policy-test-report.ts";
import { runPolicyTest } from "#policy-test/run-policy-test.ts";
import { CliError, EXIT_CODES } from "../cli-error.ts";
import { commandSignal, requireRoot } from "../cluster/cluster-name.ts";
import { printError } from "../output/print-error.ts";
import { asCliError, loadForCli, parsePositive, policiesOption } from "./load.ts";
import { waitForChange } from "./wait-for-change.ts";

interface TestOptions {
  readonly policies?: readonly string[];
  readonly output: TestFormat;
  readonly parallel?: number;
  readonly timeout: number;
  readonly verbose?: true;
  readonly watch?: true;
}

const EXIT_CODE_OF = {
  passed: EXIT_CODES.ok,
  failed: EXIT_CODES.failed,
  inconclusive: EXIT_CODES.inconclusive,
} as const;

export function testCommand(): Command {
  return new Command("test")
    .description(
      "Runs policy tests on a throw-away cluster of network namespaces: the policies are programmed into the kernel, every " +
        "expectation is tried with real traffic, and every deny is proven by the rule that dropped the packet and by the " +
        "answer that comes without policies. Nothing of this machine's network is touched, and nothing stays.",
    )
    .argument("<file...>", "tests (kind: PolicyTest)")
    .addOption(policiesOption())
    .addOption(new Option("-o, --output <format>", "print as").choices([...TEST_FORMATS]).default("table"))
    .option("--verbose", "explain what passed, too (table)")
    .option("--parallel <number>", "connections under way at once", parsePositive)
    .option("--watch", "run again when a file changes")
    .option("--timeout <seconds>", "for each run", parsePositive, 60)
    .addHelpText(
      "after",
      "\nExample:\n  sudo podwire policy test shop.test.yaml\n  helm template ./chart | sudo podwire policy test shop.test.yaml --policies - -o junit > policies.xml",
    )
    .action(run);
}

async function run(files: readonly string[], options: TestOptions): Promise<void> {
  requireRoot("Cannot make network namespaces");
  if (options.watch === true) return await runAgain(files, options);
  process.exitCode = await runOnce(files, options, commandSignal(options.timeout));
}

async function runOnce(files: readonly string[], options: TestOptions, signal: AbortSignal): Promise<number> {
  const { policies, output, verbose, parallel } = options;
  const tests = files.map((file) => loadForCli(file, { policies }));
  const reports: PolicyTestReport[] = [];
  for (const test of tests) {
    try {
      const createEnforcer = ({ netns }: Parameters<typeof createNftablesEnforcer>[0]) =>
        createNftablesEnforcer({ netns });
      reports.push(await runPolicyTest(test, { signal, parallel, createEnforcer }));
    } catch (error) {
      throw asCliError(error);
    }
  }
  process.stdout.write(formatReports(reports, output, { verbose }));
  return EXIT_CODE_OF[reportStatus(reports)];
}

/** Until it is interrupted. What is wrong with a file is shown, and the next change is waited for. */
async function runAgain(files: readonly string[], options: TestOptions): Promise<void> {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => interrupted.abort(new CliError("interrupted", { what: "Interrupted" })));
  }
  for (;;) {
    const changed = waitForChange([...files, ...(options.policies ?? [])], interrupted.signal);
    try {
      await runOnce(files, options, AbortSignal.any([interrupted.signal, AbortSignal.timeout(options.timeout * 1000)]));
    } catch (error) {
      interrupted.signal.throwIfAborted();
      process.stderr.write(printError(error).text);
    }
    process.stderr.write("waiting for a change\n");
    await changed;
  }
}
