/** `podwire policy matrix` */
import { Command, Option } from "commander";
import { formatMatrix } from "#policy-test/format-matrix.ts";
import { createMatrix } from "#policy-test/matrix.ts";
import { explained, loadForCli, policiesOption } from "./load.ts";

interface MatrixOptions {
  readonly policies?: readonly string[];
  readonly output: "table" | "json";
}

export function matrixCommand(): Command {
  return new Command("matrix")
    .description("Shows who can reach whom, by the model: all pods of a test, or the workloads of manifests.")
    .argument("<file>", "a test, or manifests: a file, a folder, or - for the standard input")
    .addOption(policiesOption())
    .addOption(new Option("-o, --output <format>", "print as").choices(["table", "json"]).default("table"))
    .addHelpText("after", "\nExample:\n  helm template ./chart | podwire policy matrix -")
    .action((file: string, { policies, output }: MatrixOptions) => {
      const test = loadForCli(file, { policies });
      const matrix = explained(() => createMatrix(test));
      for (const note of test.notes) process.stderr.write(`note: ${note}\n`);
      process.stdout.write(
        output === "json" ? `${JSON.stringify({ version: 1, ...matrix }, undefined, 2)}\n` : formatMatrix(matrix),
      );
    });
}
