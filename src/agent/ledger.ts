/**
 * The pod ledger: a journal with a line for each step of a verb, so that the agent and one-shot processes can share it
 * and a SIGKILL at any step is seen afterwards. Of each attachment the last line counts:
 *   ["adding", name, what ADD was called with]   ADD has begun; what it made has to be undone
 *   ["added", name, facts]                       ADD is done
 *   ["deleting", name]                           DEL has begun; it has to be finished
 *   ["gone", name]                               nothing is left
 * A line is one write, since creating a file costs many times as much. One that was cut short says nothing: the step
 * before it counts, and the next line begins on its own. Nothing is synced to disk: after a power loss the epoch
 * differs, and then nothing of it is left in the kernel.
 */
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
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

export interface Ledger extends Disposable {
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

type Line =
  | readonly ["adding", string, Omit<LedgerRecord, "phase" | "facts">]
  | readonly ["added", string, AttachmentFacts]
  | readonly ["deleting" | "gone", string];

/** Below that size nobody minds what is gone. */
const COMPACT_LENGTH_MIN = 1024 * 1024;

/**
 * `cached`: hold all records in memory; for the agent, which is alone with the journal and writes it anew when most of
 * it is about attachments that are gone. `uncached`: look at the disk each time (one-shot processes).
 */
export function openLedger(folder: string, epoch: string, mode: "cached" | "uncached"): Ledger {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = journalPath(folder);
  const memory = mode === "cached" ? replay(readLines(path)) : undefined;
  /** Length of the journal, and what it was when it was last written anew. */
  let length = memory ? rewrite(path, memory) : 0;
  let needed = length;
  /** Held open by whoever is alone with it: opening takes longer than writing a line. */
  let fd = memory ? openSync(path, "a", 0o600) : undefined;

  const records = (): Map<string, LedgerRecord> => memory ?? replay(readLines(path));

  function find(key: LedgerKey): LedgerRecord | undefined {
    const name = nameOf(key);
    if (memory) return memory.get(name);
    const quoted = JSON.stringify(name);
    return replay(readLines(path).filter((line) => line.includes(quoted))).get(name);
  }

  function append(line: Line): void {
    const text = journalLine(line);
    appendFileSync(fd ?? path, text, { mode: 0o600 });
    if (memory === undefined) return;
    apply(memory, line);
    length += text.length;
    if (length <= COMPACT_LENGTH_MIN || length <= 2 * needed) return;
    length = needed = rewrite(path, memory);
    close();
    fd = openSync(path, "a", 0o600);
  }

  function close(): void {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  }

  /** On a full disk DEL goes on: its record stays, and the next agent finds that nothing is left to delete. */
  function appendIfRoom(line: Line): void {
    try {
      append(line);
    } catch (error) {
      if (!isFull(error)) throw error;
      if (memory) apply(memory, line);
    }
  }

  return {
    find,
    all: () => [...records().values()],
    begin: (given) => append(["adding", nameOf(given), { ...given, epoch }]),
    commit(key, facts) {
      if (find(key)) append(["added", nameOf(key), facts]);
    },
    startDelete(key) {
      const record = find(key);
      if (record !== undefined && record.phase !== "deleting") appendIfRoom(["deleting", nameOf(key)]);
    },
    remove(key) {
      if (find(key)) appendIfRoom(["gone", nameOf(key)]);
    },
    [Symbol.dispose]: close,
  };
}

/** Whether one-shot processes, which only append, have let the journal grow. */
export function isJournalLong(folder: string): boolean {
  return (statSync(journalPath(folder), { throwIfNoEntry: false })?.size ?? 0) > COMPACT_LENGTH_MIN;
}

/** Writes the journal anew when less than half of it is needed. The caller is alone with it. */
export function compactJournal(folder: string): void {
  const lines = readLines(journalPath(folder));
  const records = replay(lines);
  const length = lines.reduce((sum, line) => sum + line.length, 0);
  if (length > 2 * journalText(records).length) rewrite(journalPath(folder), records);
}

function journalPath(folder: string): string {
  return join(folder, "journal");
}

/** Gives the new length. */
function rewrite(path: string, records: ReadonlyMap<string, LedgerRecord>): number {
  const text = journalText(records);
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return text.length;
}

/** `:` is in none of the four by the CNI spec. */
function nameOf({ containerId, ifname, network, plugin }: LedgerKey): string {
  return [containerId, ifname, network, plugin].join(":");
}

/** Begins with a newline of its own: the line before may have been cut short. */
function journalLine(line: Line): string {
  return `\n${JSON.stringify(line)}\n`;
}

function journalText(records: ReadonlyMap<string, LedgerRecord>): string {
  return [...records]
    .flatMap(([name, { phase, facts, ...input }]): readonly Line[] => [
      ["adding", name, input],
      ...(facts ? [["added", name, facts] as const] : []),
      ...(phase === "deleting" ? [["deleting", name] as const] : []),
    ])
    .map(journalLine)
    .join("");
}

function replay(lines: readonly string[]): Map<string, LedgerRecord> {
  const records = new Map<string, LedgerRecord>();
  for (const text of lines) {
    const line = parseLine(text);
    if (line) apply(records, line);
  }
  return records;
}

function apply(records: Map<string, LedgerRecord>, line: Line): void {
  const [step, name] = line;
  const record = records.get(name);
  switch (step) {
    case "adding":
      records.set(name, { ...line[2], phase: "adding", facts: undefined });
      return;
    case "added":
      if (record) records.set(name, { ...record, phase: "added", facts: line[2] });
      return;
    case "deleting":
      if (record) records.set(name, { ...record, phase: "deleting" });
      return;
    case "gone":
      records.delete(name);
      return;
  }
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Undefined for what a kill or a power loss left: half a line, zeros, or nothing. */
function parseLine(text: string): Line | undefined {
  if (!text.startsWith("[") || !text.endsWith("]")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const [step, name, payload]: readonly JsonValue[] = Array.isArray(value) ? value : [];
  if (typeof name !== "string") return undefined;
  if (step === "deleting" || step === "gone") return [step, name];
  if (!isJsonObject(payload)) return undefined;
  // Written by `append` above from the same type; nobody else writes to this folder (mode 0700).
  if (step === "added") return [step, name, payload as AttachmentFacts];
  return step === "adding" ? [step, name, readInput(payload)] : undefined;
}

function readInput(payload: JsonObject): Omit<LedgerRecord, "phase" | "facts"> {
  const text = (key: string): string => (typeof payload[key] === "string" ? payload[key] : "");
  return {
    plugin: text("plugin"),
    network: text("network"),
    containerId: text("containerId"),
    ifname: text("ifname"),
    epoch: text("epoch"),
    netns: text("netns"),
    args: text("args"),
    path: text("path"),
    config: isJsonObject(payload["config"]) ? payload["config"] : {},
  };
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}
