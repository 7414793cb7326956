/** Lines of JSON between the benchmark and its workers: one request on stdin, one reply on stdout, in turn. */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { type BenchCase, benchCases } from "./cases.ts";
import { type Mode, modes } from "./plan.ts";

/** What a worker is started with, as JSON in its only argument. */
export interface WorkerOptions {
  /** `kernel` makes the kernel objects itself; otherwise the folder of the plugins. */
  readonly plugins: { readonly binDir: string; readonly environment: Readonly<Record<string, string>> } | "kernel";
  /** Folder of this contestant alone: addresses, state, log of the agent. */
  readonly stateDir: string;
  /** Command line of the agent that serves the plugins. */
  readonly agent?: { readonly argv: readonly string[]; readonly socketFolder: string };
}

export type WorkerRequest =
  /** Before the first pod of a case. */
  | { readonly do: "prepare"; readonly case: BenchCase }
  /** Attaches pods and detaches them, in the mode; answers `Measured`. */
  | {
      readonly do: "measure";
      readonly case: BenchCase;
      readonly mode: Mode;
      readonly pods: number;
      readonly lanes: number;
    }
  /** Behind the last pod of a case. */
  | { readonly do: "finish"; readonly case: BenchCase }
  /** Starts a program that does nothing; answers `Block`. */
  | {
      readonly do: "spawn";
      readonly path: string;
      readonly mode: Mode;
      readonly count: number;
      readonly lanes: number;
    }
  /** Answers `AgentMemory`, or null without an agent. */
  | { readonly do: "memory" };

export interface Block {
  readonly samplesMs: readonly number[];
  /** From the first start to the last end. */
  readonly wallMs: number;
}

export interface Measured {
  readonly add: Block;
  readonly del: Block;
}

export interface AgentMemory {
  readonly rssKb: number;
  readonly pssKb: number;
}

export type WorkerReply = { readonly value: JsonValue } | { readonly error: string };

export function parseRequest(line: string): WorkerRequest {
  const json: unknown = JSON.parse(line);
  if (!isJsonObject(json)) throw new Error(`Cannot read request ${JSON.stringify(line)}: not an object`);
  switch (json["do"]) {
    case "prepare":
    case "finish":
      return { do: json["do"], case: readCase(json) };
    case "measure":
      return {
        do: "measure",
        case: readCase(json),
        mode: readMode(json),
        pods: readNumber(json, "pods"),
        lanes: readNumber(json, "lanes"),
      };
    case "spawn": {
      const { path } = json;
      if (typeof path !== "string") throw new Error('Cannot read request: no "path"');
      return {
        do: "spawn",
        path,
        mode: readMode(json),
        count: readNumber(json, "count"),
        lanes: readNumber(json, "lanes"),
      };
    }
    case "memory":
      return { do: "memory" };
    default:
      throw new Error(`Cannot read request ${JSON.stringify(line)}: unknown "do"`);
  }
}

export function formatRequest(request: WorkerRequest): string {
  return `${JSON.stringify("case" in request ? { ...request, case: request.case.name } : request)}\n`;
}

/** Throws what the worker reports as an error. */
export function parseReply(line: string): JsonValue {
  const json: unknown = JSON.parse(line);
  if (!isJsonObject(json)) throw new Error(`Cannot read reply ${JSON.stringify(line)}: not an object`);
  if (typeof json["error"] === "string") throw new Error(json["error"]);
  return json["value"] ?? null;
}

export function readMeasured(value: JsonValue): Measured {
  if (!isJsonObject(value)) throw new Error("Cannot read measurement: not an object");
  return { add: readBlock(value["add"]), del: readBlock(value["del"]) };
}

export function readBlock(value: unknown): Block {
  if (!isJsonObject(value) || !Array.isArray(value["samplesMs"])) throw new Error("Cannot read block: no samples");
  const samplesMs = value["samplesMs"].filter((sample) => typeof sample === "number");
  return { samplesMs, wallMs: readNumber(value, "wallMs") };
}

/** Undefined for null: there is no agent. */
export function readMemory(value: JsonValue): AgentMemory | undefined {
  if (!isJsonObject(value)) return undefined;
  return { rssKb: readNumber(value, "rssKb"), pssKb: readNumber(value, "pssKb") };
}

function readCase(json: JsonObject): BenchCase {
  const found = benchCases.find(({ name }) => name === json["case"]);
  if (found === undefined) throw new Error(`Cannot read request: unknown case ${JSON.stringify(json["case"])}`);
  return found;
}

function readMode(json: JsonObject): Mode {
  const found = modes.find((mode) => mode === json["mode"]);
  if (found === undefined) throw new Error(`Cannot read request: unknown mode ${JSON.stringify(json["mode"])}`);
  return found;
}

function readNumber(json: JsonObject, name: string): number {
  const value = json[name];
  if (typeof value !== "number") throw new Error(`Cannot read "${name}": not a number`);
  return value;
}
