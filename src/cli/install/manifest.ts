/**
 * What an installation has put where, so that the next install and uninstall can tell our files from others':
 * a file is ours while its hash is the recorded one. Lies in `<bin-dir>/.podwire/manifest.json`.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "#base/json.ts";

export const PRIVATE_FOLDER = ".podwire";

export interface Manifest {
  readonly version: string;
  /** Path → SHA-256 in hex. Paths are relative to the folder of plugins, or absolute: the network configuration. */
  readonly files: Readonly<Record<string, string>>;
}

export function manifestPath(binDir: string): string {
  return join(binDir, PRIVATE_FOLDER, "manifest.json");
}

export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** Undefined when there is none. Throws when it cannot be understood. */
export function readManifest(binDir: string): Manifest | undefined {
  const path = manifestPath(binDir);
  const text = readIfThere(path)?.toString("utf8");
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    if (!isJsonObject(json) || !isJsonObject(json["files"])) throw new SyntaxError("it has no files");
    return { version: String(json["version"]), files: parseHashes(json["files"]) };
  } catch (cause) {
    throw new Error(`Cannot read manifest "${path}": it is damaged; remove it, then run podwire install again`, {
      cause,
    });
  }
}

function parseHashes(files: JsonObject): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(files).map(([path, hash]) => {
      if (typeof hash !== "string") throw new SyntaxError(`hash of "${path}" is not a string`);
      return [path, hash];
    }),
  );
}

export function hashOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Undefined when there is no such file. */
export function hashOfFile(path: string): string | undefined {
  const content = readIfThere(path);
  return content && hashOf(content);
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
