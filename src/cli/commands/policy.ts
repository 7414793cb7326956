/** `podwire policy`: what policies do, by the model and on the kernel. Each subcommand has a file of its own. */
import { Command } from "commander";
import { diffCommand } from "../policy/diff.ts";
import { explainCommand } from "../policy/explain.ts";
import { matrixCommand } from "../policy/matrix.ts";
import { testCommand } from "../policy/test.ts";

export function policyCommand(): Command {
  return new Command("policy")
    .description("Tests NetworkPolicies with real packets, explains them, and shows what a change of them changes.")
    .addCommand(testCommand())
    .addCommand(matrixCommand())
    .addCommand(explainCommand())
    .addCommand(diffCommand());
}
