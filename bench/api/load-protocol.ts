/** Lines of JSON between the benchmark and its load processes: one request on stdin, one reply on stdout, in turn. */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { type Operation, operations } from "./cases.ts";
import type { Protocol } from "./contestants.ts";

/** What a load process is started with, as JSON in its only argument. */
export type LoadOptions =
  | {
      readonly type: "etcd";
      /** "127.0.0.1:2379" */
      readonly endpoint: string;
      /** As long as our stored objects are. */
      readonly valueBytes: number;
    }
  | { readonly type: "api"; readonly protocol: Protocol; readonly kubeconfig: string };

export type LoadRequest =
  /** Objects to list and to update. Answers the bytes of one object, as the server has it. */
  | { readonly do: "prepare" }
  /** Answers when all of them stand. */
  | { readonly do: "watch"; readonly watchers: number }
  /** Creates an object, waits until each watcher has its event, creates the next. Answers `Block`, a sample for each event and watcher. */
  | { readonly do: "events"; readonly count: number }
  | { readonly do: "unwatch" }
  /** Answers `Block`. */
  | { readonly do: "operate"; readonly operation: Operation; readonly count: number; readonly lanes: number }
  /** Creates nodes and pods and lets the pods run. Answers `Block`, a sample for each pod's creation. */
  | { readonly do: "fill"; readonly pods: number; readonly lanes: number }
  /** Lists all pods, at once and in pages as kubectl does. Answers `PodLists`. */
  | { readonly do: "list-pods"; readonly times: number };

export interface Block {
  readonly samplesMs: readonly number[];
  /** From the first start to the last end. */
  readonly wallMs: number;
}

export interface PodLists {
  readonly wholeMs: readonly number[];
  readonly pagedMs: readonly number[];
  readonly bytes: number;
}

export type LoadReply = { readonly value: JsonValue } | { readonly error: string };

export function parseRequest(line: string): LoadRequest {
  const json: unknown = JSON.parse(line);
  if (!isJsonObject(json)) throw new Error(`Cannot read request ${JSON.stringify(line)}: not an object`);
  switch (json["do"]) {
    case "prepare":
    case "unwatch":
      return { do: json["do"] };
    case "watch":
      return { do: "watch", watchers: readNumber(json, "watchers") };
    case "events":
      return { do: "events", count: readNumber(json, "count") };
    case "operate": {
      const operation = operations.find((known) => known === json["operation"]);
      if (operation === undefined) throw new Error(`Cannot read request ${JSON.stringify(line)}: unknown operation`);
      return { do: "operate", operation, count: readNumber(json, "count"), lanes: readNumber(json, "lanes") };
    }
    case "fill":
      return { do: "fill", pods: readNumber(json, "pods"), lanes: readNumber(json, "lanes") };
    case "list-pods":
      return { do: "list-pods", times: readNumber(json, "times") };
    default:
      throw new Error(`Cannot read request ${JSON.stringify(line)}: unknown "do"`);
  }
}

/** Throws what the load process reports as an error. */
export function parseReply(line: string): JsonValue {
  const json: unknown = JSON.parse(line);
  if (!isJsonObject(json)) throw new Error(`Cannot read reply ${JSON.stringify(line)}: not an object`);
  if (typeof json["error"] === "string") throw new Error(json["error"]);
  return json["value"] ?? null;
}

export function readBlock(value: JsonValue): Block {
  const json = requireObject(value);
  return { samplesMs: readNumbers(json, "samplesMs"), wallMs: readNumber(json, "wallMs") };
}

export function readPodLists(value: JsonValue): PodLists {
  const json = requireObject(value);
  return {
    wholeMs: readNumbers(json, "wholeMs"),
    pagedMs: readNumbers(json, "pagedMs"),
    bytes: readNumber(json, "bytes"),
  };
}

function requireObject(value: JsonValue): JsonObject {
  if (!isJsonObject(value)) throw new Error("Cannot read reply: not an object");
  return value;
}

function readNumbers(json: JsonObject, name: string): readonly number[] {
  const value = json[name];
  if (!Array.isArray(value)) throw new Error(`Cannot read "${name}": not a list`);
  return value.filter((sample) => typeof sample === "number");
}

function readNumber(json: JsonObject, name: string): number {
  const value = json[name];
  if (typeof value !== "number") throw new Error(`Cannot read "${name}": not a number`);
  return value;
}
