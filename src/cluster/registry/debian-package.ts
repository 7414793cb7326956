/**
 * Files of Debian packages without installing them: downloaded by apt, which checks their signatures, and unpacked into
 * a folder. What the machine has installed already is taken from there. Source: apt-get(8), apt-cache(8), dpkg-deb(1).
 */
import { execFile } from "node:child_process";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const DOWNLOAD_TIMEOUT_MS = 120_000;

/** What is installed, and what could be. Folders change when a file in them is replaced. */
const PACKAGE_STATE = ["/var/lib/dpkg", "/var/lib/apt/lists"] as const;

/** When apt or dpkg last changed something; 0 where neither is. */
export async function packagesChangedAtMs(): Promise<number> {
  const times = await Promise.all(PACKAGE_STATE.map((path) => stat(path).catch(() => undefined)));
  return Math.max(0, ...times.map((found) => found?.mtimeMs ?? 0));
}

/** Version that is installed, or undefined. */
export async function installedVersion(name: string, signal: AbortSignal): Promise<string | undefined> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format
  const format = "${db:Status-Status} ${Version}";
  const output = await outputOf(["dpkg-query", "--show", `--showformat=${format}`, name], signal);
  const [status, version] = output?.split(" ") ?? [];
  return status === "installed" ? version : undefined;
}

/** Version that apt would install, or undefined when it knows none. */
export async function candidateVersion(name: string, signal: AbortSignal): Promise<string | undefined> {
  const output = await outputOf(["apt-cache", "policy", name], signal);
  const version = /^ {2}Candidate: (\S+)$/m.exec(output ?? "")?.[1];
  return version === "(none)" ? undefined : version;
}

/** Unpacks the package into `<folder>/root`, and gives the names of packages that it depends on. */
export async function unpackPackage(name: string, folder: string, signal: AbortSignal): Promise<readonly string[]> {
  const downloads = join(folder, name);
  const root = join(folder, "root");
  await mkdir(downloads, { recursive: true });
  await mkdir(root, { recursive: true });
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]);
  try {
    await run("apt-get", ["download", "-qq", name], { cwd: downloads, signal: deadline });
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(`Cannot download Debian package "${name}": ${reasonOf(cause)}; try: apt-get update`, { cause });
  }
  const [file] = await readdir(downloads);
  if (file === undefined) throw new Error(`Cannot download Debian package "${name}": apt-get wrote no file`);
  const path = join(downloads, file);
  await run("dpkg-deb", ["--extract", path, root], { signal });
  const { stdout } = await run("dpkg-deb", ["--field", path, "Depends"], { signal });
  return dependencyNames(stdout);
}

/** `libc6 (>= 2.34), libssl3 | libssl3t64, iproute2:any` → the first of each choice, by name. */
export function dependencyNames(depends: string): readonly string[] {
  return depends
    .split(",")
    .map((choice) => choice.split("|")[0] ?? "")
    .map((dependency) => dependency.trim().replace(/[ (:].*$/s, ""))
    .filter((name) => name !== "");
}

/** Undefined when the program is missing or fails, which is no reason to stop: other ways are left. */
async function outputOf([program = "", ...args]: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await run(program, args, { signal })).stdout;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "ENOENT") return "this machine has no apt-get";
  const stderr = "stderr" in error ? String(error.stderr).trim() : "";
  return stderr.split("\n").findLast((line) => line.startsWith("E: ")) ?? (stderr || error.message);
}
