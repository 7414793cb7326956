/**
 * From anything thrown to the error object that a CNI plugin prints, and back from what a foreign plugin printed.
 * Source: CNI SPEC 1.1.0 "Error"; layout as libcni's skel prints it.
 */

import { isJsonObject } from "#base/json.ts";
import { CniError } from "./cni-error.ts";
import { fields, integer, optional, readFields, text } from "./config.ts";
import { errorMessage } from "./error-message.ts";
import { formatJson, omitEmpty, parseJson } from "./go-json.ts";

/** `{code, msg, details}`, indented by four, no newline at the end. */
export function formatError(error: CniError): string {
  return formatJson({ code: error.code, msg: error.message, ...omitEmpty({ details: error.details }) }, 4);
}

/** A CniError stays as it is, and gives its code to what wraps it; an error of the system is I/O (5), all else internal (999). */
export function toCniError(error: unknown): CniError {
  if (error instanceof CniError) return error;
  const wrapped = causesOf(error).find((cause) => cause instanceof CniError);
  const code = wrapped?.code ?? (isSystemError(error) ? "ioFailure" : "internal");
  return new CniError(code, errorMessage(error), describeCauses(error), { cause: error });
}

const wireError = fields({
  code: optional(integer({ min: 0 }), 0),
  msg: optional(text, ""),
  details: optional(text, ""),
});

/** Throws when the text is not an error object. Code 0, which says nothing, becomes 999. */
export function parseError(stdout: string): CniError {
  const json = parseJson(stdout);
  if (!isJsonObject(json)) throw new SyntaxError("it is not a JSON object");
  const { code, msg, details } = readFields(wireError, json);
  return new CniError(code === 0 ? "internal" : code, msg, details);
}

/** Node's errors of files, sockets and processes: they name the system call. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && "code" in error;
}

/** The messages of all causes, outermost first. */
function describeCauses(error: unknown): string {
  return causesOf(error).map(errorMessage).join("; caused by: ");
}

function causesOf(error: unknown): readonly unknown[] {
  const causes = new Set<unknown>();
  for (let at = causeOf(error); at !== undefined && !causes.has(at); at = causeOf(at)) causes.add(at);
  return [...causes];
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
