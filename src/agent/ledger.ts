/**
 * The pod ledger: one small file per attachment, so that the agent and one-shot processes can share it and a SIGKILL at
 * any step is seen afterwards. The phase is part of the file's name:
 *   adding    `….adding`    ADD has begun; what it made has to be undone
 *   added     `…`           ADD is done
 *   deleting  `….deleting`  DEL has begun; it has to be finished
 * Its first line is what ADD was called with, and is whole before ADD touches anything; a second line follows when ADD
 * is done, before the file gets its final name.
 * Nothing is synced to disk: after a power loss the epoch differs, and then nothing of it is left in the kernel.
 */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import type { Attachment } from "#cni/plugin.ts";
import type { AttachmentFacts } from "#plugins/host.ts";

export type Phase = "adding" | "added" | "deleting";

/** Everything needed to delete the attachment without the runtime's help. */
export interface LedgerRecord extends Attachment {
  readonly plugin: string;
  readonly phase: Phase;
  readonly epoch: string;
  readonly netns: string;
  /** CNI_ARGS and CNI_PATH of the ADD. */
  readonly args: string;
  readonly path: string;
  /** The network configuration of the ADD. */
  readonly config: JsonObject;
  /** Absent until ADD is done. */
  readonly facts: AttachmentFacts | undefined;
}

export type LedgerKey = Attachment & { readonly plugin: string };

export interface Ledger {
  find(key: LedgerKey): LedgerRecord | undefined;
  all(): readonly LedgerRecord[];
  /** Begins an ADD. Takes the place of a record with the same key. */
  begin(record: Omit<LedgerRecord, "phase" | "facts" | "epoch">): void;
  /** ADD is done. */
  commit(key: LedgerKey, facts: AttachmentFacts): void;
  /** Begins a DEL. Nothing to do without a record. */
  startDelete(key: LedgerKey): void;
  remove(key: LedgerKey): void;
}

const SUFFIX: Readonly<Record<Phase, string>> = { adding: ".adding", added: "", deleting: ".deleting" };
const PHASES: readonly Phase[] = ["added", "adding", "deleting"];
/** NAME_MAX is 255 bytes; the longest suffix and some room are taken off. */
const MAX_NAME_BYTES = 240;

/** `cached`: hold all records in memory (the agent, sole writer), or look at the disk each time (one-shot). */
export function openLedger(folder: string, epoch: string, mode: "cached" | "uncached"): Ledger {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const memory = mode === "cached" ? new Map(readAll(folder).map((record) => [fileName(record), record])) : undefined;

  function find(key: LedgerKey): LedgerRecord | undefined {
    const name = fileName(key);
    return memory ? memory.get(name) : readRecord(folder, name);
  }

  return {
    find,
    all: () => (memory ? [...memory.values()] : readAll(folder)),
    begin(given) {
      const record: LedgerRecord = { ...given, epoch, phase: "adding", facts: undefined };
      const previous = find(record);
      write(folder, record);
      if (previous && previous.phase !== "adding") unlinkSync(pathOf(folder, fileName(record), previous.phase));
      memory?.set(fileName(record), record);
    },
    commit(key, facts) {
      const record = find(key);
      if (record === undefined) return;
      const name = fileName(record);
      const path = pathOf(folder, name, record.phase);
      // Behind an earlier line of facts may stand one that was cut short.
      const start = record.phase === "added" ? "\n" : "";
      appendFileSync(path, `${start}${JSON.stringify(facts)}\n`);
      if (record.phase !== "added") renameSync(path, pathOf(folder, name, "added"));
      memory?.set(name, { ...record, facts, phase: "added" });
    },
    startDelete(key) {
      const record = find(key);
      if (record === undefined || record.phase === "deleting") return;
      const name = fileName(record);
      renameIfThere(pathOf(folder, name, record.phase), pathOf(folder, name, "deleting"));
      memory?.set(name, { ...record, phase: "deleting" });
    },
    remove(key) {
      const record = find(key);
      // A file that was cut short says nothing; of those, the cached ledger has removed all when it was opened.
      if (record === undefined && !memory) rmSync(pathOf(folder, fileName(key), "adding"), { force: true });
      if (record === undefined) return;
      rmSync(pathOf(folder, fileName(record), record.phase), { force: true });
      memory?.delete(fileName(record));
    },
  };
}

/** `:` is in none of the four by the CNI spec. Names too long for a file are replaced by their hash. */
function fileName({ containerId, ifname, network, plugin }: LedgerKey): string {
  const name = [containerId, ifname, network, plugin].join(":");
  return Buffer.byteLength(name) <= MAX_NAME_BYTES ? name : createHash("sha256").update(name).digest("hex");
}

function pathOf(folder: string, name: string, phase: Phase): string {
  return join(folder, name + SUFFIX[phase]);
}

function write(folder: string, { phase, facts: _none, ...input }: LedgerRecord): void {
  writeFileSync(pathOf(folder, fileName(input), phase), `${JSON.stringify(input)}\n`, { mode: 0o600 });
}

/** Somebody may have cleared the state folder: then nothing can be marked, and DEL goes on without. */
function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

function readAll(folder: string): readonly LedgerRecord[] {
  const names = new Set(readdirSync(folder).map((file) => file.replace(/\.(adding|deleting)$/, "")));
  return [...names].flatMap((name) => {
    const record = readRecord(folder, name);
    for (const phase of PHASES) {
      if (phase !== record?.phase) rmSync(pathOf(folder, name, phase), { force: true });
    }
    return record ? [record] : [];
  });
}

function readRecord(folder: string, name: string): LedgerRecord | undefined {
  for (const phase of PHASES) {
    const record = parseRecord(pathOf(folder, name, phase), phase);
    if (record) return record;
  }
  return undefined;
}

/** Undefined when there is no such file, or when it was cut short before its first line was whole. */
function parseRecord(path: string, phase: Phase): LedgerRecord | undefined {
  const [input, ...additions] = readLines(path).map(parseLine);
  if (input === undefined || !isJsonObject(input["config"])) return undefined;
  const text = (key: string): string => (typeof input[key] === "string" ? input[key] : "");
  return {
    phase,
    plugin: text("plugin"),
    network: text("network"),
    containerId: text("containerId"),
    ifname: text("ifname"),
    epoch: text("epoch"),
    netns: text("netns"),
    args: text("args"),
    path: text("path"),
    config: input["config"],
    // Written by `commit` above from the same type; nobody else writes to this folder (mode 0700).
    facts: additions.findLast((line) => line !== undefined) as AttachmentFacts | undefined,
  };
}

/** Whole lines alone: what stands behind the last newline was cut short. */
function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(0, -1);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Undefined for what a power loss left: zeros, or half of something else. */
function parseLine(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
