/**
 * YAML bodies as the JSON that they stand for, held to the same limits: no deeper, no larger, no cycles. Where there
 * are several documents the first one counts. Most YAML that clients send is JSON, which is read as such.
 * Source: YAML 1.2.2, core schema; the texts are those of the API server.
 */
import type { Alias, Document, LineCounter, Node, Pair, YAMLMap } from "yaml";
import { ApiError, badRequestError } from "#api/api-error.ts";
import { type ParsedJson, parseJson } from "#api/schema/parse-json.ts";

/** The parser is slow: what is larger must be JSON. */
export const MAX_YAML_BYTES = 256 * 1024;
/** Aliases may repeat what they stand for so often that it becomes this long, in UTF-16 units. */
const MAX_EXPANDED_LENGTH = 3 * 1024 * 1024;
const DUPLICATES_MAX = 100;

/** Throws ApiError 400, and 413 for YAML that is too large. */
export async function parseYaml(text: string): Promise<ParsedJson> {
  if (/^\s*[{[]/.test(text)) {
    const json = parseIfJson(text);
    if (json !== undefined) return json;
  }
  if (text.length > MAX_YAML_BYTES) throw tooLargeError();
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  try {
    const [document] = yaml.parseAllDocuments(text, {
      schema: "core",
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter: lines,
      logLevel: "error",
    });
    // Nothing but comments.
    if (document === undefined || !("contents" in document)) return { value: null, duplicates: [] };
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`line ${lines.linePos(error.pos[0]).line}: ${error.message}`);
    const duplicates = inspect(yaml, document, lines);
    return { value: plainJson(document.toJS({ maxAliasCount: 100 })), duplicates };
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    // Far too deep: the parser recurses.
    const why = cause instanceof RangeError ? "exceeded max depth" : (cause as Error).message;
    throw badRequestError(`error converting YAML to JSON: yaml: ${why}`, cause);
  }
}

/** undefined when the text is no JSON; flow mappings of YAML begin like it. */
function parseIfJson(text: string): ParsedJson | undefined {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof ApiError && error.cause instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Gives what is said of keys that are there twice; throws for an anchor that holds itself. */
function inspect(yaml: typeof import("yaml"), document: Document.Parsed, lines: LineCounter): readonly string[] {
  const duplicates: string[] = [];
  yaml.visit(document, {
    Alias(_key, { source }: Alias, path: readonly (Document | Node | Pair)[]) {
      if (path.some((node) => "anchor" in node && node.anchor === source)) {
        throw new Error(`anchor '${source}' value contains itself`);
      }
    },
    Map(_key, { items }: YAMLMap) {
      const seen = new Set<string>();
      for (const { key } of items) {
        const name = yaml.isScalar(key) ? String(key.value) : "";
        if (yaml.isScalar(key) && seen.has(name) && duplicates.length < DUPLICATES_MAX) {
          const { line } = lines.linePos(key.range?.[0] ?? 0);
          duplicates.push(`line ${line}: key ${JSON.stringify(name)} already set in map`);
        }
        seen.add(name);
      }
    },
  });
  return duplicates.length === 0 ? [] : [`yaml: unmarshal errors:\n  ${duplicates.join("\n  ")}`];
}

/** A copy in which nothing is shared. */
function plainJson(value: unknown): ParsedJson["value"] {
  let length = 0;
  const text = JSON.stringify(value, (key, member: unknown) => {
    length += key.length + (typeof member === "string" ? member.length : 1);
    if (length > MAX_EXPANDED_LENGTH) throw new Error("document contains excessive aliasing");
    if (typeof member === "number" && !Number.isFinite(member)) throw new Error(`unsupported value: ${member}`);
    return member;
  });
  return parseJson(text ?? "null", { duplicates: "ignore" }).value;
}

function tooLargeError(): ApiError {
  return new ApiError({
    code: 413,
    reason: "RequestEntityTooLarge",
    message: `Request entity too large: limit is ${MAX_YAML_BYTES} for YAML, send JSON instead`,
  });
}
