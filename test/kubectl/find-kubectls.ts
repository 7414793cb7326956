/**
 * The kubectls of this machine, one per minor version. Who has one elsewhere names it:
 *   PODWIRE_KUBECTL=/opt/kubectl-1.29:/opt/kubectl-1.33
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";

export interface Kubectl {
  readonly path: string;
  /** 31 for 1.31. */
  readonly minor: number;
}

export interface FoundKubectls {
  /** Oldest first. */
  readonly supported: readonly Kubectl[];
  /** What is not used, and why. */
  readonly skipped: readonly string[];
}

export const OLDEST_MINOR = 29;
export const NEWEST_MINOR = 33;
export const HOW_TO_PROVIDE =
  `no kubectl 1.${OLDEST_MINOR} or newer was found: put one on PATH or into /usr/local/bin, ` +
  "or set PODWIRE_KUBECTL=/path/to/kubectl (several behind colons)";

type Environment = Readonly<Record<string, string | undefined>>;

export function findKubectls(environment: Environment = process.env): FoundKubectls {
  const skipped: string[] = [];
  const byMinor = new Map<number, Kubectl>();
  for (const path of candidatePaths(environment)) {
    const minor = readMinor(path);
    if (typeof minor === "string") skipped.push(`${path}: ${minor}`);
    else if (minor < OLDEST_MINOR) skipped.push(`${path}: 1.${minor} is older than 1.${OLDEST_MINOR}`);
    else if (minor > NEWEST_MINOR) skipped.push(`${path}: 1.${minor} is newer than 1.${NEWEST_MINOR}`);
    else if (byMinor.has(minor)) skipped.push(`${path}: 1.${minor} is there already`);
    else byMinor.set(minor, { path, minor });
  }
  return { supported: [...byMinor.values()].toSorted((one, other) => one.minor - other.minor), skipped };
}

function candidatePaths(environment: Environment): readonly string[] {
  const named = (environment["PODWIRE_KUBECTL"] ?? "").split(delimiter).filter((path) => path !== "");
  if (named.length > 0) return named;
  const folders = [...(environment["PATH"] ?? "").split(delimiter), "/usr/local/bin"].filter((path) => path !== "");
  const found = [
    ...globSync("/usr/lib/google-cloud-sdk/bin/kubectl.1.*"),
    ...folders.flatMap((folder) => globSync([join(folder, "kubectl"), join(folder, "kubectl[-.]1.*")])),
  ];
  return [...new Set(found.filter((path) => existsSync(path)).map((path) => realpathSync(path)))];
}

/** What it says of itself, or why it cannot be used. */
function readMinor(path: string): number | string {
  let text: string;
  try {
    text = execFileSync(path, ["version", "--client", "-o", "json"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 20_000,
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const [, version = "", minor = ""] = /"gitVersion":\s*"(v1\.(\d+)[^"]*)"/.exec(text) ?? [];
  if (minor === "") return "it does not tell its version";
  // Runs another kubectl, as it sees fit: the others are here themselves.
  if (version.includes("dispatcher")) return `${version} only starts others`;
  return Number(minor);
}
