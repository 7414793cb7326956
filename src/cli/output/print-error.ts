/** From anything thrown to what stands on stderr, and to the exit status. */
import { ClusterError } from "#cluster/cluster-error.ts";
import { CliError, EXIT_CODES, type Explanation } from "../cli-error.ts";

export interface PrintedError {
  readonly text: string;
  readonly exitCode: number;
}

/** An error that nobody expected keeps its stack: it is a fault of Podwire's. */
export function printError(error: unknown): PrintedError {
  const cliError = error instanceof CliError ? error : expected(error);
  if (cliError !== undefined) return { text: explain(cliError.explanation), exitCode: cliError.exitCode };
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `podwire: unexpected error\n${stack}\n`, exitCode: EXIT_CODES.failed };
}

export function explain({ what, why, evidence, next }: Explanation): string {
  const lines = Object.entries({ why, evidence, next }).flatMap(([label, text]) =>
    text === undefined ? [] : [`  ${`${label}:`.padEnd(9)} ${text.replaceAll("\n", `\n${" ".repeat(12)}`)}\n`],
  );
  return `podwire: ${what}\n${lines.join("")}`;
}

/** Errors of the system that say themselves what is wrong. */
function expected(error: unknown): CliError | undefined {
  if (error instanceof ClusterError) return new CliError(error.kind, error.explanation, { cause: error });
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  if (error.code === "EACCES" || error.code === "EPERM") {
    const options = { cause: error };
    return new CliError("machine", { what: error.message, why: "it needs root", next: "run it with sudo" }, options);
  }
  if (["ENOENT", "ENOTDIR", "EROFS", "ENOSPC", "EISDIR"].includes(String(error.code))) {
    return new CliError("machine", { what: error.message }, { cause: error });
  }
  if (error.name === "AgentError") {
    const kind = error.code === "alreadyRuns" ? "machine" : "failed";
    return new CliError(kind, { what: error.message }, { cause: error });
  }
  return undefined;
}
