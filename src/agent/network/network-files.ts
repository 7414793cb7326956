/**
 * The files by which runtime and plugins learn of the pod network: subnet.env for the flannel plugin, and the network
 * configuration, whose being there makes the node ready. Each is replaced as a whole, and only when it differs.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Where the flannel plugin looks. */
export const SUBNET_FILE = "/run/flannel/subnet.env";
export const CONFLIST_FILE = "10-podwire.conflist";

/**
 * Name and delegate of Flannel's own configuration, so that a node that ran it keeps the addresses it has given away.
 * 1.0.0 is the newest version of the specification that every containerd since 1.6 knows.
 */
export function conflistText(): string {
  const conflist = {
    name: "cbr0",
    cniVersion: "1.0.0",
    plugins: [
      { type: "flannel", delegate: { hairpinMode: true, isDefaultGateway: true } },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(conflist, undefined, 2)}\n`;
}

export interface NetworkFile {
  readonly path: string;
  readonly text: string;
}

/** Answers the paths that were written. */
export function writeNetworkFiles(files: readonly NetworkFile[]): readonly string[] {
  const different = files.filter((file) => !isAsWritten(file));
  for (const { path, text } of different) {
    mkdirSync(dirname(path), { recursive: true });
    const draft = join(dirname(path), draftName(path));
    writeFileSync(draft, text, { mode: 0o644 });
    renameSync(draft, path);
  }
  return different.map(({ path }) => path);
}

/** Beside the file, until it is complete. */
export function draftName(path: string): string {
  return `.${basename(path)}.new`;
}

export function isAsWritten({ path, text }: NetworkFile): boolean {
  return readIfThere(path) === text;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Other configurations of the folder that come before ours: a runtime takes the first one. As sentences. */
export function rivalConflists(conflistFile: string): readonly string[] {
  const [folder, own] = [dirname(conflistFile), basename(conflistFile)];
  return namesIn(folder)
    .filter((name) => /\.(conf|conflist|json)$/.test(name) && name < own)
    .map((name) => `"${join(folder, name)}" comes before "${own}", so runtimes use it instead: move it away`);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
