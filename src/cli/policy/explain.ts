/** `podwire policy explain` */
import { Command, Option } from "commander";
import { explainFlow, type FlowExplanation, parseFlow } from "#policy-test/explain-flow.ts";
import { TargetError } from "#policy-test/file/parse-target.ts";
import { CliError } from "../cli-error.ts";
import { explained, loadForCli, policiesOption } from "./load.ts";

interface ExplainOptions {
  readonly file: string;
  readonly policies?: readonly string[];
  readonly output: "text" | "json";
}

export function explainCommand(): Command {
  return new Command("explain")
    .description(
      "Says why one connection is allowed or denied, by the model: which policy, which rule, what missed, and what would turn it round.",
    )
    .argument("<from>", "a pod (NAMESPACE/NAME) or an address")
    .argument("<to:port>", "as the source, with a port: shop/db:5432, shop/dns:53/UDP, shop/api:http")
    .requiredOption("-f, --file <file>", "a test, or manifests: a file, a folder, or - for the standard input")
    .addOption(policiesOption())
    .addOption(new Option("-o, --output <format>", "print as").choices(["text", "json"]).default("text"))
    .addHelpText("after", "\nExample:\n  podwire policy explain shop/web shop/db:5432 -f shop.test.yaml")
    .action((from: string, to: string, { file, policies, output }: ExplainOptions) => {
      const test = loadForCli(file, { policies });
      const explanations = explained(() =>
        explainFlow(
          test,
          readFlow(() => parseFlow(test, from, to)),
        ),
      );
      process.stdout.write(
        output === "json"
          ? `${JSON.stringify({ version: 1, explanations }, undefined, 2)}\n`
          : explanations.map(formatExplanation).join("\n"),
      );
    });
}

function readFlow<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    throw new CliError("usage", { what: `Cannot find the connection: ${error.message}` }, { cause: error });
  }
}

function formatExplanation({ title, families, verdict, explanation, change }: FlowExplanation): string {
  const names = families.map((family) => `IPv${family}`).join(" and ");
  const lines = [
    `${title}: ${verdict} (${names})`,
    ...explanation.map((line) => `  ${line}`),
    ...(change === undefined
      ? []
      : [`to ${verdict === "allow" ? "deny" : "allow"} it:`, ...change.map((line) => `  ${line}`)]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
