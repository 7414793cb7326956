/**
 * Reads JSON text from a client. `JSON.parse` does the work; a linear pass over the text limits the depth (everything
 * behind it recurses) and finds out cheaply whether any member is there twice, which `JSON.parse` hides.
 * Source: RFC 8259; the texts are those of Kubernetes' decoder.
 */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { badRequestError } from "../api-error.ts";
import { findDuplicates } from "./json-duplicates.ts";
import { closingQuote } from "./json-text.ts";

export interface ParsedJson {
  readonly value: JsonValue;
  /** `duplicate field "spec.replicas"`; the last of the values counts. */
  readonly duplicates: readonly string[];
}

/** Deeper than any manifest, and shallow enough for every recursive function here. */
export const JSON_DEPTH_MAX = 1000;

/** Throws ApiError 400. `duplicates: "ignore"` spares the search for them. */
export function parseJson(
  text: string,
  options: { readonly duplicates: "find" | "ignore" } = { duplicates: "find" },
): ParsedJson {
  const value = parse(text);
  const wantsDuplicates = options.duplicates === "find";
  // Every level takes two characters.
  if (!wantsDuplicates && text.length <= 2 * JSON_DEPTH_MAX) return { value, duplicates: [] };
  const { depth, members } = measure(text);
  if (depth > JSON_DEPTH_MAX) throw parseError("exceeded max depth");
  const isUnique = !wantsDuplicates || members === countMembers(value);
  return { value, duplicates: isUnique ? [] : findDuplicates(text) };
}

function parse(text: string): JsonValue {
  try {
    // What JSON.parse gives is a JsonValue by definition.
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    if (text.trim() === "") throw parseError("unexpected end of JSON input", error);
    throw parseError(error instanceof Error ? error.message : String(error), error);
  }
}

function parseError(problem: string, cause?: unknown): Error {
  return badRequestError(`couldn't get version/kind; json parse error: ${problem}`, cause);
}

const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The text is known to be JSON. */
function measure(text: string): { readonly depth: number; readonly members: number } {
  let depth = 0;
  let depthMax = 0;
  let members = 0;
  for (let offset = 0; offset < text.length; offset++) {
    const code = text.charCodeAt(offset);
    if (code === QUOTE) offset = closingQuote(text, offset);
    else if (code === COLON) members++;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) depthMax = Math.max(depthMax, ++depth);
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth--;
  }
  return { depth: depthMax, members };
}

function countMembers(value: JsonValue): number {
  let members = 0;
  if (isJsonObject(value)) {
    for (const name in value) members += 1 + countMembers(value[name] ?? null);
  } else if (typeof value === "object" && value !== null) {
    for (const item of value) members += countMembers(item);
  }
  return members;
}
