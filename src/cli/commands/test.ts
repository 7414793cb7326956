/** `podwire test`: what CI runs. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { CliError, EXIT_CODES } from "../cli-error.ts";
import { clusterPrograms, ensureClusterPrograms } from "../cluster/cluster-programs.ts";
import { projectRoot } from "../installation.ts";
import { runIsolated } from "../testing/isolated.ts";
import { type Leftover, leftovers, readMachineState } from "../testing/machine-state.ts";
import { prepareImages } from "../testing/prepare-images.ts";

interface TestOptions {
  readonly filter: readonly string[];
  readonly name: readonly string[];
  readonly timeout: number;
  readonly quiet?: true;
}

const collect = (value: string, earlier: readonly string[]): readonly string[] => [...earlier, value];

export function testCommand(): Command {
  return new Command("test")
    .description(
      "Checks types, lints, and runs all tests in network, mount and PID namespaces of their own; then checks that the " +
        "tests have left nothing behind. With a filter, only tests are run.",
    )
    .option("-f, --filter <text>", "only test files whose path holds this text (repeatable)", collect, [])
    .option("-n, --name <pattern>", "only tests whose name matches this pattern (repeatable)", collect, [])
    .option("--timeout <seconds>", "for each test and each file", Number, 600)
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText(
      "after",
      "\nTests that need root fail without it when CI is set, and are skipped otherwise.\n\n" +
        "Example:\n  sudo podwire test\n  sudo podwire test --filter plugins/bridge",
    )
    .action(run);
}

async function run({ filter, name, timeout, quiet }: TestOptions): Promise<void> {
  const say = quiet ? () => undefined : (line: string) => process.stderr.write(`podwire: ${line}\n`);
  const files = testFiles(filter);
  if (process.getuid?.() !== 0) {
    const next = "run: sudo podwire test";
    throw new CliError("machine", {
      what: "Cannot run the tests",
      why: "they make network namespaces, which needs root",
      next,
    });
  }
  const isWhole = filter.length + name.length === 0;
  const problems = isWhole ? [...check("types", ["tsc", "--noEmit"], say), ...check("lint", LINT, say)] : [];
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  if (files.some((file) => file.endsWith(".e2e.test.ts"))) await prepareImages(say);
  // Tests install them, and start clusters of them.
  if (isWhole) await ensureClusterPrograms(clusterPrograms(), stop.signal);
  const kinds = ["links", "namespaces", "mounts", "cgroups"] as const;
  const before = readMachineState(kinds);
  const outcome = await runIsolated({ files, names: name, timeoutMs: timeout * 1000 }, stop.signal);
  if (stop.signal.aborted) throw new CliError("interrupted", { what: "Interrupted: the tests were ended" });
  if (outcome === undefined)
    throw new CliError("failed", { what: "The tests did not come to an end", why: "see above" });

  for (const skipped of outcome.skipped) say(`skipped: ${skipped}`);
  const left = [...outcome.left, ...leftovers(before, readMachineState(kinds))];
  if (outcome.failed > 0) problems.push("tests");
  if (left.length > 0) {
    process.stderr.write(describeLeft(left));
    problems.push("left behind");
  }
  if (problems.length > 0) process.exitCode = EXIT_CODES.failed;
  say(problems.length > 0 ? `FAILED: ${problems.join(", ")}` : "all passed, nothing left behind");
}

const LINT = ["biome", "check", "--error-on-warnings", "."];

/** Runs a development tool; its output is shown as it comes. Gives its name when it fails. */
function check(label: string, [tool = "", ...args]: readonly string[], say: (line: string) => unknown): string[] {
  const startedMs = performance.now();
  const path = join(projectRoot, "node_modules/.bin", tool);
  const { status, error } = spawnSync(process.execPath, [path, ...args], { cwd: projectRoot, stdio: ["ignore", 2, 2] });
  if (error) throw error;
  say(`${label} ${status === 0 ? "ok" : "FAILED"} (${Math.round(performance.now() - startedMs)} ms)`);
  return status === 0 ? [] : [label];
}

function testFiles(filter: readonly string[]): readonly string[] {
  const all = globSync(["src/**/*.test.ts", "test/**/*.test.ts"], { cwd: projectRoot }).toSorted();
  const chosen = all.filter((file) => filter.length === 0 || filter.some((text) => file.includes(text)));
  if (chosen.length > 0) return longestFirst(chosen);
  const next = "give a part of a path, such as plugins/bridge";
  throw new CliError("usage", { what: `No test file matches ${filter.map((text) => `"${text}"`).join(" or ")}`, next });
}

/** Whole systems, then namespaces, then the rest: what runs long must not be left for the end, with nothing beside it. */
function longestFirst(files: readonly string[]): readonly string[] {
  const kinds = [".e2e.test.ts", ".netns.test.ts", ".test.ts"];
  const rank = (file: string): number => kinds.findIndex((ending) => file.endsWith(ending));
  return files.toSorted((one, other) => rank(one) - rank(other));
}

function describeLeft(left: readonly Leftover[]): string {
  const lines = left.map(({ kind, name }) => `  ${kind}: ${name}\n`);
  return `podwire: the tests have left something behind\n${lines.join("")}`;
}
