/** Tests from files for the command line: what is wrong with them becomes an explained error. */
import { InvalidArgumentError, Option } from "commander";
import { type LoadOptions, loadTest } from "#policy-test/file/load-test.ts";
import type { PolicyTest } from "#policy-test/policy-test.ts";
import { describeProblem, PolicyTestError } from "#policy-test/policy-test-error.ts";
import { CliError } from "../cli-error.ts";

const PROBLEMS_MAX = 20;

export function loadForCli(path: string, options: LoadOptions = {}): PolicyTest {
  return explained(() => loadTest(path, options));
}

/** Turns a PolicyTestError into what stands on stderr. */
export function explained<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw asCliError(error);
  }
}

export function asCliError(error: unknown): unknown {
  if (!(error instanceof PolicyTestError)) return error;
  const { code, message, problems, next } = error;
  const more = problems.length > PROBLEMS_MAX ? [`and ${problems.length - PROBLEMS_MAX} more`] : [];
  const evidence = [...problems.slice(0, PROBLEMS_MAX).map(describeProblem), ...more].join("\n");
  return new CliError(
    code === "file" ? "usage" : "machine",
    { what: message, ...(evidence !== "" && { evidence }), ...(next !== undefined && { next }) },
    { cause: error },
  );
}

export function policiesOption(): Option {
  return new Option(
    "--policies <path>",
    "policies from there instead of the test's own; - is the standard input",
  ).argParser((path: string, before: readonly string[] = []) => [...before, path]);
}

export function parsePositive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("must be a whole number above 0.");
  return number;
}
