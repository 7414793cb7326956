/** `podwire policy diff` */
import { Command, Option } from "commander";
import { diffTests, type FlowChange, type TestDiff, verifyingTest } from "#policy-test/diff-tests.ts";
import type { PolicyTest } from "#policy-test/policy-test.ts";
import { problemOf } from "#policy-test/report/describe-result.ts";
import { type PolicyTestReport, reportStatus } from "#policy-test/report/policy-test-report.ts";
import { runPolicyTest } from "#policy-test/run-policy-test.ts";
import { EXIT_CODES } from "../cli-error.ts";
import { commandSignal, requireRoot } from "../cluster/cluster-name.ts";
import { asCliError, explained, loadForCli, parsePositive } from "./load.ts";

interface DiffOptions {
  readonly file?: string;
  readonly verify?: true;
  readonly exitCode?: true;
  readonly output: "table" | "json";
  readonly timeout: number;
}

export function diffCommand(): Command {
  return new Command("diff")
    .description(
      "Shows which connections two sets of policies answer differently, by the model; --verify tries them on the kernel.",
    )
    .argument("<old>", "policies or a test: a file, a folder, or - for the standard input")
    .argument("<new>", "the same, as it shall be")
    .option("-f, --file <file>", "the test with the pods; default: the workloads among the manifests")
    .option("--verify", "try every changed connection with both sets; needs root")
    .option("--exit-code", "end with 1 when something changes")
    .addOption(new Option("-o, --output <format>", "print as").choices(["table", "json"]).default("table"))
    .option("--timeout <seconds>", "for --verify", parsePositive, 60)
    .addHelpText("after", "\nExample:\n  podwire policy diff main/policies policies -f shop.test.yaml --verify")
    .action(run);
}

async function run(oldPath: string, newPath: string, options: DiffOptions): Promise<void> {
  const { file, verify, output, exitCode, timeout } = options;
  if (verify) requireRoot("Cannot make network namespaces");
  const load = (path: string) =>
    file === undefined ? loadForCli(path) : loadForCli(file, { policies: [path], checksBecause: false });
  const [was, now] = [load(oldPath), load(newPath)];
  const diff = explained(() => diffTests(was, now));
  const reports =
    verify && diff.changes.length > 0 ? await verifyBoth(was, now, diff.changes, commandSignal(timeout)) : [];
  process.stdout.write(
    output === "json"
      ? `${JSON.stringify({ version: 1, ...diff, verified: verify ? reports : undefined }, undefined, 2)}\n`
      : formatDiff(diff, reports),
  );
  const status = reports.length === 0 ? "passed" : reportStatus(reports);
  if (status === "failed") process.exitCode = EXIT_CODES.failed;
  else if (status === "inconclusive") process.exitCode = EXIT_CODES.inconclusive;
  else if (exitCode && diff.changes.length > 0) process.exitCode = EXIT_CODES.failed;
}

async function verifyBoth(was: PolicyTest, now: PolicyTest, changes: readonly FlowChange[], signal: AbortSignal) {
  const reports: PolicyTestReport[] = [];
  try {
    for (const test of [verifyingTest(was, changes, "was"), verifyingTest(now, changes, "now")]) {
      reports.push(await runPolicyTest(test, { signal }));
    }
  } catch (error) {
    throw asCliError(error);
  }
  return reports;
}

function formatDiff(diff: TestDiff, reports: readonly PolicyTestReport[]): string {
  const { changes, pairs, onlyOld, onlyNew } = diff;
  const width = Math.max(0, ...changes.map(({ title }) => title.length));
  const lines = changes.flatMap((change, index) => {
    const mark = change.now === "allow" ? "+" : "-";
    const families = change.families.length === 2 ? "" : ` (IPv${change.families.join("")})`;
    const because = change.because.length === 0 ? "no policy needed" : change.because.join(", ");
    const results = reports.flatMap(({ cases }) => cases[index] ?? []);
    const bad = results.filter(({ status }) => status !== "passed");
    const proof =
      results.length === 0 ? "" : bad.length === 0 ? "  verified" : `  NOT verified: ${bad.map(problemOf).join("; ")}`;
    return [`${mark} ${change.title.padEnd(width)}  ${change.was} → ${change.now}${families}  ${because}${proof}`];
  });
  const only = [
    ...(onlyOld.length > 0 ? [`only in the old one, not compared: ${onlyOld.join(", ")}`] : []),
    ...(onlyNew.length > 0 ? [`only in the new one, not compared: ${onlyNew.join(", ")}`] : []),
  ];
  const total =
    changes.length === 0
      ? `no change at any port among ${pairs} pairs`
      : `${changes.length} ${changes.length === 1 ? "change" : "changes"} among ${pairs} pairs`;
  return [...lines, ...only, total].map((line) => `${line}\n`).join("");
}
