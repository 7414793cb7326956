/** `podwire policy test` */
import { Command, Option } from "commander";
import { formatReports, TEST_FORMATS, type TestFormat } from "#policy-test/report/format-reports.ts";
import { type PolicyTestReport, reportStatus } from "#policy-test/report/policy-test-report.ts";
import { runPolicyTest } from "#policy-test/run-policy-test.ts";
import { CliError, EXIT_CODES } from "../cli-error.ts";
import { commandSignal, nameOption, requireRoot } from "../cluster/cluster-name.ts";
import { printError } from "../output/print-error.ts";
import { asCliError, loadForCli, parsePositive, policiesOption } from "./load.ts";
import type { TestCluster } from "./on-cluster/open-test-cluster.ts";
import { waitForChange } from "./wait-for-change.ts";

interface TestOptions {
  readonly policies?: readonly string[];
  readonly output: TestFormat;
  readonly parallel?: number;
  readonly timeout: number;
  readonly verbose?: true;
  readonly watch?: true;
  readonly cluster?: true;
  readonly kubeconfig?: string;
  readonly name: string;
  readonly image: string;
}

const EXIT_CODE_OF = {
  passed: EXIT_CODES.ok,
  failed: EXIT_CODES.failed,
  inconclusive: EXIT_CODES.inconclusive,
} as const;

/** A run that is over still takes its objects away. */
const CLEAN_UP_SECONDS = 60;

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
    .option("--cluster", "run them on a cluster of this machine that is up, in namespaces of their own")
    .addOption(nameOption())
    .option("--kubeconfig <file>", "run them on another cluster (TCP, by exec in its pods)")
    .option("--image <image>", "of the pods in that cluster", "busybox")
    .addHelpText(
      "after",
      "\nExample:\n  sudo podwire policy test shop.test.yaml\n  helm template ./chart | sudo podwire policy test shop.test.yaml --policies - -o junit > policies.xml",
    )
    .action(run);
}

async function run(files: readonly string[], options: TestOptions): Promise<void> {
  if (options.kubeconfig === undefined) requireRoot("Cannot make network namespaces");
  if (options.watch === true) return await runAgain(files, options);
  process.exitCode = await runOnce(files, options, commandSignal(options.timeout));
}

async function runOnce(files: readonly string[], options: TestOptions, signal: AbortSignal): Promise<number> {
  const { policies, output, verbose, parallel } = options;
  const tests = files.map((file) => loadForCli(file, { policies }));
  const reports: PolicyTestReport[] = [];
  try {
    await using cluster =
      options.cluster || options.kubeconfig !== undefined ? await openTestCluster(options, signal) : undefined;
    for (const test of tests) {
      const wanted = cluster?.testFor(test) ?? test;
      reports.push(await runPolicyTest(wanted, { signal, parallel, startWorld: cluster?.startWorld }));
    }
  } catch (error) {
    throw asCliError(error);
  }
  process.stdout.write(formatReports(reports, output, { verbose }));
  return EXIT_CODE_OF[reportStatus(reports)];
}

/** Loaded when it is wanted: a run in a sandbox needs no cluster's client. */
async function openTestCluster(options: TestOptions, signal: AbortSignal): Promise<TestCluster> {
  const { openTestCluster: open } = await import("./on-cluster/open-test-cluster.ts");
  const deadlineSeconds = Date.now() / 1000 + options.timeout + CLEAN_UP_SECONDS;
  return await open({ ...options, deadlineSeconds }, signal);
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
