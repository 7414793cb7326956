/**
 * Puts plugins into a folder of CNI plugins: one copy of the native launcher under each plugin's name, and
 * `.podwire/` with what the launcher runs when no agent listens. Each file appears whole, by rename; no name is ever
 * without a file. The manifest is written first, so an installation that was cut short is known to the next one.
 */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { isOurLauncher } from "#agent/our-launcher.ts";
import { CliError } from "../cli-error.ts";
import {
  formatManifest,
  hashOf,
  hashOfFile,
  type Manifest,
  manifestPath,
  PRIVATE_FOLDER,
  readManifest,
} from "./manifest.ts";
import { planInstall, type WantedFile } from "./plan-install.ts";

const LAUNCHER = "cni-launcher";

export interface InstallRequest {
  readonly binDir: string;
  readonly version: string;
  /** Made by scripts/build.ts; each of its files is copied to `.podwire/`. */
  readonly bundleFolder: string;
  readonly plugins: readonly string[];
  /** Node binary that `.podwire/node` points to. */
  readonly node: string;
  /** Absolute path and content of the network configuration to write. */
  readonly conflist?: { readonly path: string; readonly content: string };
  /** Foreign files under our names: an error, or moved to `.podwire/replaced/`. */
  readonly onForeign: "refuse" | "replace";
}

export interface InstallOutcome {
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
  readonly replaced: readonly string[];
}

interface InstallFile extends WantedFile {
  readonly content: Uint8Array;
  readonly mode: number;
}

export function installFiles(request: InstallRequest): InstallOutcome {
  const { binDir, onForeign } = request;
  const wanted = wantedFiles(request);
  const earlier = readManifest(binDir);
  const { writes, foreign } = planInstall(wanted, {
    hashAt: (path) => hashOfFile(resolvePath(binDir, path)),
    recordedHash: (path) => earlier?.files[path],
    isOurs: (path) => path.startsWith(`${PRIVATE_FOLDER}/`) || (!isAbsolute(path) && isOurLauncher(join(binDir, path))),
  });
  const conflict = foreign.find(({ path }) => onForeign === "refuse" || isAbsolute(path));
  if (conflict !== undefined) throw foreignFile(resolvePath(binDir, conflict.path), isAbsolute(conflict.path));

  mkdirSync(join(binDir, PRIVATE_FOLDER), { recursive: true });
  const manifest: Manifest = {
    version: request.version,
    files: { ...earlier?.files, ...Object.fromEntries(wanted.map(({ path, sha256 }) => [path, sha256])) },
  };
  writeWhole(manifestPath(binDir), Buffer.from(formatManifest(manifest)), 0o644);
  linkNode(join(binDir, PRIVATE_FOLDER, "node"), request.node);
  for (const { path } of foreign) keepReplaced(binDir, path);
  for (const { path, content, mode } of writes) writeWhole(resolvePath(binDir, path), content, mode);
  const written = writes.map(({ path }) => path);
  return {
    written,
    unchanged: wanted.map(({ path }) => path).filter((path) => !written.includes(path)),
    replaced: foreign.map(({ path }) => path),
  };
}

/** What the plugins need comes before the plugins, and what makes a runtime use them comes last. */
function wantedFiles({ bundleFolder, plugins, conflist }: InstallRequest): readonly InstallFile[] {
  const file = (path: string, content: Uint8Array, mode: number): InstallFile => ({
    path,
    content,
    mode,
    sha256: hashOf(content),
  });
  const bundle = readdirSync(bundleFolder, { withFileTypes: true })
    // An installed Podwire has a manifest of its own there.
    .filter((entry) => entry.isFile() && entry.name !== basename(manifestPath(bundleFolder)))
    .map(({ name }) => ({ name, content: readFileSync(join(bundleFolder, name)) }));
  const launcher = bundle.find(({ name }) => name === LAUNCHER);
  return [
    ...bundle.map(({ name, content }) =>
      file(`${PRIVATE_FOLDER}/${name}`, content, name === LAUNCHER || name === "podwire" ? 0o755 : 0o644),
    ),
    ...plugins.map((plugin) => file(plugin, launcher?.content ?? Buffer.alloc(0), 0o755)),
    ...(conflist ? [file(conflist.path, Buffer.from(conflist.content), 0o644)] : []),
  ];
}

export function resolvePath(binDir: string, path: string): string {
  return isAbsolute(path) ? path : join(binDir, path);
}

export function replacedPath(binDir: string, path: string): string {
  return join(binDir, PRIVATE_FOLDER, "replaced", path);
}

/** A second name for the foreign file; its first one is then taken over by rename. */
function keepReplaced(binDir: string, path: string): void {
  const kept = replacedPath(binDir, path);
  mkdirSync(dirname(kept), { recursive: true });
  rmSync(kept, { force: true });
  linkSync(join(binDir, path), kept);
}

function writeWhole(path: string, content: Uint8Array, mode: number): void {
  const temporary = temporaryPath(path);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, content, { mode });
    chmodSync(temporary, mode); // whatever the umask is
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function linkNode(path: string, node: string): void {
  const temporary = temporaryPath(path);
  rmSync(temporary, { force: true });
  symlinkSync(node, temporary);
  renameSync(temporary, path);
}

/** Hidden, so that no runtime takes it for a plugin or a configuration. */
function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}`);
}

function foreignFile(path: string, isConflist: boolean): CliError {
  return new CliError("failed", {
    what: `Cannot install "${path}": another file is there`,
    why: "it was not put there by podwire install, or was changed since",
    next: isConflist
      ? "remove it, or leave --conf-dir away and write the network configuration yourself"
      : "use another --bin-dir, or --replace: that keeps the file in .podwire/replaced/, and uninstall puts it back",
  });
}
