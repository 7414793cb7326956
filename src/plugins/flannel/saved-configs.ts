/**
 * The delegate's configuration of each container, kept from ADD to DEL: one file per container ID, in the flannel
 * plugin's format, so that either can take over from the other. A file is complete or not there.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { CniError } from "#cni/cni-error.ts";
import { formatJson, parseJson } from "#cni/go-json.ts";
import { isFsError } from "../fs-error.ts";

export interface SavedConfig {
  readonly name: string;
  readonly type: string;
  readonly json: JsonObject;
}

/** "missing": ADD did not get far enough. "broken": a file that says nothing. */
export type Saved = SavedConfig | "missing" | "broken";

export function saveConfig(dataDir: string, containerId: string, json: JsonObject): void {
  withTypedErrors("save", dataDir, () => {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const temporary = temporaryFile(dataDir, containerId);
    writeFileSync(temporary, formatJson(json), { mode: 0o600 });
    renameSync(temporary, join(dataDir, containerId));
  });
}

export function readSavedConfig(dataDir: string, containerId: string): Saved {
  return withTypedErrors("read", dataDir, () => {
    try {
      const json = parseJson(readFileSync(join(dataDir, containerId)));
      if (!isJsonObject(json)) return "broken";
      const { name, type } = json;
      return typeof name === "string" && typeof type === "string" && type !== "" ? { name, type, json } : "broken";
    } catch (error) {
      if (error instanceof SyntaxError) return "broken";
      if (isFsError(error, "ENOENT")) return "missing";
      throw error;
    }
  });
}

/** Also one that a killed process has not finished. */
export function removeSavedConfig(dataDir: string, containerId: string): void {
  withTypedErrors("remove", dataDir, () => {
    rmSync(temporaryFile(dataDir, containerId), { force: true });
    rmSync(join(dataDir, containerId), { force: true });
  });
}

/** Removes what the network's other containers left, unfinished files too. */
export function keepSavedConfigs(dataDir: string, network: string, containerIds: ReadonlySet<string>): void {
  for (const file of listFiles(dataDir)) {
    const [, unfinished] = /^\.(.+)\.tmp$/.exec(file) ?? [];
    if (containerIds.has(unfinished ?? file)) continue;
    const saved = unfinished === undefined ? readSavedConfig(dataDir, file) : undefined;
    const isOurs = saved === undefined || (typeof saved === "object" && saved.name === network);
    if (isOurs) removeSavedConfig(dataDir, file);
  }
}

function listFiles(dataDir: string): readonly string[] {
  return withTypedErrors("list", dataDir, () => {
    try {
      const entries = readdirSync(dataDir, { withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    } catch (error) {
      if (isFsError(error, "ENOENT")) return [];
      throw error;
    }
  });
}

/** Container IDs do not start with a dot, so it is nobody's file. */
function temporaryFile(dataDir: string, containerId: string): string {
  return join(dataDir, `.${containerId}.tmp`);
}

function withTypedErrors<T>(action: string, dataDir: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const message = `Cannot ${action} the delegate's configuration in "${dataDir}": ${cause.message}`;
    throw new CniError("ioFailure", message, "", { cause });
  }
}
