/**
 * Podwire as nodes run it: the bundles, as `podwire install` puts them into a folder. In the source tree they are made
 * when a source is newer than they are; an installed Podwire is what nodes get.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { podwireCommand } from "#cluster/podwire-command.ts";
import { runProgram } from "#cluster/program.ts";
import { CliError } from "../cli-error.ts";
import { manifestPath, PRIVATE_FOLDER } from "../install/manifest.ts";
import { isSourceTree, projectRoot } from "../installation.ts";

export interface ClusterPrograms {
  /** For nodes: their /opt/cni/bin. */
  readonly binDir: string;
  /** The command line of Podwire itself; arguments follow. */
  readonly podwire: readonly string[];
  /** Where image files are kept; PODWIRE_IMAGE_DIR names another folder. */
  readonly imageDir: string;
}

const SOURCES = ["src", "native", "scripts", "package.json", "package-lock.json", "build/native/cni-launcher"];

/** What is there, without looking whether it is current. */
export function clusterPrograms(): ClusterPrograms {
  const binDir = isSourceTree ? join(projectRoot, "build/cluster/bin") : join(import.meta.dirname, "..");
  const imageDir = isSourceTree ? join(projectRoot, "build/images") : "/var/cache/podwire/images";
  return {
    binDir,
    podwire: podwireCommand(join(binDir, ".podwire")),
    imageDir: process.env["PODWIRE_IMAGE_DIR"] ?? imageDir,
  };
}

/** The folder of bundles that were made for nodes; undefined when a source is newer, or somebody makes them just now. */
export function currentBundle(): string | undefined {
  const { binDir } = clusterPrograms();
  if (!isSourceTree || !isCurrent(binDir)) return undefined;
  const { status } = spawnSync("flock", ["--shared", "--nonblock", binDir, "true"]);
  return status === 0 ? join(binDir, PRIVATE_FOLDER) : undefined;
}

/** Resolves to whether something had to be made. */
export async function ensureClusterPrograms({ binDir }: ClusterPrograms, signal: AbortSignal): Promise<boolean> {
  if (!isSourceTree || isCurrent(binDir)) return false;
  const startedAt = new Date();
  mkdirSync(binDir, { recursive: true });
  const entry = join(projectRoot, "src/cli/entry.ts");
  // One at a time: a second caller waits, and then finds most of it unchanged.
  const argv = ["flock", binDir, process.execPath, entry, "install", "--bin-dir", binDir, "--quiet"];
  const { code, stderr } = await runProgram(argv, signal);
  if (code !== 0) {
    throw new CliError("failed", {
      what: "Cannot bundle Podwire for nodes",
      why: "podwire install failed",
      evidence: stderr,
    });
  }
  // What was edited meanwhile is newer.
  utimesSync(manifestPath(binDir), startedAt, startedAt);
  return true;
}

function isCurrent(binDir: string): boolean {
  const manifest = statSync(manifestPath(binDir), { throwIfNoEntry: false });
  return manifest !== undefined && SOURCES.every((path) => newestMs(join(projectRoot, path)) < manifest.mtimeMs);
}

function newestMs(path: string): number {
  if (!existsSync(path)) return 0;
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(mtimeMs, ...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}
